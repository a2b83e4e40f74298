import type { Address, Clock, Store, StoreOperation } from '@stead/core'
import { defineSchema, type Schema, uintField } from '@stead/protocol'

/** Share of the time that a steady node is there. Half of a segment's pieces should be on such: with the others there 60 % of the time, 16 of 48 are then unreadable with 3.6e-15. */
export const STEADY_SHARE = 0.95
/** Nobody is steady before so much time was seen: a node that came a moment ago has shown nothing. */
const STEADY_AFTER_MS: number = 24 * 3_600_000
/** What was seen counts half after so long. */
const HALF_MS = 14 * 24 * 3_600_000

interface Seen {
  /** Time between looks, weighed by its age. */
  readonly watchedMs: number
  /** Of which the node was there. */
  readonly presentMs: number
  readonly wasThere: boolean
}

interface UptimeRow {
  readonly watchedMs: number
  readonly presentMs: number
}

const rowSchema: Schema<UptimeRow> = defineSchema<UptimeRow>('MeasuredUptime', 32, {
  watchedMs: [1, uintField()],
  presentMs: [2, uintField()],
})

/** node -> UptimeRow, as of the last look */
const UPTIME_TABLE = 'storage-uptime'

/**
 * How much of the time nodes are there, by this payer's own looks, kept over restarts. Only time between two looks counts, up
 * to a bound, and as present only when the node was there at both: what nobody saw raises no figure. Apart from NodeWatch, which
 * guesses from the same looks whether a node comes back: that begins with a hope, and believes in one look, for an hour of sleep.
 */
export class UptimeBook {
  readonly #store: Store
  readonly #clock: Clock
  readonly #gapMaxMs: number
  readonly #seen: Map<Address, Seen> = new Map()
  /** When each node was last looked at, by this process: time of which it did not run counts for nothing. */
  readonly #lookedAtMs: Map<Address, number> = new Map()

  /** @param gapMaxMs most that one look counts: somewhat more than the pause between two */
  constructor(components: { readonly store: Store; readonly clock: Clock }, gapMaxMs: number) {
    this.#store = components.store
    this.#clock = components.clock
    this.#gapMaxMs = gapMaxMs
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    for (const { key, value } of await this.#store.scan(UPTIME_TABLE)) {
      const { watchedMs, presentMs } = rowSchema.decodeMessage(value)
      this.#seen.set(key as Address, { watchedMs, presentMs, wasThere: false })
    }
  }

  /** Takes in one look at some nodes. @throws CoreError STORE_FAILED, STORE_FULL */
  async note(looks: Iterable<readonly [node: Address, isThere: boolean]>): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    const rows: StoreOperation[] = []
    for (const [node, isThere] of looks) {
      const before = this.#seen.get(node)
      const lookedAtMs = this.#lookedAtMs.get(node)
      const gapMs = lookedAtMs === undefined ? 0 : Math.min(nowMs - lookedAtMs, this.#gapMaxMs)
      const weight = 0.5 ** (gapMs / HALF_MS)
      const watchedMs = Math.round((before?.watchedMs ?? 0) * weight + gapMs)
      const isCounted = isThere && before?.wasThere === true
      const presentMs = Math.round((before?.presentMs ?? 0) * weight + (isCounted ? gapMs : 0))
      this.#seen.set(node, { watchedMs, presentMs, wasThere: isThere })
      this.#lookedAtMs.set(node, nowMs)
      if (gapMs === 0) continue
      const value = rowSchema.encodeMessage({ watchedMs, presentMs })
      rows.push({ kind: 'put', table: UPTIME_TABLE, key: node, value })
    }
    if (rows.length > 0) await this.#store.write(rows, 'process')
  }

  /** Share of the time that a node was there, 0 .. 1; undefined before a day of it was seen. */
  shareOf(node: Address): number | undefined {
    const seen = this.#seen.get(node)
    return seen === undefined || seen.watchedMs < STEADY_AFTER_MS ? undefined : seen.presentMs / seen.watchedMs
  }
}
