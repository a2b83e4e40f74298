/** A part of a piece and where its record begins. */
export interface PartPlace {
  /** Number of the log file. */
  readonly file: number
  readonly atByte: number
  /** Bytes of the piece in it. */
  readonly lengthBytes: number
}

/** Most parts of one piece: as many as a piece of 16 MiB has blocks. */
const PARTS_MAX = 256
/** A place: file 4, length 4, offset of the record 8, all big endian. */
export const PLACE_BYTES = 16
/** Longest list of parts. */
export const PARTS_BYTES_MAX: number = PARTS_MAX * PLACE_BYTES

/** The list of a piece's parts, in their order. */
export function encodeParts(parts: readonly PartPlace[]): Uint8Array {
  const bytes = new Uint8Array(parts.length * PLACE_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, { file, atByte, lengthBytes }] of parts.entries()) {
    const at = index * PLACE_BYTES
    view.setUint32(at, file)
    view.setUint32(at + 4, lengthBytes)
    view.setBigUint64(at + 8, BigInt(atByte))
  }
  return bytes
}

/** The parts of a piece of so many bytes; undefined when the list is that of none, or rotted. */
export function decodeParts(bytes: Uint8Array, lengthBytes: number): readonly PartPlace[] | undefined {
  if (bytes.length === 0 || bytes.length > PARTS_BYTES_MAX || bytes.length % PLACE_BYTES !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const parts: PartPlace[] = []
  let sumBytes = 0
  for (let at = 0; at < bytes.length; at += PLACE_BYTES) {
    const part = {
      file: view.getUint32(at),
      atByte: Number(view.getBigUint64(at + 8)),
      lengthBytes: view.getUint32(at + 4),
    }
    parts.push(part)
    sumBytes += part.lengthBytes
  }
  return sumBytes === lengthBytes ? parts : undefined
}
