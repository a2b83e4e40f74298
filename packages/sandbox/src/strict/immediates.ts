/** What a shuffle moves as a whole: lanes of 64 bits, only those of 32, or neither. */
export type LaneMoves = 'f64' | 'f32' | 'none'

const VECTOR_BYTES = 16

/** Decodes the 16 lane numbers before `end`. */
export function laneMovesOf(bytes: Uint8Array, end: number): LaneMoves {
  const start = end - VECTOR_BYTES
  if (movesWhole(bytes, start, 8)) return 'f64'
  return movesWhole(bytes, start, 4) ? 'f32' : 'none'
}

function movesWhole(bytes: Uint8Array, start: number, laneBytes: number): boolean {
  for (let at = 0; at < VECTOR_BYTES; at += laneBytes) {
    const first = bytes[start + at] as number
    if (first % laneBytes !== 0) return false
    for (let offset = 1; offset < laneBytes; offset++) if (bytes[start + at + offset] !== first + offset) return false
  }
  return true
}

/** True when the constant of 4, 8 or 16 bytes before `end` holds no NaN, whatever a vector's lanes are taken for. */
export function isTameConstant(bytes: Uint8Array, end: number, lengthBytes: 4 | 8 | 16): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + end - lengthBytes, lengthBytes)
  if (lengthBytes !== 8)
    for (let at = 0; at < lengthBytes; at += 4) if (Number.isNaN(view.getFloat32(at, true))) return false
  if (lengthBytes !== 4)
    for (let at = 0; at < lengthBytes; at += 8) if (Number.isNaN(view.getFloat64(at, true))) return false
  return true
}
