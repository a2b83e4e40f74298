import type { DiskFile, Hash } from '@stead/core'
import type { LogFiles } from './log-files.ts'
import { decodeParts } from './part-places.ts'
import type { IndexChange, PieceIndex } from './piece-index.ts'
import { decodeFileHead, HEAD_BYTES, recordBytes } from './piece-record.ts'
import { recordsOf } from './piece-rows.ts'
import { type FoundRecord, scanRecords } from './scan-records.ts'

/** What was found at the start. */
export interface Recovery {
  /** Pieces that the index did not know; what else the store was told of them may be gone as well. */
  readonly found: readonly Hash[]
  /** Bytes of the logs that are no records any more. */
  readonly damagedBytes: number
  /** Pieces whose file is gone, and that no other file has. */
  readonly lost: number
}

interface FileRecovery extends Pick<Recovery, 'found' | 'damagedBytes'> {
  /** Pieces that the index did not know to be deleted. */
  readonly deleted: readonly Hash[]
}

const BATCH_RECORDS = 500

/** Brings the index up to what the logs say, and goes on with the last file. @throws CoreError as Disk and Store */
export async function recoverIndex(files: LogFiles, index: PieceIndex): Promise<Recovery> {
  await index.load()
  const listed = await files.list()
  const present = new Set(listed.map(({ number }) => number))
  const missing = await forgetMissing(index, present)
  const pieces: Hash[] = []
  let damagedBytes = 0
  for (const { number, lengthBytes } of listed) {
    const indexedBytes = indexedEnd(index, number)
    const isLast = number === listed.at(-1)?.number
    // A crash as it was made: it has nothing, not even a head.
    if (lengthBytes < HEAD_BYTES) {
      await files.remove(number)
      continue
    }
    if (lengthBytes > indexedBytes) {
      const found = await recoverFile(
        { files, index, present },
        { number, fromByte: Math.max(indexedBytes, HEAD_BYTES), isLast },
      )
      pieces.push(...found.found)
      // A compaction moved them, of which the index did not hear before a loss of power.
      for (const piece of [...found.found, ...found.deleted]) missing.delete(piece)
      damagedBytes += found.damagedBytes
    }
    if (isLast) await files.resume(number)
  }
  return { found: pieces, damagedBytes, lost: missing.size }
}

async function recoverFile(
  {
    files,
    index,
    present,
  }: { readonly files: LogFiles; readonly index: PieceIndex; readonly present: ReadonlySet<number> },
  { number, fromByte, isLast }: { readonly number: number; readonly fromByte: number; readonly isLast: boolean },
): Promise<FileRecovery> {
  return await files.use(number, async (file) => {
    const key = decodeFileHead(await file.read(0, HEAD_BYTES))
    if (key === undefined) {
      await index.apply([], { file: number, endByte: file.lengthBytes })
      return { found: [], deleted: [], damagedBytes: file.lengthBytes }
    }
    const { records, endByte, damagedBytes } = await scanRecords(file, key, fromByte)
    for (let from = 0; from < records.length; from += BATCH_RECORDS) {
      const batch = records.slice(from, from + BATCH_RECORDS)
      const last = batch.at(-1)
      const indexed = last === undefined ? fromByte : last.atByte + recordBytes(last.head)
      const changes = await Promise.all(batch.map((record) => changesOf({ file, number, present }, record)))
      await index.apply(changes.flat(), { file: number, endByte: indexed })
    }
    // Only the end of the last file can be torn: there is no record that anybody was told of.
    if (isLast && endByte < file.lengthBytes) await file.truncate(endByte)
    // What is no record takes room as well, until the file is compacted.
    if (indexedEnd(index, number) < file.lengthBytes) await index.apply([], { file: number, endByte: file.lengthBytes })
    const found = records.flatMap(({ head }) => (head.kind === 'put' || head.kind === 'parts' ? [head.piece] : []))
    const deleted = records.flatMap(({ head }) => (head.kind === 'delete' ? [head.piece] : []))
    return { found, deleted, damagedBytes }
  })
}

/** What a record changes: one part of a piece changes nothing, before all are there. */
async function changesOf(
  {
    file,
    number,
    present,
  }: { readonly file: DiskFile; readonly number: number; readonly present: ReadonlySet<number> },
  { head, atByte }: FoundRecord,
): Promise<readonly IndexChange[]> {
  const { piece, kind, root, lengthBytes, blocksBytes, partsBytes } = head
  if (kind === 'part') return []
  if (kind === 'delete') return [{ piece, row: undefined }]
  const row = { version: 1, file: number, atByte, lengthBytes, blocksBytes, root, isDamaged: false } as const
  if (kind === 'put') return [{ piece, row }]
  const parts = await file.read(atByte + HEAD_BYTES + blocksBytes, partsBytes)
  const places = decodeParts(parts, lengthBytes)
  // Where its parts are is not known any more: it can be deleted, and not be read.
  if (places === undefined) return [{ piece, row: { ...row, parts, isDamaged: true } }]
  // Its parts were copied since, and a later record says where.
  if (places.some((part) => !present.has(part.file))) return []
  return [{ piece, row: { ...row, parts } }]
}

/** Forgets the pieces of files that are not there. @returns which */
async function forgetMissing(index: PieceIndex, present: ReadonlySet<number>): Promise<Set<Hash>> {
  const missing = new Set(index.files().flatMap(({ number }) => (present.has(number) ? [] : [number])))
  const forgotten = new Set<Hash>()
  if (missing.size === 0) return forgotten
  let after: Hash | undefined
  for (;;) {
    const page = await index.page(after)
    after = page.at(-1)?.[0]
    if (after === undefined) break
    const gone = page.flatMap(([piece, row]) =>
      recordsOf(row).some(({ file }) => missing.has(file)) ? [{ piece, row: undefined }] : [],
    )
    for (const { piece } of gone) forgotten.add(piece)
    if (gone.length > 0) await index.apply(gone)
  }
  for (const number of missing) await index.forgetFile(number)
  return forgotten
}

function indexedEnd(index: PieceIndex, number: number): number {
  return index.files().find((file) => file.number === number)?.indexedBytes ?? 0
}
