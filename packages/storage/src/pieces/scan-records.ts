import type { DiskFile } from '@stead/core'
import { decodeHead, HEAD_BYTES, RECORD_ALIGNMENT, type RecordHead, recordBytes } from './piece-record.ts'

/** A record that was found, and where. */
export interface FoundRecord {
  readonly head: RecordHead
  readonly atByte: number
}

/** What a scan found. */
export interface RecordScan {
  readonly records: readonly FoundRecord[]
  /** Behind the last whole record: what follows is torn. */
  readonly endByte: number
  /** Bytes between records that are none: heads that rotted. */
  readonly damagedBytes: number
}

const WINDOW_BYTES = 65_536

/**
 * The records of a log file from an offset on. Where a head is no head, the next one that is whole goes on: only the end
 * of a file can be torn, anything before it rotted. The pieces themselves are not read.
 * @throws CoreError STORE_FAILED
 */
export async function scanRecords(file: DiskFile, key: Uint8Array, fromByte: number): Promise<RecordScan> {
  const records: FoundRecord[] = []
  let [atByte, endByte, damagedBytes] = [fromByte, fromByte, 0]
  while (atByte + HEAD_BYTES <= file.lengthBytes) {
    const head = decodeHead(key, await file.read(atByte, HEAD_BYTES))
    const isWhole = head !== undefined && atByte + recordBytes(head) <= file.lengthBytes
    if (!isWhole) {
      atByte = await nextHead(file, key, atByte + RECORD_ALIGNMENT)
      continue
    }
    damagedBytes += atByte - endByte
    records.push({ head, atByte })
    atByte += recordBytes(head)
    endByte = atByte
  }
  return { records, endByte, damagedBytes }
}

/** Where the next head begins whose record is whole; the end of the file when there is none. */
async function nextHead(file: DiskFile, key: Uint8Array, fromByte: number): Promise<number> {
  for (let atByte = fromByte; atByte < file.lengthBytes; atByte += WINDOW_BYTES) {
    const window = await file.read(atByte, WINDOW_BYTES)
    for (let place = 0; place + HEAD_BYTES <= window.length; place += RECORD_ALIGNMENT) {
      const head = decodeHead(key, window.subarray(place, place + HEAD_BYTES))
      if (head !== undefined && atByte + place + recordBytes(head) <= file.lengthBytes) return atByte + place
    }
  }
  return file.lengthBytes
}
