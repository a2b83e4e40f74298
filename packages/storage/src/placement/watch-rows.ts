import { type Address, address, type Store, type StoreOperation, type UnixMs } from '@stead/core'
import {
  defineSchema,
  flagField,
  optionalField,
  type Schema,
  timeField,
  uintField,
  versionField,
} from '@stead/protocol'

/** What a payer has seen of a node. */
export interface WatchedNode {
  /** 0 .. 1 of the looks at which it was there, weighed by their age. */
  readonly share: number
  /** Its longest absence that ended, in milliseconds; it counts less with time. */
  readonly habitMs: number
  /** It lied, or said that all of it is gone. */
  readonly isLost: boolean
  /** Since when it is away; undefined while it is there. */
  readonly awaySince?: UnixMs
  /** How much of that time this payer looked, in milliseconds. */
  readonly missedMs: number
}

interface WatchRow {
  readonly version: 1
  readonly sharePpm: number
  readonly habitMs: number
  readonly isLost: boolean
  readonly awaySince?: UnixMs
  readonly missedMs: number
}

const PPM = 1_000_000
const PAGE_ROWS = 256

const rowSchema: Schema<WatchRow> = defineSchema<WatchRow>('WatchRow', 64, {
  version: [1, versionField(1)],
  sharePpm: [2, uintField(PPM)],
  habitMs: [3, uintField()],
  isLost: [4, flagField],
  awaySince: [5, optionalField(timeField)],
  missedMs: [6, uintField()],
})

/** node -> WatchRow */
const WATCH_TABLE = 'storage-watch'

/** What was seen before. @throws CoreError STORE_FAILED, STORE_CORRUPT */
export async function loadWatched(store: Store): Promise<readonly (readonly [Address, WatchedNode])[]> {
  const found: (readonly [Address, WatchedNode])[] = []
  for (let after = ''; ; ) {
    const rows = await store.scan(WATCH_TABLE, { after, limit: PAGE_ROWS })
    for (const { key, value } of rows) {
      const { version: _one, sharePpm, ...row } = rowSchema.decodeMessage(value)
      found.push([address(`0x${key}`), { ...row, share: sharePpm / PPM }])
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_ROWS) return found
    after = last.key
  }
}

/** Keeps what was seen. @throws CoreError STORE_FAILED, STORE_FULL */
export async function keepWatched(store: Store, watched: Iterable<readonly [Address, WatchedNode]>): Promise<void> {
  const batch = Array.from(watched, ([node, { share, habitMs, missedMs, ...rest }]): StoreOperation => {
    const row = {
      version: 1,
      sharePpm: Math.round(share * PPM),
      habitMs: whole(habitMs),
      missedMs: whole(missedMs),
    } as const
    return { kind: 'put', table: WATCH_TABLE, key: node.slice(2), value: rowSchema.encodeMessage({ ...row, ...rest }) }
  })
  if (batch.length > 0) await store.write(batch, 'process')
}

function whole(ms: number): number {
  return Math.round(ms)
}
