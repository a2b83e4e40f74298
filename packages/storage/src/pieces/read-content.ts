import { concatBytes } from '@stead/protocol'
import type { LogFiles } from './log-files.ts'
import { HEAD_BYTES } from './piece-record.ts'
import { type PieceRow, partsOf } from './piece-rows.ts'

/** Bytes of a piece from one place on, wherever its records have them; fewer where they are not there any more. */
export async function readContent(
  files: LogFiles,
  row: PieceRow,
  { fromByte, lengthBytes }: { readonly fromByte: number; readonly lengthBytes: number },
): Promise<Uint8Array> {
  if (row.parts === undefined) {
    const atByte = row.atByte + HEAD_BYTES + row.blocksBytes + fromByte
    return await files.use(row.file, (file) => file.read(atByte, lengthBytes))
  }
  const read: Uint8Array[] = []
  let begin = 0
  for (const part of partsOf(row)) {
    const end = begin + part.lengthBytes
    const from = Math.max(begin, fromByte)
    const wanted = Math.min(end, fromByte + lengthBytes) - from
    const atByte = part.atByte + HEAD_BYTES + from - begin
    if (wanted > 0) read.push(await files.use(part.file, (file) => file.read(atByte, wanted)))
    begin = end
  }
  const [first] = read
  return read.length === 1 && first !== undefined ? first : concatBytes(...read)
}
