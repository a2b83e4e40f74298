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
  type PossessionAnnouncement,
  type PossessionTerms,
  type Random,
  type Store,
  type StoreOperation,
  type TransactionOutcome,
  type UnixMs,
} from '@stead/core'
import { agreementSchema, type SignedAgreement } from '../agreement/agreement.ts'
import { AnswerPace } from '../answer-pace.ts'
import { Repeater } from '../repeater.ts'
import { AskLimits, type DepositBudget, type OpenAsk } from './ask-limits.ts'
import {
  type Announcing,
  type Asked,
  type AskedChallenge,
  followed,
  mayHaveBeenSent,
  refused,
  viewOf,
  viewOfAnnouncing,
} from './asked-challenge.ts'
import {
  ASKED_TABLE,
  ASKING_TABLE,
  type AskedRow,
  type AskIntent,
  type AskReason,
  askedKey,
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
  /** Most that may be out or lost in thirty days of what is asked without a command, in token units. */
  readonly depositsMaxTokenUnits: bigint
}

const STEP_MS = 15_000
const IDLE_MS = 60_000
const MONTH_MS = 30 * 86_400_000
const OVERLAP_BLOCKS = 64
/** So far back another daemon of this account may have asked: a day of blocks of a second or two. */
const LOOK_BACK_BLOCKS = 65_536
/** An announcement of which nothing was heard is looked for for so long before another deposit is paid. */
const ON_ITS_WAY_MS = 3_600_000
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
  readonly #limits: AskLimits
  readonly #intents: Map<Hash, Announcing> = new Map()
  readonly #asked: Map<bigint, Asked> = new Map()
  readonly #ended: Asked[] = []
  /** Agreements about which an announcement is on its way. */
  readonly #announcing: Set<Hash> = new Set()
  /** Whether a node may be asked is decided for one after another. */
  #deciding: Promise<unknown> = Promise.resolve()
  #lastLotMs: number | undefined

  constructor(components: ChallengerComponents, options: ChallengerOptions) {
    this.#components = components
    this.#options = options
    this.#pace = new AnswerPace(components.adjudicator)
    this.#limits = new AskLimits(components.store, options.depositsMaxTokenUnits)
    this.#repeater = new Repeater(components.clock, () => this.#again())
  }

  /** Goes on with what was begun. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const { store, clock } = this.#components
    await this.#limits.load()
    for (const { value } of await store.scan(ASKING_TABLE)) {
      const intent = decodeIntent(value)
      this.#intents.set(intent.agreement, { ...intent, retryAtMs: clock.monotonicMs() + ON_ITS_WAY_MS })
      this.#hold(intent.node, true)
    }
    for (const { value } of await store.scan(ASKED_TABLE)) this.#add(followed(decodeAsked(value)))
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
    const coming = Array.from(this.#intents.values(), viewOfAnnouncing)
    return [...coming, ...Array.from(this.#asked.values(), viewOf), ...this.#ended.map(viewOf)]
  }

  /** What is out and what is lost of the deposits of challenges that no command asked for. @throws the chain's errors */
  async budget(): Promise<DepositBudget> {
    return this.#limits.budget(this.#open(), await this.#moment())
  }

  async #moment(): Promise<{ readonly now: UnixMs; readonly depositTokenUnits: bigint }> {
    const { chain, adjudicator } = this.#components
    const [now, { depositTokenUnits }] = await Promise.all([chain.blockTime(), adjudicator.terms()])
    return { now, depositTokenUnits }
  }

  #open(): readonly OpenAsk[] {
    return [...this.#intents.values(), ...Array.from(this.#asked.values(), ({ row }) => row)]
  }

  /**
   * Asks a node now; one that another daemon of this account has asked is followed here as well.
   * @throws StorageError STORAGE_NO_CHALLENGE with the reason; the chain's errors, CHAIN_INSUFFICIENT_FUNDS for a deposit
   *   that is not there
   */
  async ask(node: Address, why: AskReason = 'wanted'): Promise<AskedChallenge> {
    const deciding = this.#deciding.then(() => this.#decide(node, why))
    this.#deciding = deciding.catch(() => undefined)
    const { intent, found, before } = await deciding
    if (before !== undefined) {
      const { number, revision } = before
      return viewOf(await this.#follow({ ...intent, number, revision, gasUsed: 0n, gasCostWei: 0n }))
    }
    try {
      return viewOf(await this.#announce(intent, found))
    } catch (error) {
      if (!mayHaveBeenSent(error)) await this.#giveUp(intent)
      throw error
    }
  }

  /** An intent that is on disk, and what the chain has of it already. */
  async #decide(node: Address, why: AskReason): Promise<Decided> {
    const { nodes, adjudicator, store, clock } = this.#components
    const found = nodes().find((each) => each.node === node)
    if (found === undefined) throw refused(node, 'this payer has no agreement with it')
    await this.#requireAskable(found)
    const { agreement } = found
    const head = await adjudicator.head()
    const before = await this.#openBefore(agreement, head)
    if (before === undefined && why !== 'wanted') {
      const reason = this.#limits.refusal({ node, why }, this.#open(), await this.#moment())
      if (reason !== undefined) throw refused(node, reason)
    }
    const intent: Announcing = {
      agreement,
      node,
      why,
      fromBlock: before?.block ?? head,
      retryAtMs: clock.monotonicMs() + ON_ITS_WAY_MS,
    }
    const value = encodeIntent(intent)
    await store.write([{ kind: 'put', table: ASKING_TABLE, key: agreement.slice(2), value }], 'power')
    this.#intents.set(agreement, intent)
    found.hold(true)
    return { intent, found, before }
  }

  /** A challenge of this account that is open and not followed here: a daemon with lost books, or another one, asked. */
  async #openBefore(agreement: Hash, head: number): Promise<PossessionAnnouncement | undefined> {
    const { adjudicator } = this.#components
    for (const each of await this.#announced(agreement, head - LOOK_BACK_BLOCKS))
      if ((await adjudicator.challenge(each.number)) !== undefined) return each
    return undefined
  }

  /** What this account announced about an agreement since a block and is not followed here, oldest first. */
  async #announced(agreement: Hash, fromBlock: number): Promise<readonly PossessionAnnouncement[]> {
    const { adjudicator } = this.#components
    const span = { fromBlock: Math.max(0, fromBlock), toBlock: await adjudicator.head() }
    const found = await adjudicator.announcements(agreement, span)
    return found.filter(({ challenger, number }) => {
      return challenger === adjudicator.account && !this.#asked.has(number) && !this.#limits.knows(number)
    })
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
    const { logger } = this.#components
    try {
      const { number } = await this.ask(node, why)
      logger.warn('a node has to prove on chain what it keeps', { node, why, challenge: number })
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.info('a node was not asked on chain', { node, why, error: messageOf(error) })
    }
  }

  async #requireAskable({ node, signed }: Challengeable): Promise<void> {
    const { chain } = this.#components
    if (this.#open().some((each) => each.node === node)) throw refused(node, 'it is asked already')
    if (signed === undefined) throw refused(node, 'it has signed nothing yet')
    const { leaves, atSecond } = agreementSchema.decodeDocument(signed.document)
    if (leaves === 0) throw refused(node, 'it keeps nothing now')
    const ageSeconds = (await chain.blockTime()) / SECOND_MS - atSecond
    if (ageSeconds > POSSESSION_REVISION_SECONDS_MAX)
      throw refused(node, 'what both signed last is more than seven days old')
    if ((await chain.operatorOf(node)) === undefined) throw refused(node, 'it has no stake')
  }

  async #announce(intent: Announcing, to: Challengeable): Promise<Asked> {
    this.#announcing.add(intent.agreement)
    try {
      return await this.#announceOnce(intent, to)
    } finally {
      this.#announcing.delete(intent.agreement)
    }
  }

  async #announceOnce(intent: Announcing, { node, signed }: Challengeable): Promise<Asked> {
    const { adjudicator, clock } = this.#components
    if (signed === undefined) throw refused(node, 'it has signed nothing yet')
    const { revision } = agreementSchema.decodeDocument(signed.document)
    intent.retryAtMs = clock.monotonicMs() + ON_ITS_WAY_MS
    const { challenge, gasUsed, gasCostWei } = await adjudicator.announce(signed)
    return await this.#follow({ ...intent, number: challenge, revision, gasUsed, gasCostWei })
  }

  /** An announcement was made: from now on it is a challenge with a number. */
  async #follow(row: AskedRow): Promise<Asked> {
    const asked = this.#asked.get(row.number) ?? followed(row)
    await this.#components.store.write(
      [
        { kind: 'put', table: ASKED_TABLE, key: askedKey(row), value: encodeAsked(row) },
        { kind: 'delete', table: ASKING_TABLE, key: row.agreement.slice(2) },
      ],
      'power',
    )
    this.#add(asked)
    this.#intents.delete(row.agreement)
    // Blocks may be short, and the seed is known for 256 of them.
    this.#repeater.hasten(await this.#pace.within(STEP_MS))
    return asked
  }

  async #giveUp({ agreement, node }: AskIntent): Promise<void> {
    await this.#components.store.write([{ kind: 'delete', table: ASKING_TABLE, key: agreement.slice(2) }], 'process')
    this.#intents.delete(agreement)
    this.#hold(node, false)
  }

  #add(asked: Asked): void {
    this.#asked.set(asked.row.number, asked)
    this.#hold(asked.row.node, true)
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

  /** Looks for what was sent before; sends again, and gives up, only when that cannot be on its way any more. */
  async #announceAgain(intent: Announcing): Promise<void> {
    const { nodes, clock } = this.#components
    try {
      const before = await this.#announced(intent.agreement, intent.fromBlock - OVERLAP_BLOCKS)
      // More than one where the first was stuck for longer than it was looked for.
      for (const { number, revision } of before)
        await this.#follow({ ...intent, number, revision, gasUsed: 0n, gasCostWei: 0n })
      if (before.length > 0) return
      if (clock.monotonicMs() < intent.retryAtMs) return
      const found = nodes().find(({ agreement }) => agreement === intent.agreement)
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
    const { adjudicator, chain, clock, logger } = this.#components
    const { number, fromBlock, node, why } = asked.row
    const span = { fromBlock: Math.max(0, fromBlock - OVERLAP_BLOCKS), toBlock: await adjudicator.head() }
    const end = await adjudicator.endOf(number, span)
    if (end === undefined) {
      // Endpoints are behind, or another fork has won.
      asked.missingSinceMs ??= clock.monotonicMs()
      if (clock.monotonicMs() - asked.missingSinceMs > FORGET_MS) await this.#forget(asked)
      return
    }
    const endedAt = await chain.blockTime()
    asked.state = end.kind
    if (end.kind === 'missed') asked.takenTokenUnits = end.takenTokenUnits
    const { gasUsed, gasCostWei } = asked.row
    const { takenTokenUnits } = asked
    logger.info('a challenge is over', { challenge: number, node, end: end.kind, takenTokenUnits, gasUsed, gasCostWei })
    if (end.kind === 'answered' && why !== 'wanted')
      logger.warn('a node that was doubted has answered on chain: its operator has the deposit', { node, why })
    await this.#forget(asked, this.#limits.note({ number, node, why, endedAt, end: end.kind }))
    this.#ended.unshift(asked)
    this.#ended.splice(ENDED_MAX)
  }

  async #forget({ row }: Asked, operations: readonly StoreOperation[] = []): Promise<void> {
    const asked: StoreOperation = { kind: 'delete', table: ASKED_TABLE, key: askedKey(row) }
    await this.#components.store.write([asked, ...operations], 'process')
    this.#asked.delete(row.number)
    this.#hold(row.node, false)
  }

  async #count(asked: Asked, { gasUsed, gasCostWei }: TransactionOutcome): Promise<void> {
    const { row } = asked
    asked.row = { ...row, gasUsed: row.gasUsed + gasUsed, gasCostWei: row.gasCostWei + gasCostWei }
    const value = encodeAsked(asked.row)
    await this.#components.store.write([{ kind: 'put', table: ASKED_TABLE, key: askedKey(row), value }], 'process')
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

interface Decided {
  readonly intent: Announcing
  readonly found: Challengeable
  readonly before: PossessionAnnouncement | undefined
}
