import { type Address, formatTokenUnits, type Store, type StoreOperation, type UnixMs } from '@stead/core'
import { type AskReason, askedKey, decodeEnded, ENDED_ASKS_TABLE, type EndedAsk, encodeEnded } from './asked-rows.ts'

/** Deposits of what a payer asked by itself. */
export interface DepositBudget {
  /** Of challenges that are open, or about to be announced. */
  readonly outTokenUnits: bigint
  /** Gone to operators of nodes that answered, in the last thirty days. */
  readonly lostTokenUnits: bigint
  /** Most of both together. */
  readonly limitTokenUnits: bigint
}

/** A challenge that is not over, as far as limits are about it. */
export type OpenAsk = Pick<EndedAsk, 'node' | 'why'>

const DAY_MS = 86_400_000
const BUDGET_MS = 30 * DAY_MS
/** A node is asked once in the period for which it can be punished. */
const AGAIN_MS = 7 * DAY_MS
/** A node that answered has what it signed for: it is asked again later, and twice as late each time. */
const ANSWERED_REST_MS = 30 * DAY_MS
/** After so many answers the rest grows no more: it is two and a half years then. */
const DOUBLINGS_MAX = 5
/** However old: answers in a row may be years apart. Deposits bound how many nodes there are. */
const ENDED_PER_NODE_MAX = 32

/**
 * What keeps a payer from asking by itself: a node may lie to its payer and answer on chain, for the deposit. What was asked
 * is on disk, by the chain's time.
 */
export class AskLimits {
  readonly #store: Store
  readonly #depositsMaxTokenUnits: bigint
  /** By node, in the order in which they ended. */
  readonly #ended: Map<Address, EndedAsk[]> = new Map()

  constructor(store: Store, depositsMaxTokenUnits: bigint) {
    this.#store = store
    this.#depositsMaxTokenUnits = depositsMaxTokenUnits
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT; ProtocolError for a damaged row */
  async load(): Promise<void> {
    for (const { value } of await this.#store.scan(ENDED_ASKS_TABLE)) this.#add(decodeEnded(value))
    for (const rows of this.#ended.values()) rows.sort((left, right) => left.endedAt - right.endedAt)
  }

  /** Takes down the end of a challenge; the operations are to be written together with what else it changes. */
  note(row: EndedAsk): readonly StoreOperation[] {
    const rows = this.#add(row)
    const old = rows.splice(0, Math.max(0, rows.length - ENDED_PER_NODE_MAX))
    return [
      { kind: 'put', table: ENDED_ASKS_TABLE, key: askedKey(row), value: encodeEnded(row) },
      ...old.map((each): StoreOperation => ({ kind: 'delete', table: ENDED_ASKS_TABLE, key: askedKey(each) })),
    ]
  }

  #add(row: EndedAsk): EndedAsk[] {
    const rows = this.#ended.get(row.node) ?? []
    this.#ended.set(row.node, rows)
    // The chain may be asked for one end twice.
    if (!rows.some(({ number }) => number === row.number)) rows.push(row)
    return rows
  }

  /** Whether a challenge is known to be over. */
  knows(number: bigint): boolean {
    return [...this.#ended.values()].some((rows) => rows.some((row) => row.number === number))
  }

  /** What is out and what is lost of the deposits that no command asked for. */
  budget(open: readonly OpenAsk[], { now, depositTokenUnits }: AskMoment): DepositBudget {
    const own = (why: AskReason): boolean => why !== 'wanted'
    const out = open.filter(({ why }) => own(why)).length
    const lost = [...this.#ended.values()]
      .flat()
      .filter(({ why, end, endedAt }) => own(why) && end === 'answered' && now - endedAt < BUDGET_MS).length
    return {
      outTokenUnits: BigInt(out) * depositTokenUnits,
      lostTokenUnits: BigInt(lost) * depositTokenUnits,
      limitTokenUnits: this.#depositsMaxTokenUnits,
    }
  }

  /** Why a payer does not ask a node by itself now; undefined when it may. */
  refusal(ask: OpenAsk, open: readonly OpenAsk[], moment: AskMoment): string | undefined {
    const restsUntil = this.#restsUntil(ask)
    if (moment.now < restsUntil)
      return `it was asked before, and is not asked again without a command until ${new Date(restsUntil).toISOString()}`
    const { outTokenUnits, lostTokenUnits, limitTokenUnits } = this.budget(open, moment)
    const need = outTokenUnits + lostTokenUnits + moment.depositTokenUnits
    if (need <= limitTokenUnits) return undefined
    return `deposits would come to ${formatTokenUnits(need)} in thirty days, the limit is ${formatTokenUnits(limitTokenUnits)}`
  }

  /** Whoever was asked by lot has not lied: answers to that do not put off what a lie is asked for. */
  #restsUntil({ node, why }: OpenAsk): number {
    const rows = this.#ended.get(node) ?? []
    const soonest = (rows.at(-1)?.endedAt ?? Number.NEGATIVE_INFINITY) + AGAIN_MS
    if (why === 'random') return soonest
    const suspected = rows.filter((row) => row.why !== 'random')
    const newest = suspected.at(-1)
    const answers = suspected.length - 1 - suspected.findLastIndex(({ end }) => end !== 'answered')
    if (newest === undefined || answers === 0) return soonest
    return Math.max(soonest, newest.endedAt + ANSWERED_REST_MS * 2 ** Math.min(answers - 1, DOUBLINGS_MAX))
  }
}

/** When a deposit would be paid, and how much it is. */
export interface AskMoment {
  /** The chain's time. */
  readonly now: UnixMs
  readonly depositTokenUnits: bigint
}
