import { defineSchema, fixedBytesField, flagField, type Schema, uintField, versionField } from '@stead/protocol'

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
}

/** Encodings of {@link PieceRow}. */
export const pieceRowSchema: Schema<PieceRow> = defineSchema<PieceRow>('PieceRow', 256, {
  version: [1, versionField(1)],
  file: [2, uintField()],
  atByte: [3, uintField()],
  lengthBytes: [4, uintField()],
  blocksBytes: [5, uintField()],
  root: [6, fixedBytesField(32)],
  isDamaged: [7, flagField],
})

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
