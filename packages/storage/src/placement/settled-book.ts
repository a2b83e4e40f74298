import { type Address, address, type MicroUsd, microUsd, type Store, type StoreOperation } from '@stead/core'
import { defineSchema, microUsdField, type Schema, versionField, wordField } from '@stead/protocol'
import type { SettleOutcome } from '../consumer/settle-outcome.ts'

/** What came of settling with a node. */
export interface SettledNode {
  /** Of the last settlement. */
  readonly outcome: SettleOutcome['kind']
  /** All that it was paid since this payer keeps this book. */
  readonly paidMicroUsd: MicroUsd
}

const OUTCOMES = ['paid', 'nothing-due', 'no-room', 'offline', 'lost', 'ended', 'lied'] as const

const rowSchema: Schema<SettledNode & { readonly version: 1 }> = defineSchema('SettledRow', 64, {
  version: [1, versionField(1)],
  outcome: [2, wordField(OUTCOMES)],
  paidMicroUsd: [3, microUsdField],
})

/** node -> SettledRow */
const SETTLED_TABLE = 'storage-settled'
const PAGE_ROWS = 256

/**
 * What a payer's settlements came to, node by node, also those before a restart. For people: what is owed follows from
 * agreements and receipts; a crash between a payment and this note leaves that payment out here.
 */
export class SettledBook {
  readonly #store: Store
  readonly #nodes: Map<Address, SettledNode> = new Map()
  readonly #unwritten: Set<Address> = new Set()

  constructor(store: Store) {
    this.#store = store
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    for (let after = ''; ; ) {
      const rows = await this.#store.scan(SETTLED_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows) {
        const { version: _one, ...settled } = rowSchema.decodeMessage(value)
        this.#nodes.set(address(`0x${key}`), settled)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  /** Undefined before the first settlement with a node. */
  of(node: Address): SettledNode | undefined {
    return this.#nodes.get(node)
  }

  /** Takes down what a settlement came to; on disk with the next {@link keep}. */
  note(node: Address, outcome: SettleOutcome): void {
    const before = this.#nodes.get(node)?.paidMicroUsd ?? 0n
    const paid = outcome.kind === 'paid' ? outcome.amountMicroUsd : 0n
    this.#nodes.set(node, { outcome: outcome.kind, paidMicroUsd: microUsd(before + paid) })
    this.#unwritten.add(node)
  }

  /** Writes what is new. @throws CoreError STORE_FAILED, STORE_FULL; it is written with the next one then */
  async keep(): Promise<void> {
    const nodes = [...this.#unwritten]
    const batch = nodes.flatMap((node): StoreOperation[] => {
      const settled = this.#nodes.get(node)
      if (settled === undefined) return []
      const value = rowSchema.encodeMessage({ version: 1, ...settled })
      return [{ kind: 'put', table: SETTLED_TABLE, key: node.slice(2), value }]
    })
    if (batch.length === 0) return
    this.#unwritten.clear()
    try {
      await this.#store.write(batch, 'process')
    } catch (error) {
      for (const node of nodes) this.#unwritten.add(node)
      throw error
    }
  }
}
