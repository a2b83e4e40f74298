import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Random } from '@stead/core'
import { bytesToHex, hexToBytes, type Secp256k1 } from '@stead/protocol'
import { NodeError } from '../errors.ts'
import { writePrivateFile } from './private-file.ts'

const KEY_PATTERN = /^(0x)?[0-9a-f]{64}$/i
const GROUP_AND_OTHERS = 0o077

/**
 * Reads a secp256k1 private key (32 bytes, hexadecimal) from a file, which is made with mode 0600 when it is missing.
 * @throws NodeError NODE_KEY_INVALID, NODE_KEY_EXPOSED
 */
export function loadOrCreateKey(path: string, components: { secp256k1: Secp256k1; random: Random }): Uint8Array {
  if (!existsSync(path)) {
    writePrivateFile(path, `${bytesToHex(freshKey(components))}\n`, true)
  }
  return loadKey(path, components.secp256k1)
}

/** Reads a private key from a file that is there. @throws NodeError NODE_KEY_INVALID, NODE_KEY_EXPOSED */
export function loadKey(path: string, secp256k1: Secp256k1): Uint8Array {
  if (!existsSync(path)) throw new NodeError('NODE_KEY_INVALID', `there is no key in ${path}`, { details: { path } })
  checkMode(path)
  const text = readFileSync(path, 'utf8').trim()
  if (!KEY_PATTERN.test(text)) {
    throw new NodeError('NODE_KEY_INVALID', `${path} does not hold 64 hexadecimal digits`, { details: { path } })
  }
  const key = hexToBytes(text.startsWith('0x') ? text : `0x${text}`)
  try {
    secp256k1.publicKey(key)
  } catch (cause) {
    throw new NodeError('NODE_KEY_INVALID', `${path} does not hold a secp256k1 key`, { details: { path }, cause })
  }
  return key
}

function checkMode(path: string): void {
  if (process.platform === 'win32') return
  const mode = statSync(path).mode & 0o777
  if ((mode & GROUP_AND_OTHERS) === 0) return
  throw new NodeError('NODE_KEY_EXPOSED', `${path} has mode ${mode.toString(8)}, need 600`, {
    details: { path, haveMode: mode.toString(8), needMode: '600' },
    next: `Run: chmod 600 ${path}`,
  })
}

function freshKey({ secp256k1, random }: { secp256k1: Secp256k1; random: Random }): Uint8Array {
  for (;;) {
    const key = random.bytes(32)
    try {
      secp256k1.publicKey(key)
      return key
    } catch {
      // A number outside the group's order: less likely than 2^-127; drawn again.
    }
  }
}
