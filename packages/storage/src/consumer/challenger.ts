import {
  type Address,
  type Chain,
  type Clock,
  type Hash,
  hasCode,
  isSteadError,
  type Logger,
  messageOf,
  POSSESSION_DRAW_BLOCKS,
  POSSESSION_REVISION_SECONDS_MAX,
  type PossessionAdjudicator,
  type PossessionChallenge,
  type PossessionEnd,
  type PossessionTerms,
  type Random,
  type Store,
  type TransactionOutcome,
  type UnixMs,
} from '@stead/core'
import { agreementSchema, type SignedAgreement } from '../agreement/agreement.ts'
import { AnswerPace } from '../answer-pace.ts'
import { StorageError } from '../errors.ts'
import { Repeater } from '../repeater.ts'
import {
  ASKED_TABLE,
  ASKING_TABLE,
  type AskedRow,
  type AskIntent,
  type AskReason,
  decodeAsked,
  decodeIntent,
  encodeAsked,
  encodeIntent,
} from './asked-rows.ts'

/** A node that can be asked: what it signed last, and whether it may be freed of pieces now. */
export interface Challengeable {
  readonly node: Address
  readonly agreement: Hash
  readonly signed: SignedAgreement | undefined
  /** While held, no revision frees the node of a piece: that would answer the challenge. */
  readonly hold: (isHeld: boolean) => void
}

/** What a {@link Challenger} stands on. */
export interface ChallengerComponents {
  readonly adjudicator: PossessionAdjudicator
  readonly chain: Pick<Chain, 'operatorOf' | 'blockTime'>
  /** Every node with an agreement. */
  readonly nodes: () => readonly Challengeable[]
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** When a {@link Challenger} asks by itself. */
export interface ChallengerOptions {
  /** What an off-chain proof must have come to. */
  readonly challengeOn: 'never' | 'lied' | 'lost'
  /** Challenges by lot in thirty days, all nodes together. */
  readonly randomPerMonth: number
}

/** How a challenge stands for the payer who asked. */
export type AskedState = 'announcing' | 'waiting' | 'asked' | 'due' | PossessionEnd['kind']

/** A challenge that this payer announced, or is about to. */
export interface AskedChallenge {
  /** Missing while it is being announced. */
  readonly number?: bigint
  readonly node: Address
  readonly agreement: Hash
  readonly why: AskReason
  readonly state: AskedState
  /** Last moment for an answer; missing while the seed is not drawn. */
  readonly endsAt?: UnixMs
  /** What kept the last step from being done. */
  readonly reason?: string
  /** Of this payer's transactions about it. */
  readonly gasUsed: bigint
  readonly gasCostWei: bigint
  /** What the node lost. */
  readonly takenTokenUnits?: bigint
}

interface Asked {
  row: AskedRow
  state: AskedState
  endsAt: UnixMs | undefined
  reason: string | undefined
  takenTokenUnits: bigint | undefined
  /** Since when the chain shows neither the challenge nor its end. */
  missingSinceMs: number | undefined
}

const STEP_MS = 15_000
const IDLE_MS = 60_000
const MONTH_MS = 30 * 86_400_000
/** By itself, a node is asked once in the period for which it can be punished. */
const AGAIN_MS = 7 * 86_400_000
const OVERLAP_BLOCKS = 64
/** A challenge that the chain has forgotten for so long was on another fork, and its deposit was never paid. */
const FORGET_MS = 3_600_000
const ENDED_MAX = 32
const SECOND_MS = 1000

/**
 * Asks nodes on chain: announces, draws the seed, and when the time is over has the node punished. Each step is on disk,
 * and is tried again after whatever failed.
 */
export class Challenger {
  readonly #components: ChallengerComponents
  readonly #options: ChallengerOptions
  readonly #repeater: Repeater
  readonly #pace: AnswerPace
  readonly #intents: Map<Hash, AskIntent & { reason?: string }> = new Map()
  readonly #asked: Map<bigint, Asked> = new Map()
  readonly #ended: Asked[] = []
  /** Agreements about which an announcement is on its way. */
  readonly #announcing: Set<Hash> = new Set()
  /** When a node was last asked without its owner's wish. */
  readonly #askedAtMs: Map<Address, number> = new Map()
  #lastLotMs: number | undefined

  constructor(components: ChallengerComponents, options: ChallengerOptions) {
    this.#components = components
    this.#options = options
    this.#pace = new AnswerPace(components.adjudicator)
    this.#repeater = new Repeater(components.clock, () => this.#again())
  }

  /** Goes on with what was begun. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { store } = this.#components
    for (const { value } of await store.scan(ASKING_TABLE)) {
      const intent = decodeIntent(value)
      this.#intents.set(intent.agreement, intent)
      this.#hold(intent.node, true)
    }
    for (const { value } of await store.scan(ASKED_TABLE)) this.#add(decodeAsked(value))
    this.#repeater.start(0)
  }

  /** Does nothing any more; what was begun goes on with the next start. */
  async stop(): Promise<void> {
    await this.#repeater.stop()
  }

  /** What a challenge costs, and how long an answer may take. @throws the chain's errors */
  terms(): Promise<PossessionTerms> {
    return this.#components.adjudicator.terms()
  }

  list(): readonly AskedChallenge[] {
    const coming = Array.from(this.#intents.values(), ({ node, agreement, why, reason }): AskedChallenge => {
      const state = 'announcing'
      return { node, agreement, why, state, gasUsed: 0n, gasCostWei: 0n, ...(reason === undefined ? {} : { reason }) }
    })
    return [...coming, ...Array.from(this.#asked.values(), viewOf), ...this.#ended.map(viewOf)]
  }

  /**
   * Asks a node now.
   * @throws StorageError STORAGE_NO_CHALLENGE with the reason; the chain's errors, CHAIN_INSUFFICIENT_FUNDS for a deposit
   *   that is not there
   */
  async ask(node: Address, why: AskReason = 'wanted'): Promise<AskedChallenge> {
    const found = this.#components.nodes().find((each) => each.node === node)
    if (found === undefined) throw refused(node, 'this payer has no agreement with it')
    await this.#requireAskable(found)
    const { agreement } = found
    const fromBlock = await this.#components.adjudicator.head()
    const intent: AskIntent = { agreement, node, why, fromBlock }
    const value = encodeIntent(intent)
    await this.#components.store.write([{ kind: 'put', table: ASKING_TABLE, key: agreement.slice(2), value }], 'power')
    this.#intents.set(agreement, intent)
    found.hold(true)
    try {
      return viewOf(await this.#announce(intent, found))
    } catch (error) {
      if (!mayHaveBeenSent(error)) await this.#giveUp(intent)
      throw error
    }
  }

  /** An off-chain proof came to nothing: asks on chain where the settings want it. Never throws for what the chain refuses. */
  async suspect(node: Address, why: 'lied' | 'lost'): Promise<void> {
    const { challengeOn } = this.#options
    const isWanted = challengeOn === 'lost' || (challengeOn === 'lied' && why === 'lied')
    if (isWanted) await this.#askQuietly(node, why)
  }

  /** Draws by lot whether one of the nodes is asked; call it after each round of proofs. */
  async drawLot(): Promise<void> {
    const { clock, random, nodes } = this.#components
    const nowMs = clock.monotonicMs()
    const sinceMs = nowMs - (this.#lastLotMs ?? nowMs)
    this.#lastLotMs = nowMs
    const chance = (this.#options.randomPerMonth * sinceMs) / MONTH_MS
    if (chance === 0 || random.fraction() >= chance) return
    const all = nodes()
    const drawn = all[Math.floor(random.fraction() * all.length)]
    if (drawn !== undefined) await this.#askQuietly(drawn.node, 'random')
  }

  async #askQuietly(node: Address, why: AskReason): Promise<void> {
    const { clock, logger } = this.#components
    const nowMs = clock.monotonicMs()
    const askedAtMs = this.#askedAtMs.get(node)
    if (askedAtMs !== undefined && nowMs - askedAtMs < AGAIN_MS) return
    try {
      const { number } = await this.ask(node, why)
      this.#askedAtMs.set(node, nowMs)
      logger.warn('a node has to prove on chain what it keeps', { node, why, challenge: number })
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.info('a node was not asked on chain', { node, why, error: messageOf(error) })
    }
  }

  async #requireAskable({ node, agreement, signed }: Challengeable): Promise<void> {
    const { chain } = this.#components
    const isOpen = Array.from(this.#asked.values()).some(({ row }) => row.agreement === agreement)
    if (this.#intents.has(agreement) || isOpen) throw refused(node, 'it is asked already')
    if (signed === undefined) throw refused(node, 'it has signed nothing yet')
    const { leaves, atSecond } = agreementSchema.decodeDocument(signed.document)
    if (leaves === 0) throw refused(node, 'it keeps nothing now')
    const ageSeconds = (await chain.blockTime()) / SECOND_MS - atSecond
    if (ageSeconds > POSSESSION_REVISION_SECONDS_MAX)
      throw refused(node, 'what both signed last is more than seven days old')
    if ((await chain.operatorOf(node)) === undefined) throw refused(node, 'it has no stake')
  }

  /** Announces unless an earlier attempt did. */
  async #announce(intent: AskIntent, to: Challengeable): Promise<Asked> {
    this.#announcing.add(intent.agreement)
    try {
      return await this.#announceOnce(intent, to)
    } finally {
      this.#announcing.delete(intent.agreement)
    }
  }

  async #announceOnce(intent: AskIntent, { signed }: Challengeable): Promise<Asked> {
    const { adjudicator, store } = this.#components
    const before = await this.#announcedBefore(intent)
    let row: AskedRow | undefined
    if (before !== undefined) {
      const { number, revision } = before
      row = { ...intent, number, revision, gasUsed: 0n, gasCostWei: 0n }
    } else {
      if (signed === undefined) throw refused(intent.node, 'it has signed nothing yet')
      const { revision } = agreementSchema.decodeDocument(signed.document)
      const { challenge, gasUsed, gasCostWei } = await adjudicator.announce(signed)
      row = { ...intent, number: challenge, revision, gasUsed, gasCostWei }
    }
    await store.write(
      [
        { kind: 'put', table: ASKED_TABLE, key: keyOf(row), value: encodeAsked(row) },
        { kind: 'delete', table: ASKING_TABLE, key: intent.agreement.slice(2) },
      ],
      'power',
    )
    this.#intents.delete(intent.agreement)
    const asked = this.#add(row)
    // Blocks may be short, and the seed is known for 256 of them.
    this.#repeater.hasten(await this.#pace.within(STEP_MS))
    return asked
  }

  async #announcedBefore({ agreement, node, fromBlock }: AskIntent): Promise<PossessionChallenge | undefined> {
    const { adjudicator } = this.#components
    const span = { fromBlock: Math.max(0, fromBlock - OVERLAP_BLOCKS), toBlock: await adjudicator.head() }
    const open = await adjudicator.openChallenges(node, span)
    return open.find((each) => {
      const isOurs = each.challenger === adjudicator.account && each.agreement === agreement
      return isOurs && !this.#asked.has(each.number)
    })
  }

  async #giveUp({ agreement, node }: AskIntent): Promise<void> {
    await this.#components.store.write([{ kind: 'delete', table: ASKING_TABLE, key: agreement.slice(2) }], 'process')
    this.#intents.delete(agreement)
    this.#hold(node, false)
  }

  #add(row: AskedRow): Asked {
    const asked: Asked = {
      row,
      state: 'waiting',
      endsAt: undefined,
      reason: undefined,
      takenTokenUnits: undefined,
      missingSinceMs: undefined,
    }
    this.#asked.set(row.number, asked)
    this.#hold(row.node, true)
    return asked
  }

  /** Does what each challenge needs. Never throws: what fails is tried again. */
  async round(): Promise<void> {
    for (const intent of [...this.#intents.values()])
      if (!this.#announcing.has(intent.agreement)) await this.#announceAgain(intent)
    await Promise.all(Array.from(this.#asked.values(), (asked) => this.#step(asked)))
  }

  async #again(): Promise<number> {
    await this.round()
    return await this.#pace.within(this.#intents.size + this.#asked.size > 0 ? STEP_MS : IDLE_MS)
  }

  async #announceAgain(intent: AskIntent & { reason?: string }): Promise<void> {
    const found = this.#components.nodes().find(({ agreement }) => agreement === intent.agreement)
    try {
      if (found === undefined) return await this.#giveUp(intent)
      await this.#announce(intent, found)
    } catch (error) {
      if (this.#repeater.isStopped) return
      if (!mayHaveBeenSent(error)) return await this.#giveUp(intent)
      intent.reason = messageOf(error)
    }
  }

  async #step(asked: Asked): Promise<void> {
    const { adjudicator, chain, logger } = this.#components
    const { number, node } = asked.row
    try {
      const challenge = await adjudicator.challenge(number)
      if (challenge === undefined) return await this.#lookForEnd(asked)
      const { drawn, seedBlock } = challenge
      asked.missingSinceMs = undefined
      asked.endsAt = drawn?.endsAt
      if (drawn === undefined) {
        asked.state = 'waiting'
        const head = await adjudicator.head()
        if (head > seedBlock + POSSESSION_DRAW_BLOCKS) await this.#count(asked, await adjudicator.reclaim(number))
        else if (head > seedBlock) await this.#count(asked, await adjudicator.draw(number))
      } else if ((await chain.blockTime()) > drawn.endsAt) {
        asked.state = 'due'
        await this.#count(asked, await this.#punish(number))
      } else asked.state = 'asked'
      asked.reason = undefined
    } catch (error) {
      if (this.#repeater.isStopped) return
      asked.reason = messageOf(error)
      logger.info('a challenge waits', { challenge: number, node, error: asked.reason })
    }
  }

  /** What cannot be punished (any more) gives its deposit back. */
  async #punish(number: bigint): Promise<TransactionOutcome> {
    const { adjudicator } = this.#components
    try {
      return await adjudicator.punish(number)
    } catch (error) {
      const isRefused = hasCode(error, 'CHAIN_REVERTED') && !WAITS.has(String(error.details.error))
      if (!isRefused) throw error
      return await adjudicator.reclaim(number)
    }
  }

  async #lookForEnd(asked: Asked): Promise<void> {
    const { adjudicator, clock, logger } = this.#components
    const { number, fromBlock, node } = asked.row
    const span = { fromBlock: Math.max(0, fromBlock - OVERLAP_BLOCKS), toBlock: await adjudicator.head() }
    const end = await adjudicator.endOf(number, span)
    if (end === undefined) {
      // Endpoints are behind, or another fork has won.
      asked.missingSinceMs ??= clock.monotonicMs()
      if (clock.monotonicMs() - asked.missingSinceMs > FORGET_MS) await this.#forget(asked)
      return
    }
    asked.state = end.kind
    if (end.kind === 'missed') asked.takenTokenUnits = end.takenTokenUnits
    const { gasUsed, gasCostWei } = asked.row
    const { takenTokenUnits } = asked
    logger.info('a challenge is over', { challenge: number, node, end: end.kind, takenTokenUnits, gasUsed, gasCostWei })
    await this.#forget(asked)
    this.#ended.unshift(asked)
    this.#ended.splice(ENDED_MAX)
  }

  async #forget({ row }: Asked): Promise<void> {
    await this.#components.store.write([{ kind: 'delete', table: ASKED_TABLE, key: keyOf(row) }], 'process')
    this.#asked.delete(row.number)
    this.#hold(row.node, false)
  }

  async #count(asked: Asked, { gasUsed, gasCostWei }: TransactionOutcome): Promise<void> {
    const { row } = asked
    asked.row = { ...row, gasUsed: row.gasUsed + gasUsed, gasCostWei: row.gasCostWei + gasCostWei }
    const value = encodeAsked(asked.row)
    await this.#components.store.write([{ kind: 'put', table: ASKED_TABLE, key: keyOf(row), value }], 'process')
  }

  #hold(node: Address, isHeld: boolean): void {
    const isStillAsked =
      [...this.#intents.values()].some((intent) => intent.node === node) ||
      [...this.#asked.values()].some(({ row }) => row.node === node)
    this.#components
      .nodes()
      .find((each) => each.node === node)
      ?.hold(isHeld || isStillAsked)
  }
}

/** Refusals that only mean that it is too early, or that somebody else was first. */
const WAITS: ReadonlySet<string> = new Set(['TooEarly', 'ChallengeUnknown', 'NotDrawn'])

/** A transaction without an answer may be taken later. */
function mayHaveBeenSent(error: unknown): boolean {
  return !isSteadError(error) || !NEVER_SENT.has(error.code)
}

const NEVER_SENT: ReadonlySet<string> = new Set([
  'CHAIN_REVERTED',
  'CHAIN_INSUFFICIENT_FUNDS',
  'CHAIN_WRONG_CONTRACT',
  'STORAGE_NO_CHALLENGE',
])

function refused(node: Address, reason: string): StorageError {
  return new StorageError('STORAGE_NO_CHALLENGE', `the node ${node} cannot be asked: ${reason}`, {
    details: { node, reason },
  })
}

function keyOf({ number }: Pick<AskedRow, 'number'>): string {
  return number.toString().padStart(20, '0')
}

function viewOf({ row, state, endsAt, reason, takenTokenUnits }: Asked): AskedChallenge {
  const { number, node, agreement, why, gasUsed, gasCostWei } = row
  return {
    number,
    node,
    agreement,
    why,
    state,
    gasUsed,
    gasCostWei,
    ...(endsAt === undefined ? {} : { endsAt }),
    ...(reason === undefined ? {} : { reason }),
    ...(takenTokenUnits === undefined ? {} : { takenTokenUnits }),
  }
}
