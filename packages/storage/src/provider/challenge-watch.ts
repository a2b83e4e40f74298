import {
  type Address,
  type Chain,
  type Clock,
  type Counter,
  type Gauge,
  type Hash,
  hasCode,
  isSteadError,
  type Logger,
  type Metrics,
  messageOf,
  POSSESSION_DRAW_BLOCKS,
  type PossessionAdjudicator,
  type PossessionChallenge,
  type PossessionEnd,
  type Store,
  type StoreOperation,
  type TransactionOutcome,
  type UnixMs,
} from '@stead/core'
import { hexToBytes } from '@stead/protocol'
import { AnswerPace } from '../answer-pace.ts'
import { StorageError } from '../errors.ts'
import { Repeater } from '../repeater.ts'
import type { ChallengeAnswer } from './challenge-answer.ts'
import { CHALLENGES_TABLE, CURSOR_KEY, cursorSchema, FACED_PREFIX, facedKey, numberOfKey } from './challenge-rows.ts'

/**
 * How a challenge stands for the node that faces it. Three of these cost stake when the time is over: `offline`, the answer is
 * there and could not be sent; `lost`, a leaf that is asked for cannot be shown; `lied`, time is over, and silence counts
 * as a lie.
 */
export type FacedState = 'waiting' | 'answering' | 'offline' | 'lost' | 'lied' | PossessionEnd['kind']

/** A challenge that this node faces or faced. */
export interface FacedChallenge {
  readonly number: bigint
  readonly agreement: Hash
  readonly revision: number
  readonly challenger: Address
  readonly state: FacedState
  /** Last moment for an answer by the chain's time; missing while the seed is not drawn. */
  readonly endsAt?: UnixMs
  /** What keeps the answer from being taken. */
  readonly reason?: string
  /** Of this node's transactions about it, in this process. */
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
  /** What the node lost. */
  readonly takenTokenUnits?: bigint
}

/** What the watch knows. */
export interface ChallengeWatchStatus {
  readonly challenges: readonly FacedChallenge[]
  /** When challenges were last looked for with success. */
  readonly lookedAt?: UnixMs
  /** Why the last look failed. */
  readonly fault?: string
}

/** What a {@link ChallengeWatch} stands on. */
export interface ChallengeWatchComponents {
  readonly node: Address
  /** With the node's own account: whatever anybody may send. */
  readonly adjudicator: PossessionAdjudicator
  /** With the operator's account, which alone may show a later revision. */
  readonly operator: PossessionAdjudicator | undefined
  readonly chain: Pick<Chain, 'operatorOf' | 'blockTime'>
  readonly answerTo: (agreement: Hash, seed: Uint8Array) => Promise<ChallengeAnswer | undefined>
  /** Called once when the node turns out to have stake. @default nothing */
  readonly onBonded?: () => void
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** How a {@link ChallengeWatch} looks. */
export interface ChallengeWatchOptions {
  /** The block before which nobody can have been asked. */
  readonly deployedAtBlock: number
}

interface Watched {
  readonly number: bigint
  challenge: PossessionChallenge | undefined
  state: FacedState
  reason: string | undefined
  /** Made once for a seed: what is retried is the same answer, whatever is agreed meanwhile. */
  answer: ChallengeAnswer | undefined
  gasUsed: bigint
  gasCostWei: bigint
  takenTokenUnits: bigint | undefined
  warnedAtMs: number | undefined
  /** Since when the chain shows neither the challenge nor its end. */
  missingSinceMs: number | undefined
}

/** Pause between looks: a day to answer holds 1,440. */
const LOOK_MS = 60_000
/** While something is open or failed. */
const RETRY_MS = 15_000
/** Searched again each time: other forks move an announcement, and endpoints are behind. */
const OVERLAP_BLOCKS = 1024
/** Whoever asked draws first; later, the node does it, so that the deposit does not go back unanswered. */
const DRAW_AFTER_BLOCKS = 16
const WARN_AGAIN_MS = 3_600_000
/** A challenge that the chain has forgotten for so long was on another fork. */
const FORGET_MS = 3_600_000
/** Nobody has punished it: shown no longer. */
const UNPUNISHED_MS = 7 * 86_400_000
const ENDED_MAX = 32
const DANGERS: ReadonlySet<FacedState> = new Set(['offline', 'lost', 'lied'])
const STATES: readonly FacedState[] = ['waiting', 'answering', 'offline', 'lost', 'lied']

/**
 * Answers the possession challenges against a node that has stake: finds them, draws a seed that nobody draws, shows five
 * leaves, or first the later revision that took the challenged one's place. Whatever fails is tried again until the time is
 * over, and the operator is warned meanwhile.
 */
export class ChallengeWatch {
  readonly #components: ChallengeWatchComponents
  readonly #options: ChallengeWatchOptions
  readonly #repeater: Repeater
  readonly #pace: AnswerPace
  readonly #open: Map<bigint, Watched> = new Map()
  readonly #ended: Watched[] = []
  readonly #gauge: Gauge
  readonly #left: Gauge
  readonly #endedTotal: Counter
  #fromBlock: number
  #isBonded = false
  #lookedAt: UnixMs | undefined
  #fault: string | undefined

  constructor(components: ChallengeWatchComponents, options: ChallengeWatchOptions) {
    const { metrics } = components
    this.#components = components
    this.#options = options
    this.#fromBlock = options.deployedAtBlock
    this.#pace = new AnswerPace(components.adjudicator)
    this.#repeater = new Repeater(components.clock, () => this.#again())
    this.#gauge = metrics.gauge('stead_possession_challenges', 'Open challenges against this node, by state', ['state'])
    this.#left = metrics.gauge('stead_possession_left_seconds', 'Until the next answer is due; -1 while none is')
    this.#endedTotal = metrics.counter('stead_possession_ended_total', 'Challenges by their end', ['end'])
  }

  /** Goes on with what was open. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { store } = this.#components
    const cursor = await store.get(CHALLENGES_TABLE, CURSOR_KEY)
    if (cursor !== undefined) this.#fromBlock = cursorSchema.decodeMessage(cursor).fromBlock
    for (const { key } of await store.scan(CHALLENGES_TABLE, { prefix: FACED_PREFIX })) this.#add(numberOfKey(key))
    this.#repeater.start(0)
  }

  /** Answers nothing any more; what is open goes on with the next start. */
  async stop(): Promise<void> {
    await this.#repeater.stop()
  }

  status(): ChallengeWatchStatus {
    return {
      challenges: [...this.#open.values(), ...this.#ended].flatMap(viewOf),
      ...(this.#lookedAt === undefined ? {} : { lookedAt: this.#lookedAt }),
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
    }
  }

  /** Looks for challenges and does what each of them needs. Never throws: what fails is tried again. */
  async round(): Promise<void> {
    const { chain, node, clock, logger } = this.#components
    try {
      if (!this.#isBonded && (await chain.operatorOf(node)) !== undefined) {
        this.#isBonded = true
        this.#components.onBonded?.()
      }
      if (this.#isBonded) await this.#find()
      this.#lookedAt = clock.now()
      this.#fault = undefined
    } catch (error) {
      if (this.#repeater.isStopped) return
      this.#fault = messageOf(error)
      logger.warn('possession challenges could not be looked for; a missed one costs stake', { error: this.#fault })
    }
    await Promise.all(Array.from(this.#open.values(), (watched) => this.#step(watched)))
    this.#measure()
  }

  async #again(): Promise<number> {
    await this.round()
    const pauseMs = this.#open.size > 0 || this.#fault !== undefined ? RETRY_MS : LOOK_MS
    return await this.#pace.within(pauseMs)
  }

  async #find(): Promise<void> {
    const { adjudicator, node, store, logger } = this.#components
    const head = await adjudicator.head()
    const found = await adjudicator.openChallenges(node, { fromBlock: this.#fromBlock, toBlock: head })
    const fresh = found.filter(({ number, drawn, seedBlock }) => {
      const hasLapsed = drawn === undefined && head > seedBlock + POSSESSION_DRAW_BLOCKS
      return !this.#open.has(number) && !hasLapsed
    })
    const fromBlock = Math.max(this.#fromBlock, head - OVERLAP_BLOCKS)
    if (fresh.length === 0 && fromBlock === this.#fromBlock) return
    const rows = fresh.map(
      ({ number }): StoreOperation => ({
        kind: 'put',
        table: CHALLENGES_TABLE,
        key: facedKey(number),
        value: new Uint8Array(0),
      }),
    )
    const cursor = cursorSchema.encodeMessage({ fromBlock })
    await store.write([...rows, { kind: 'put', table: CHALLENGES_TABLE, key: CURSOR_KEY, value: cursor }], 'process')
    this.#fromBlock = fromBlock
    for (const { number, challenger, agreement, revision } of fresh) {
      this.#add(number)
      logger.warn('this node is asked to prove what it keeps', { challenge: number, challenger, agreement, revision })
    }
  }

  #add(number: bigint): void {
    this.#open.set(number, {
      number,
      challenge: undefined,
      state: 'waiting',
      reason: undefined,
      answer: undefined,
      gasUsed: 0n,
      gasCostWei: 0n,
      takenTokenUnits: undefined,
      warnedAtMs: undefined,
      missingSinceMs: undefined,
    })
  }

  async #step(watched: Watched): Promise<void> {
    try {
      const challenge = await this.#components.adjudicator.challenge(watched.number)
      if (challenge === undefined) return await this.#lookForEnd(watched)
      watched.challenge = challenge
      watched.missingSinceMs = undefined
      if (challenge.drawn === undefined) await this.#draw(watched, challenge)
      else await this.#answer(watched, challenge, challenge.drawn)
    } catch (error) {
      if (this.#repeater.isStopped) return
      this.#endanger(watched, dangerOf(error), messageOf(error))
    }
  }

  async #lookForEnd(watched: Watched): Promise<void> {
    const { adjudicator, clock, logger } = this.#components
    const span = { fromBlock: this.#options.deployedAtBlock, toBlock: await adjudicator.head() }
    const seedBlock = watched.challenge?.seedBlock
    const end = await adjudicator.endOf(watched.number, {
      ...span,
      ...(seedBlock === undefined ? {} : { fromBlock: Math.max(span.fromBlock, seedBlock - OVERLAP_BLOCKS) }),
    })
    if (end === undefined) {
      // Endpoints are behind, or another fork has won.
      watched.missingSinceMs ??= clock.monotonicMs()
      if (clock.monotonicMs() - watched.missingSinceMs > FORGET_MS) await this.#forget(watched)
      return
    }
    watched.state = end.kind
    watched.reason = undefined
    if (end.kind === 'missed') watched.takenTokenUnits = end.takenTokenUnits
    const { number, takenTokenUnits, gasUsed, gasCostWei } = watched
    if (end.kind === 'missed')
      logger.error('this node lost stake: no proof came', { challenge: number, takenTokenUnits })
    else logger.info('a possession challenge is over', { challenge: number, end: end.kind, gasUsed, gasCostWei })
    this.#endedTotal.add(1, { end: end.kind })
    await this.#forget(watched)
    this.#ended.unshift(watched)
    this.#ended.splice(ENDED_MAX)
  }

  async #draw(watched: Watched, { seedBlock }: PossessionChallenge): Promise<void> {
    const { adjudicator, logger } = this.#components
    const head = await adjudicator.head()
    if (head > seedBlock + POSSESSION_DRAW_BLOCKS) {
      logger.info('a possession challenge lapsed: nobody drew its seed in time', { challenge: watched.number })
      return await this.#forget(watched)
    }
    watched.state = 'waiting'
    if (head > seedBlock + DRAW_AFTER_BLOCKS) this.#count(watched, await adjudicator.draw(watched.number))
  }

  async #answer(
    watched: Watched,
    challenge: PossessionChallenge,
    { seed, endsAt }: { readonly seed: Hash; readonly endsAt: UnixMs },
  ): Promise<void> {
    const { adjudicator, chain } = this.#components
    const nowMs = await chain.blockTime()
    if (nowMs > endsAt) {
      this.#endanger(watched, 'lied', 'the time to answer is over')
      if (nowMs - endsAt > UNPUNISHED_MS) await this.#forget(watched)
      return
    }
    const answer = await this.#answerTo(watched, challenge, seed)
    if (!isAbout(answer, challenge)) {
      this.#count(watched, await this.#supersede(watched, challenge, answer))
      const { revision, root, leaves } = answer
      watched.challenge = { ...challenge, revision, root, leaves }
      if (leaves === 0) return
    }
    if (!DANGERS.has(watched.state)) watched.state = 'answering'
    this.#count(watched, await adjudicator.answer(watched.number, answer.proof))
    watched.state = 'answering'
    watched.reason = undefined
    await this.#lookForEnd(watched)
  }

  async #answerTo(watched: Watched, challenge: PossessionChallenge, seed: Hash): Promise<ChallengeAnswer> {
    const known = watched.answer
    if (known !== undefined && (isAbout(known, challenge) || known.revision > challenge.revision)) return known
    const answer = await this.#components.answerTo(challenge.agreement, hexToBytes(seed))
    const details = { agreement: challenge.agreement }
    if (answer === undefined)
      throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', 'the agreement is not known here any more', { details })
    if (!isAbout(answer, challenge) && answer.revision <= challenge.revision) {
      const message = `the books end with revision ${answer.revision}, asked is ${challenge.revision}`
      throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', message, { details })
    }
    watched.answer = answer
    return answer
  }

  async #supersede(
    { number }: Watched,
    { revision }: PossessionChallenge,
    answer: ChallengeAnswer,
  ): Promise<TransactionOutcome> {
    const { operator } = this.#components
    if (operator === undefined) {
      const message = `revision ${answer.revision} took the place of ${revision}, and only the operator's key can show it`
      throw new StorageError('STORAGE_OPERATOR_KEY', message, { details: { challenge: number, revision } })
    }
    return await operator.supersede(number, answer.signed)
  }

  #endanger(watched: Watched, state: 'offline' | 'lost' | 'lied', reason: string): void {
    const { clock, logger } = this.#components
    const nowMs = clock.monotonicMs()
    const isNew = watched.state !== state || watched.reason !== reason
    watched.state = state
    watched.reason = reason
    if (!isNew && nowMs - (watched.warnedAtMs ?? 0) < WARN_AGAIN_MS) return
    watched.warnedAtMs = nowMs
    const endsAt = watched.challenge?.drawn?.endsAt
    logger.warn('a possession challenge is not answered: a tenth of the stake is at risk', {
      challenge: watched.number,
      state,
      reason,
      ...(endsAt === undefined ? {} : { endsAt: new Date(endsAt).toISOString() }),
    })
  }

  #count(watched: Watched, { gasUsed, gasCostWei }: TransactionOutcome): void {
    watched.gasUsed += gasUsed
    watched.gasCostWei += gasCostWei
  }

  async #forget({ number }: Watched): Promise<void> {
    if (this.#repeater.isStopped) return
    await this.#components.store.write([{ kind: 'delete', table: CHALLENGES_TABLE, key: facedKey(number) }], 'process')
    this.#open.delete(number)
  }

  #measure(): void {
    const open = Array.from(this.#open.values())
    for (const state of STATES) this.#gauge.set(open.filter((watched) => watched.state === state).length, { state })
    const ends = open.flatMap(({ challenge }) => challenge?.drawn?.endsAt ?? [])
    const leftMs = Math.max(0, Math.min(...ends) - this.#components.clock.now())
    this.#left.set(ends.length === 0 ? -1 : Math.round(leftMs / 1000))
  }
}

function isAbout(answer: ChallengeAnswer, { root, leaves }: PossessionChallenge): boolean {
  return answer.root === root && answer.leaves === leaves
}

function dangerOf(error: unknown): 'offline' | 'lost' | 'lied' {
  if (hasCode(error, 'CHAIN_REVERTED')) return error.details.error === 'TooLate' ? 'lied' : 'offline'
  const isLost = isSteadError(error) && LOST_CODES.has(error.code)
  return isLost ? 'lost' : 'offline'
}

const LOST_CODES: ReadonlySet<string> = new Set([
  'STORAGE_PIECE_UNKNOWN',
  'STORAGE_PIECE_DAMAGED',
  'STORAGE_AGREEMENT_UNKNOWN',
])

function viewOf(watched: Watched): FacedChallenge[] {
  const { number, challenge, state, reason, gasUsed, gasCostWei, takenTokenUnits } = watched
  if (challenge === undefined) return []
  const { agreement, revision, challenger, drawn } = challenge
  return [
    {
      number,
      agreement,
      revision,
      challenger,
      state,
      gasUsed,
      gasCostWei,
      ...(drawn === undefined ? {} : { endsAt: drawn.endsAt }),
      ...(reason === undefined ? {} : { reason }),
      ...(takenTokenUnits === undefined ? {} : { takenTokenUnits }),
    },
  ]
}
