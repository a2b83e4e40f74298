import type { Address, EventPlace, Hash, StoreOperation, TransactionOutcome, UnixMs, Wei } from '@stead/core'
import { bytesText, EPOCH_TABLES, epochKey, put, textBytes } from './epoch-tables.ts'
import type { EpochPorts } from './ports.ts'

/** What a transaction was for. */
export type ClaimKind = 'accrue' | 'claim-reward' | 'payout'

/** A transaction that was sent for the operator. */
export interface ClaimedReward {
  readonly kind: ClaimKind
  readonly transaction: string
  readonly at: UnixMs
  /** The epoch in whose time it was sent. */
  readonly epoch: number
  readonly gasCostWei: Wei
}

/** What the journal stands on. */
export type ClaimJournalPorts = Pick<EpochPorts, 'store' | 'chain' | 'books' | 'history' | 'clock' | 'time' | 'logger'>

/** A row as it is stored; the block tells whether a reorganisation may still take it back. */
interface Row extends ClaimedReward {
  readonly blockNumber: number
}

/** Transactions of one kind that are about to be sent, or were, and of which nothing is known yet. */
interface Intent {
  readonly kind: ClaimKind
  /** They are in no earlier block. */
  readonly fromBlock: number
  /** Of the last of them. */
  readonly at: UnixMs
  /** Of the first of them. */
  readonly epoch: number
  /** How many: one that was given up may still be taken by a block, after the next one was sent. */
  readonly count: number
}

/** Blocks that may still be replaced by others. */
const UNSETTLED_BLOCKS = 64
/** Rows that are looked through: the newest; whatever is unsettled or searched for is among them. */
const NEWEST_ROWS = 64
/** A transaction that no block took in a day is forgotten by everybody's pools. */
const INTENT_MS_MAX = 86_400_000

/**
 * The transactions that were sent for the operator, and what they cost. What is about to be sent is on disk before; after
 * a crash, a lost answer or a wait that was given up, the chain's events say what became of it. Somebody else who claims
 * for the operator in that time leaves the same trace, and is taken for this node.
 */
export class ClaimJournal {
  readonly #ports: ClaimJournalPorts
  readonly #operator: Address

  constructor(ports: ClaimJournalPorts, operator: Address) {
    this.#ports = ports
    this.#operator = operator
  }

  /** All transactions so far. @throws CoreError of the store */
  async claimed(): Promise<readonly ClaimedReward[]> {
    const rows = await this.#ports.store.scan(EPOCH_TABLES.claims)
    return rows.map(({ value }) => {
      const { blockNumber: _, ...claimed } = rowOf(value)
      return claimed
    })
  }

  /** On disk when it returns, so that what is sent next is not lost. @throws ChainError; CoreError of the store */
  async begin(kind: ClaimKind): Promise<void> {
    const { store, history, time } = this.#ports
    const fromBlock = (await history.head()).number + 1
    await store.write([await this.#sought(kind, { fromBlock, epoch: time.epoch() })], 'power')
  }

  /** @throws CoreError of the store */
  async done(kind: ClaimKind, { transaction, gasCostWei, blockNumber }: TransactionOutcome): Promise<ClaimedReward> {
    const { clock, time } = this.#ports
    const claimed: ClaimedReward = { kind, transaction, at: clock.now(), epoch: time.epoch(), gasCostWei }
    await this.#keep({ ...claimed, blockNumber: Number(blockNumber) })
    return claimed
  }

  /** Nothing came of it, for certain. One that was given up before is looked for on. @throws CoreError of the store */
  async refused(kind: ClaimKind): Promise<void> {
    await this.#ports.store.write([await this.#found(kind)], 'process')
  }

  /**
   * Finds what became of transactions without an answer. Those that are not in the chain any more are looked for again:
   * a reorganisation may have moved them, or taken them back, and then what they brought is claimed again. @throws ChainError; CoreError of the store
   */
  async reconcile(): Promise<void> {
    const intents = await this.#intents()
    const newest = await this.#ports.store.scan(EPOCH_TABLES.claims, { reverse: true, limit: NEWEST_ROWS })
    if (intents.length === 0 && newest.length === 0) return
    const { number: head } = await this.#ports.history.head()
    const rows = newest.map(({ value }) => rowOf(value))
    const known = new Set([...rows, ...(await this.#rowsSince(intents))].map(({ transaction }) => transaction))
    for (const intent of intents) await this.#resolve(intent, { head, known })
    for (const row of rows) if (row.blockNumber > head - UNSETTLED_BLOCKS) await this.#recheck(row)
  }

  /** Rows of the time in which transactions are looked for, which may be more than the newest. */
  async #rowsSince(intents: readonly Intent[]): Promise<readonly Row[]> {
    const [first] = intents.map(({ epoch }) => epoch).sort((left, right) => left - right)
    if (first === undefined) return []
    const rows = await this.#ports.store.scan(EPOCH_TABLES.claims, { after: epochKey(first) })
    return rows.map(({ value }) => rowOf(value))
  }

  async #recheck(row: Row): Promise<void> {
    const { chain, store, logger } = this.#ports
    const outcome = await chain.transaction(row.transaction as Hash)
    if (outcome === undefined) {
      const { kind, blockNumber: fromBlock, epoch } = row
      // An endpoint that is behind looks the same, so the row comes back when the chain has its event after all.
      const gone: StoreOperation = { kind: 'delete', table: EPOCH_TABLES.claims, key: keyOf(row) }
      await store.write([gone, await this.#sought(kind, { fromBlock, epoch })], 'power')
      logger.warn('a transaction is no longer in the chain', { kind: row.kind, transaction: row.transaction })
    } else if (Number(outcome.blockNumber) !== row.blockNumber) {
      await this.#put({ ...row, blockNumber: Number(outcome.blockNumber), gasCostWei: outcome.gasCostWei })
    }
  }

  async #resolve(
    intent: Intent,
    { head, known }: { readonly head: number; readonly known: ReadonlySet<string> },
  ): Promise<void> {
    const { chain, clock, logger } = this.#ports
    const { kind, fromBlock, at, epoch } = intent
    if (fromBlock <= head) {
      const events = await this.#events(kind, { fromBlock, toBlock: head })
      const fresh = new Set(events.map(({ transaction }) => transaction).filter((each) => !known.has(each)))
      for (const transaction of fresh) {
        const outcome = await chain.transaction(transaction)
        if (outcome === undefined) continue
        const { gasCostWei, blockNumber } = outcome
        await this.#keep({ kind, transaction, at, epoch, gasCostWei, blockNumber: Number(blockNumber) })
        logger.info('found what was sent for the operator', { kind, transaction, gasCostWei })
      }
      if (fresh.size > 0) return
    }
    if (clock.now() - at > INTENT_MS_MAX) await this.#forget(kind)
  }

  #events(
    kind: ClaimKind,
    span: { readonly fromBlock: number; readonly toBlock: number },
  ): Promise<readonly EventPlace[]> {
    const { books } = this.#ports
    if (kind === 'accrue') return books.capsAccrued(span, this.#operator)
    return kind === 'claim-reward' ? books.rewardsPaid(span, this.#operator) : books.payouts(span, this.#operator)
  }

  async #intents(): Promise<readonly Intent[]> {
    const rows = await this.#ports.store.scan(EPOCH_TABLES.claimIntents)
    // Rows of earlier versions have no count: they were of one.
    return rows.map(({ value }) => ({ count: 1, ...(JSON.parse(bytesText(value)) as Omit<Intent, 'count'>) }))
  }

  /** One more of a kind is looked for. */
  async #sought(kind: ClaimKind, from: Pick<Intent, 'fromBlock' | 'epoch'>): Promise<StoreOperation> {
    const before = (await this.#intents()).find((intent) => intent.kind === kind)
    const fromBlock = Math.min(from.fromBlock, before?.fromBlock ?? from.fromBlock)
    const epoch = Math.min(from.epoch, before?.epoch ?? from.epoch)
    return intentRow({ kind, fromBlock, at: this.#ports.clock.now(), epoch, count: (before?.count ?? 0) + 1 })
  }

  /** One less of a kind is looked for. */
  async #found(kind: ClaimKind): Promise<StoreOperation> {
    const before = (await this.#intents()).find((intent) => intent.kind === kind)
    if (before === undefined || before.count <= 1) {
      return { kind: 'delete', table: EPOCH_TABLES.claimIntents, key: kind }
    }
    return intentRow({ ...before, count: before.count - 1 })
  }

  /** The row comes and the intent goes together. */
  async #keep(row: Row): Promise<void> {
    const found = await this.#found(row.kind)
    await this.#ports.store.write([put(EPOCH_TABLES.claims, keyOf(row), bytesOf(row)), found], 'process')
  }

  async #forget(kind: ClaimKind): Promise<void> {
    await this.#ports.store.write([{ kind: 'delete', table: EPOCH_TABLES.claimIntents, key: kind }], 'process')
  }

  async #put(row: Row): Promise<void> {
    await this.#ports.store.write([put(EPOCH_TABLES.claims, keyOf(row), bytesOf(row))], 'process')
  }
}

const keyOf = ({ epoch, transaction }: ClaimedReward): string => `${epochKey(epoch)}/${transaction}`

function intentRow(intent: Intent): StoreOperation {
  return put(EPOCH_TABLES.claimIntents, intent.kind, textBytes(JSON.stringify(intent)))
}

function bytesOf(row: Row): Uint8Array {
  return textBytes(JSON.stringify({ ...row, gasCostWei: row.gasCostWei.toString() }))
}

function rowOf(value: Uint8Array): Row {
  const row = JSON.parse(bytesText(value)) as Omit<Row, 'gasCostWei'> & { readonly gasCostWei: string }
  return { ...row, gasCostWei: BigInt(row.gasCostWei) as Wei }
}
