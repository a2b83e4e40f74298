import {
  bytesField,
  defineSchema,
  fixedBytesField,
  flagField,
  optionalField,
  type Schema,
  uintField,
  versionField,
} from '@stead/protocol'
import { decodeParts, PARTS_BYTES_MAX, type PartPlace } from './part-places.ts'
import { type RecordShape, recordBytes } from './piece-record.ts'

/** Where a piece is. */
export interface PieceRow {
  readonly version: 1
  /** Number of the log file. */
  readonly file: number
  /** Where its record begins. */
  readonly atByte: number
  readonly lengthBytes: number
  readonly blocksBytes: number
  readonly root: Uint8Array
  /** It could not be read as it was written; what is left is kept until somebody deletes it. */
  readonly isDamaged: boolean
  /** The list of its parts, see `part-places.ts`. @default none: its record holds the piece itself */
  readonly parts?: Uint8Array
}

/** Encodings of {@link PieceRow}. */
export const pieceRowSchema: Schema<PieceRow> = defineSchema<PieceRow>('PieceRow', 512 + PARTS_BYTES_MAX, {
  version: [1, versionField(1)],
  file: [2, uintField()],
  atByte: [3, uintField()],
  lengthBytes: [4, uintField()],
  blocksBytes: [5, uintField()],
  root: [6, fixedBytesField(32)],
  isDamaged: [7, flagField],
  parts: [8, optionalField(bytesField(PARTS_BYTES_MAX))],
})

/** What the length of a piece's record follows from. */
export function shapeOf({ lengthBytes, blocksBytes, parts }: PieceRow): RecordShape {
  return { lengthBytes, blocksBytes, partsBytes: parts?.length ?? 0 }
}

/** Where the parts of a piece are; none for one whose record holds it itself, or whose list rotted. */
export function partsOf({ parts, lengthBytes }: PieceRow): readonly PartPlace[] {
  return parts === undefined ? [] : (decodeParts(parts, lengthBytes) ?? [])
}

/** What the length of a part's record follows from. */
export function partShape(lengthBytes: number): RecordShape {
  return { lengthBytes, blocksBytes: 0, partsBytes: 0 }
}

/** The records that a piece needs: its own, and those of its parts. */
export function recordsOf(row: PieceRow): readonly { readonly file: number; readonly bytes: number }[] {
  return [
    { file: row.file, bytes: recordBytes(shapeOf(row)) },
    ...partsOf(row).map(({ file, lengthBytes }) => ({ file, bytes: recordBytes(partShape(lengthBytes)) })),
  ]
}

/** What is known of a log file. */
export interface LogFileRow {
  readonly version: 1
  /** Up to here its records are in the index. */
  readonly indexedBytes: number
  /** Bytes of records of pieces that are there. */
  readonly liveBytes: number
}

/** Encodings of {@link LogFileRow}. */
export const logFileRowSchema: Schema<LogFileRow> = defineSchema<LogFileRow>('LogFileRow', 64, {
  version: [1, versionField(1)],
  indexedBytes: [2, uintField()],
  liveBytes: [3, uintField()],
})

/** piece -> PieceRow */
export const PIECES_TABLE = 'storage-pieces'
/** number of the file, eight digits -> LogFileRow */
export const LOG_FILES_TABLE = 'storage-log-files'
