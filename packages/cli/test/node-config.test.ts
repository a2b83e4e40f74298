import { listNodeSettings } from '@stead/node'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addNodeSettings } from '../src/node-config.ts'

describe('the help of a setting', () => {
  const { options } = addNodeSettings(new Command())

  it('says of a flag that switches something off that it does', () => {
    const off = options.filter(({ negate }) => negate)
    expect(off).toHaveLength(listNodeSettings().filter(({ defaultValue }) => defaultValue === true).length)
    for (const { description } of off) expect(description).toMatch(/^Do not (?!keep no|not )[a-z]/)
    expect(off.find(({ long }) => long === '--no-mdns')?.description).toBe(
      'Do not find nodes on the same local network.',
    )
  })

  it('is its own sentence otherwise', () => {
    const { help, flagName } =
      listNodeSettings().find(({ kind, defaultValue }) => kind === 'flag' && !defaultValue) ?? {}
    expect(options.find(({ long }) => long === `--${flagName}`)?.description).toBe(help)
  })
})
