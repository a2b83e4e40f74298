import type { Hash } from '@stead/core'
import type { LogFiles, RecordPlace } from './log-files.ts'
import { encodeParts, type PartPlace } from './part-places.ts'
import type { PieceIndex } from './piece-index.ts'
import { contentBytes, decodeFileHead, HEAD_BYTES, type RecordHead, recordBytes } from './piece-record.ts'
import { type PieceRow, partsOf, shapeOf } from './piece-rows.ts'
import { type FoundRecord, scanRecords } from './scan-records.ts'

/** What compaction works on. */
export interface CompactFileParts {
  readonly files: LogFiles
  readonly index: PieceIndex
  /** Work on one piece, while nobody else works on it. */
  readonly inTurn: (piece: Hash, work: () => Promise<void>) => Promise<void>
}

type Logs = Pick<CompactFileParts, 'files' | 'index'>

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
  logs: Logs,
  { record, number, isOldest }: { readonly record: FoundRecord; readonly number: number; readonly isOldest: boolean },
): Promise<void> {
  const { head, atByte } = record
  const from = { file: number, atByte }
  const row = await logs.index.get(head.piece)
  if (head.kind === 'delete') {
    // A deletion is needed for as long as an older file may have what was deleted.
    if (row === undefined && !isOldest) await note(logs, head, { row, place: await copied(logs, head, from) })
    return
  }
  if (row === undefined) return
  const isOwn = isAt(row, from)
  const parts = partsOf(row)
  if (parts.length === 0 && isOwn) await note(logs, head, { row, place: await copied(logs, head, from) })
  else if (parts.length > 0 && (isOwn || parts.some((part) => isAt(part, from))))
    await moveParts(logs, head.piece, { row, parts, number })
}

function isAt(place: RecordPlace, { file, atByte }: RecordPlace): boolean {
  return place.file === file && place.atByte === atByte
}

/** All that a piece in parts has in the file, and after it the record that says where its parts are now. */
async function moveParts(
  logs: Logs,
  piece: Hash,
  { row, parts, number }: { readonly row: PieceRow; readonly parts: readonly PartPlace[]; readonly number: number },
): Promise<void> {
  const { files } = logs
  const { root } = row
  const moved: PartPlace[] = []
  for (const part of parts) {
    const { file, lengthBytes } = part
    const head: RecordHead = { kind: 'part', piece, root, lengthBytes, blocksBytes: 0, partsBytes: 0 }
    moved.push(file === number ? { lengthBytes, ...(await copied(logs, head, part)) } : part)
  }
  const bytes = encodeParts(moved)
  const head: RecordHead = { kind: 'parts', piece, root, ...shapeOf(row) }
  const blocks = await files.use(row.file, (file) => file.read(row.atByte + HEAD_BYTES, row.blocksBytes))
  const place = await files.append(head, { blocks, bytes })
  for (const { file } of moved) await files.flush(file)
  await note(logs, head, { row: { ...row, parts: bytes }, place })
}

/** Appends a record again as it is. */
async function copied({ files }: Logs, head: RecordHead, { file, atByte }: RecordPlace): Promise<RecordPlace> {
  const content = await files.use(file, async (opened) => ({
    blocks: await opened.read(atByte + HEAD_BYTES, head.blocksBytes),
    bytes: await opened.read(atByte + HEAD_BYTES + head.blocksBytes, contentBytes(head)),
  }))
  return await files.append(head, content)
}

/** Has the index know where a record is now, when it is on the disk. */
async function note(
  { files, index }: Logs,
  head: RecordHead,
  { row, place }: { readonly row: PieceRow | undefined; readonly place: RecordPlace },
): Promise<void> {
  await files.flush(place.file)
  const change = { piece: head.piece, row: row === undefined ? undefined : { ...row, ...place } }
  await index.apply([change], { file: place.file, endByte: place.atByte + recordBytes(head) })
}
