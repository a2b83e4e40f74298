import type { Hash } from '@stead/core'
import type { LogFiles } from './log-files.ts'
import type { PieceIndex } from './piece-index.ts'
import { decodeFileHead, HEAD_BYTES, recordBytes } from './piece-record.ts'
import { type FoundRecord, scanRecords } from './scan-records.ts'

/** What compaction works on. */
export interface CompactFileParts {
  readonly files: LogFiles
  readonly index: PieceIndex
  /** Work on one piece, while nobody else works on it. */
  readonly inTurn: (piece: Hash, work: () => Promise<void>) => Promise<void>
}

/**
 * Copies what lives in a file to the end of the log; afterwards nothing needs the file. A crash at any step leaves records
 * in two places, of which the index has one.
 * @throws CoreError as Disk and Store
 */
export async function compactFile({ files, index, inTurn }: CompactFileParts, number: number): Promise<void> {
  const records = await files.use(number, async (file) => {
    const key = decodeFileHead(await file.read(0, HEAD_BYTES))
    return key === undefined ? [] : (await scanRecords(file, key, HEAD_BYTES)).records
  })
  const isOldest = !index.files().some((other) => other.number < number)
  for (const record of records) {
    await inTurn(record.head.piece, () => copyRecord({ files, index }, { record, number, isOldest }))
  }
}

async function copyRecord(
  { files, index }: Pick<CompactFileParts, 'files' | 'index'>,
  { record, number, isOldest }: { readonly record: FoundRecord; readonly number: number; readonly isOldest: boolean },
): Promise<void> {
  const { head, atByte } = record
  const row = await index.get(head.piece)
  // A deletion is needed for as long as an older file may have what was deleted.
  const isNeeded =
    head.kind === 'delete' ? row === undefined && !isOldest : row?.file === number && row.atByte === atByte
  if (!isNeeded) return
  const content = await files.use(number, async (file) => ({
    blocks: await file.read(atByte + HEAD_BYTES, head.blocksBytes),
    bytes: await file.read(atByte + HEAD_BYTES + head.blocksBytes, head.lengthBytes),
  }))
  const place = await files.append(head, content)
  await files.flush(place.file)
  const change = { piece: head.piece, row: row === undefined ? undefined : { ...row, ...place } }
  await index.apply([change], { file: place.file, endByte: place.atByte + recordBytes(head) })
}
