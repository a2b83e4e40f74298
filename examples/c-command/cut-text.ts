import type { InputRange, JobInput } from '@stead/sdk/job'

/** Bytes before the end of a piece in which a space is looked for: no word of a language is longer. */
const LOOK_BYTES = 4096

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13)

/**
 * Cuts text into pieces of at most `sizeBytes`, between words where there is a space in the last 4 KiB of a piece. Only
 * these are read: the text may be larger than memory.
 */
export async function cutText(input: JobInput, sizeBytes: number): Promise<InputRange[]> {
  const pieces: InputRange[] = []
  for (let fromByte = 0; fromByte < input.lengthBytes; ) {
    let toByte = Math.min(fromByte + sizeBytes, input.lengthBytes)
    if (toByte < input.lengthBytes) toByte = await lastSpace(input, fromByte, toByte)
    pieces.push({ input, fromByte, toByte })
    fromByte = toByte
  }
  return pieces
}

async function lastSpace(input: JobInput, fromByte: number, toByte: number): Promise<number> {
  const start = Math.max(fromByte, toByte - LOOK_BYTES)
  const bytes = await input.read(start, toByte + 1)
  const space = bytes.findLastIndex((byte, index) => isSpace(byte) && start + index > fromByte)
  return space < 0 ? toByte : start + space
}
