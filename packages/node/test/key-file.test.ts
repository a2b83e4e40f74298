import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nobleSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { loadOrCreateKey, systemRandom } from '../src/identity/index.ts'

const components = { secp256k1: nobleSecp256k1, random: systemRandom }
const place = (): string => join(mkdtempSync(join(tmpdir(), 'stead-key-')), 'keys', 'node.key')

describe('the key file', () => {
  it('is made once, for its owner alone, and gives the same key again', () => {
    const path = place()
    const key = loadOrCreateKey(path, components)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(loadOrCreateKey(path, components)).toEqual(key)
    expect(loadOrCreateKey(place(), components)).not.toEqual(key)
  })

  it('is refused when others can read it', () => {
    const path = place()
    loadOrCreateKey(path, components)
    chmodSync(path, 0o644)
    expect(() => loadOrCreateKey(path, components)).toThrow(expect.objectContaining({ code: 'NODE_KEY_EXPOSED' }))
  })

  it.each(['', 'hello', '0'.repeat(64), 'f'.repeat(64), 'a'.repeat(63)])(
    'is never replaced when it holds something else: %j',
    (content) => {
      const path = place()
      loadOrCreateKey(path, components)
      writeFileSync(path, content, { mode: 0o600 })
      expect(() => loadOrCreateKey(path, components)).toThrow(expect.objectContaining({ code: 'NODE_KEY_INVALID' }))
      expect(readFileSync(path, 'utf8')).toBe(content)
    },
  )
})
