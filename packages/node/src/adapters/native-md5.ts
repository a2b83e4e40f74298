import { createHash } from 'node:crypto'

/** MD5 by the platform. */
export function nativeMd5(bytes: Uint8Array): Uint8Array {
  return createHash('md5').update(bytes).digest()
}
