import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { keepSettings } from '../src/config/keep-settings.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { listSettings } from '../src/config/settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-kept-'))
afterAll(() => rmSync(directory, { recursive: true }))

function given(file: string, flags: Readonly<Record<string, unknown>>) {
  const { values } = loadConfig(listSettings(1), { file, environment: {}, flags })
  return values.filter(({ origin }) => origin === 'flag')
}

describe('settings that are kept', () => {
  it('are found by the next command, in any folder', () => {
    const file = join(directory, 'new', 'config.json')
    const flags = {
      'chain.addressBook': 'book.json',
      'epochs.policies': ['one.json', '/two.json'],
      'network.bootstrap': ['/ip4/127.0.0.1/tcp/1'],
      'storage.spread': false,
    }
    keepSettings(file, given(file, flags))
    const { config, values } = loadConfig(listSettings(1), { file, environment: {}, flags: {} })
    expect(config.chain.addressBook).toBe(resolve('book.json'))
    expect(config.epochs.policies).toEqual([resolve('one.json'), '/two.json'])
    expect(config.network.bootstrap).toEqual(['/ip4/127.0.0.1/tcp/1'])
    expect(config.storage.spread).toBe(false)
    expect(values.filter(({ origin }) => origin !== 'default')).toHaveLength(4)
  })

  it('leave the others of the file as they are', () => {
    const file = join(directory, 'config.json')
    const before = { $schema: 'x', network: { mdns: false, bootstrap: [] }, log: { level: 'warn' } }
    writeFileSync(file, JSON.stringify(before))
    keepSettings(file, given(file, { 'network.bootstrap': ['/ip4/127.0.0.1/tcp/1'] }))
    const network = { mdns: false, bootstrap: ['/ip4/127.0.0.1/tcp/1'] }
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ ...before, network })
  })
})
