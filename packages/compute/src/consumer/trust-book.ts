import type { Address, Random, Store, StoreOperation, UnixMs } from '@stead/core'
import { decodeRow, encodeRow } from './json-row.ts'

/** Table of one JSON document per node. */
const TABLE = 'compute-trust'
/** Nodes that are remembered; the least recently changed go. */
const NODES_MAX = 100_000
/** A node that keeps lying is left out for at most so long. */
const DISTRUST_MAX_MS = 30 * 24 * 3_600_000
/** With fewer accusers left it is one word against another. */
const ACCUSERS_MIN = 2

/** What one payer has learned of one node by its own checked experience; never volume, never hearsay. */
export interface TrustRecord {
  /** Valid results in a row that another node's result confirmed. */
  readonly valid: number
  /** Wrong, over-billed or malformed results ever. */
  readonly wrong: number
  /** Time-outs and silence ever; counted apart, since being slow is not lying. */
  readonly timedOut: number
  /** The node gets no work before this. */
  readonly distrustedUntil: UnixMs
  /** What the last lie was. */
  readonly lastLie?: string
  /** Whose word the distrust rests on; undefined where a lie shows by itself. */
  readonly accused?: Accusation
}

/** What was found of a node by the equal answers of others, as long as it gets no work for it. */
export interface Accusation {
  readonly by: readonly Address[]
  readonly times: number
}

/** What a node did. */
export interface Lie {
  readonly what: string
  /** The nodes whose equal answers say so; empty where it shows by itself. */
  readonly accusers: readonly Address[]
}

/** When a node is checked. */
export interface TrustOptions {
  /** Valid results in a row before a node is checked less than always. */
  readonly adaptiveProbation: number
  /** How long a node that lied gets no work; doubles with each lie. */
  readonly distrustMs: number
}

const STRANGER: TrustRecord = { valid: 0, wrong: 0, timedOut: 0, distrustedUntil: 0 as UnixMs }

/**
 * The payer's own trust store, after BOINC's adaptive replication: a count of consecutive valid replicated results per
 * node, zero after a lie. Changes are journaled by the caller with the events that caused them.
 */
export class TrustBook {
  readonly #options: TrustOptions
  readonly #records: Map<Address, TrustRecord> = new Map()
  readonly #changed: Set<Address> = new Set()
  readonly #forgotten: Set<Address> = new Set()
  /** Nodes whose distrust rests on the word of others. */
  readonly #accused: Set<Address> = new Set()

  constructor(options: TrustOptions) {
    this.#options = options
  }

  /** Reads what was learned before. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(store: Store): Promise<void> {
    for (const { key, value } of await store.scan(TABLE, { limit: NODES_MAX })) {
      const record = { ...STRANGER, ...decodeRow<TrustRecord>(value) }
      this.#records.set(key as Address, record)
      if (record.accused !== undefined) this.#accused.add(key as Address)
    }
  }

  /** What is known of a node; a stranger's record when nothing is. */
  of(node: Address): TrustRecord {
    return this.#records.get(node) ?? STRANGER
  }

  /** Nodes that are remembered, and the most that ever are. */
  get size(): { readonly have: number; readonly max: number } {
    return { have: this.#records.size, max: NODES_MAX }
  }

  /** All nodes that anything is known of. */
  entries(): readonly (readonly [Address, TrustRecord])[] {
    return [...this.#records]
  }

  /** True while the node gets no work, because it lied. */
  isDistrusted(node: Address, now: UnixMs): boolean {
    return this.of(node).distrustedUntil > now
  }

  /** Whether this node's next result needs a second one: always on probation, then with probability max(floor, 1/valid). */
  mustReplicate(node: Address, floor: number, random: Random): boolean {
    if (this.isOnProbation(node)) return true
    const { valid } = this.of(node)
    return random.fraction() < Math.max(floor, 1 / valid)
  }

  /** True while every result of the node needs a second one, however it came to have the task. */
  isOnProbation(node: Address): boolean {
    return this.of(node).valid < this.#options.adaptiveProbation
  }

  /** Another node's result confirmed this one's. */
  confirm(node: Address): void {
    const record = this.of(node)
    this.#set(node, { ...record, valid: record.valid + 1 })
  }

  /**
   * The node's raw floats differed from another's, which is no lie and does not show that there was none: its results are
   * checked again until enough of them are confirmed.
   */
  doubt(node: Address): void {
    this.#set(node, { ...this.of(node), valid: 0 })
  }

  /**
   * The node lied: its trust is gone, and it gets no work for a while. Its own word counts no more either: whoever was caught by
   * it, and by fewer than two others, is a stranger again, so that a gang that outvotes honest nodes undoes that when it is caught.
   * @returns nodes that were cleared so
   */
  distrust(node: Address, { what, accusers }: Lie, now: UnixMs): readonly Address[] {
    const { accused, ...record } = this.of(node)
    const pauseMs = Math.min(this.#options.distrustMs * 2 ** Math.min(record.wrong, 20), DISTRUST_MAX_MS)
    const distrustedUntil = (now + pauseMs) as UnixMs
    const isFirst = record.distrustedUntil <= now
    const by = new Set([...(isFirst ? [] : (accused?.by ?? [])), ...accusers])
    // What shows by itself stays, whatever else is taken back.
    const isWord = accusers.length > 0 && (isFirst || accused !== undefined)
    const times = isFirst ? 1 : (accused?.times ?? 0) + 1
    const next = { ...record, valid: 0, wrong: record.wrong + 1, distrustedUntil, lastLie: what }
    this.#set(node, isWord ? { ...next, accused: { by: [...by], times } } : next)
    return this.#clearBy(node, now)
  }

  /** Takes back what rests on the word of a node. */
  #clearBy(liar: Address, now: UnixMs): readonly Address[] {
    const cleared: Address[] = []
    for (const node of this.#accused) {
      const { accused, ...record } = this.of(node)
      if (accused?.by.includes(liar) !== true) continue
      const by = accused.by.filter((accuser) => accuser !== liar)
      if (by.length >= ACCUSERS_MIN) {
        this.#set(node, { ...record, accused: { ...accused, by } })
        continue
      }
      if (record.distrustedUntil > now) cleared.push(node)
      const wrong = Math.max(0, record.wrong - accused.times)
      this.#set(node, { ...record, wrong, distrustedUntil: 0 as UnixMs })
    }
    return cleared
  }

  /** The node was too slow or silent. */
  noteTimeOut(node: Address): void {
    const record = this.of(node)
    this.#set(node, { ...record, timedOut: record.timedOut + 1 })
  }

  /** The rows that changed since the last call. */
  takeOperations(): StoreOperation[] {
    if (this.#changed.size === 0 && this.#forgotten.size === 0) return []
    const operations: StoreOperation[] = []
    for (const node of this.#changed) {
      const value = encodeRow(this.of(node))
      operations.push({ kind: 'put', table: TABLE, key: node, value })
    }
    for (const node of this.#forgotten) operations.push({ kind: 'delete', table: TABLE, key: node })
    this.#changed.clear()
    this.#forgotten.clear()
    return operations
  }

  #set(node: Address, record: TrustRecord): void {
    this.#records.delete(node)
    this.#records.set(node, record)
    if (record.accused === undefined) this.#accused.delete(node)
    else this.#accused.add(node)
    this.#changed.add(node)
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= NODES_MAX) break
      this.#records.delete(oldest)
      this.#accused.delete(oldest)
      this.#changed.delete(oldest)
      this.#forgotten.add(oldest)
    }
  }
}
