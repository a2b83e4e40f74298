import { bytesToHex } from '@noble/hashes/utils.js'
import { moduleIdOf } from '../module-id.ts'

interface DigestScope {
  readonly crypto?: {
    readonly subtle?: { digest(name: 'SHA-256', bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> }
  }
}

/**
 * The module's id, computed by the browser off the page's thread where it offers that: on pages that came over a secure
 * connection. @param bytes must not change before the promise settles
 */
export async function moduleIdOfCopy(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = (globalThis as unknown as DigestScope).crypto ?? {}
  if (subtle === undefined) return moduleIdOf(bytes)
  return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
}
