const CHUNK_LENGTH = 0x8000

/** Bytes as base64 with padding; for JSON. */
export function bytesToBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  // fromCharCode takes its input as arguments, of which engines allow some tens of thousands.
  for (let at = 0; at < bytes.length; at += CHUNK_LENGTH) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + CHUNK_LENGTH)))
  }
  return btoa(parts.join(''))
}

/** The bytes of valid base64 with padding. */
export function bytesOfBase64(text: string): Uint8Array {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
