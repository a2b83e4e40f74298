import { type Address, type Economy, isSteadError, messageOf, type RootProposal, type Timer } from '@stead/core'
import type { OfferBook } from '@stead/market'
import {
  ChainFactsReader,
  type EpochBegin,
  type EpochNumber,
  epochNumber,
  type QualityParameters,
} from '@stead/rewards'
import { BondedNodes } from './bonded-nodes.ts'
import { DocumentExchange } from './document-exchange.ts'
import { DocumentShelf } from './document-shelf.ts'
import { EpochComputer } from './epoch-computer.ts'
import { EpochEarningsBook } from './epoch-earnings-book.ts'
import { deleteBefore, EPOCH_TABLES } from './epoch-tables.ts'
import { FinalRootCheck } from './final-root-check.ts'
import { Hearsay } from './hearsay.ts'
import { LieReporter } from './lie-reporter.ts'
import { LogBook } from './log-book.ts'
import { NodeDirectory } from './node-directory.ts'
import { NoticeBoard } from './notice-board.ts'
import { OwnAuditsLook } from './own-audits-look.ts'
import type { PolicyBook } from './policy-book.ts'
import type { EpochPorts } from './ports.ts'
import { ProbeResponder } from './probe-responder.ts'
import { ProbingDesk } from './probing-desk.ts'
import { Proposer } from './proposer.ts'
import { RewardClaimer, type RewardClaimOptions } from './reward-claimer.ts'
import { pollMsOf, scheduleOf } from './schedule.ts'
import { VoteBook } from './vote-book.ts'
import { Watcher } from './watcher.ts'

/** What a node does in epochs. */
export interface EpochServiceOptions {
  readonly watch: boolean
  readonly propose: boolean
  readonly keepEpochs: number
  /** Whose rewards are claimed; undefined where nothing is sold. */
  readonly claims: RewardClaimOptions | undefined
}

/** What the service stands on beside its ports. */
export interface EpochServiceParts {
  readonly offers: Pick<OfferBook, 'list'>
  readonly policies: PolicyBook
  /** Sends with the operator's account. */
  readonly operator: Economy | undefined
  /** Hears which nodes auditors did not find what they signed for at, whenever an epoch was computed. @default nobody does */
  readonly onUnproven?: (nodes: readonly Address[]) => void
  /** Lets go of the operator's account. */
  readonly onStopped: () => Promise<void>
}

/** What is looked at in each round. */
type Duty = 'chain' | 'probing' | 'logs' | 'lies' | 'proposals' | 'final-root' | 'claims' | 'keeping'

const TABLES_OF_EPOCHS = [
  EPOCH_TABLES.seeds,
  EPOCH_TABLES.probes,
  EPOCH_TABLES.audits,
  EPOCH_TABLES.ownLogs,
  EPOCH_TABLES.results,
]
/** How long a round may go on after the node was told to stop. */
const ROUND_GRACE_MS = 5000
/** Rounds between two looks for something to claim. */
const CLAIM_ROUNDS = 20
/** Epochs without a final root whose logs are gathered on; peers know notices of no older ones. */
const OPEN_EPOCHS_MAX = 31

/**
 * Everything that a node does in epochs, in rounds. A duty that fails is tried again in the next round, and one that
 * takes longer than a round (a transaction may wait for hours) is not begun again before it has ended; the others go on.
 */
export class EpochService {
  readonly facts: ChainFactsReader
  readonly shelf: DocumentShelf
  readonly exchange: DocumentExchange
  readonly board: NoticeBoard
  readonly logs: LogBook
  readonly computer: EpochComputer
  readonly proposer: Proposer
  readonly watcher: Watcher
  readonly finalRoot: FinalRootCheck
  readonly lies: LieReporter
  readonly earnings: EpochEarningsBook
  readonly claimer: RewardClaimer | undefined
  readonly ports: EpochPorts
  readonly #options: EpochServiceOptions
  readonly #policies: PolicyBook
  readonly #onStopped: () => Promise<void>
  readonly #votes: VoteBook
  readonly #hearsay: Hearsay
  readonly #ownAudits: OwnAuditsLook
  readonly #probing: ProbingDesk
  readonly #responder: ProbeResponder
  readonly #faults: Map<Duty, string> = new Map()
  #timer: Timer | undefined
  #round: Promise<void> = Promise.resolve()
  readonly #running: Map<Duty, Promise<void>> = new Map()
  #rounds = 0
  #isRunning = false
  #keptEpoch = -1
  #open: RootProposal | undefined

  constructor(ports: EpochPorts, parts: EpochServiceParts, options: EpochServiceOptions) {
    this.ports = ports
    this.#options = options
    const { policies, operator, onUnproven = () => undefined } = parts
    this.#policies = policies
    this.#onStopped = parts.onStopped
    const directory = new NodeDirectory(ports, parts.offers)
    this.facts = new ChainFactsReader(ports)
    this.shelf = new DocumentShelf(ports)
    this.exchange = new DocumentExchange(ports, this.shelf)
    this.lies = new LieReporter(ports)
    const { facts, shelf, exchange } = this
    const onLie = ({ prober: node, ...lie }: { prober: Address } & Omit<Parameters<LieReporter['note']>[0], 'node'>) =>
      this.lies.note({ node, ...lie })
    this.logs = new LogBook(ports, { facts, shelf, exchange, onLie })
    const { logs } = this
    const bonded = new BondedNodes(ports, facts)
    this.board = new NoticeBoard(ports, { bonded, logsOf: (epoch) => logs.notices(epoch) })
    this.#hearsay = new Hearsay(ports, logs)
    const { board } = this
    this.computer = new EpochComputer(ports, { facts, shelf, exchange, board, logs, policies, onUnproven })
    const { computer } = this
    this.finalRoot = new FinalRootCheck(ports, computer)
    this.#ownAudits = new OwnAuditsLook(ports, computer)
    this.earnings = new EpochEarningsBook(ports, { facts, computer })
    this.proposer = new Proposer(ports, { computer, operator })
    this.#votes = new VoteBook(ports, board)
    this.watcher = new Watcher(ports, { facts, computer, logs, board, votes: this.#votes, operator })
    this.claimer = options.claims === undefined ? undefined : new RewardClaimer(ports, computer, options.claims)
    const beginOf = (epoch: EpochNumber) => this.#beginOf(epoch)
    const claimantsOf = (epoch: EpochNumber) => facts.claimants(epoch)
    this.#probing = new ProbingDesk({ ...ports, directory }, { beginOf, claimantsOf, logs, board })
    this.#responder = new ProbeResponder(ports, { beginOf })
  }

  /** The open proposal, as it was seen last. */
  get open(): RootProposal | undefined {
    return this.#open
  }

  /** What does not work now, by what it is. */
  get faults(): ReadonlyMap<string, string> {
    return this.#faults
  }

  /** Takes part from now on; an endpoint that does not answer is waited for. */
  start(): void {
    this.#isRunning = true
    this.exchange.start()
    this.board.start()
    this.board.listen((notice, from) => {
      if (notice.kind === 'log') void this.logs.hear(notice, { peer: from })
    })
    this.#responder.start()
    this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.clear()
    this.#probing.stop()
    this.board.stop()
    // A transaction may wait for its block for minutes; whoever stops the chain after this ends it.
    const ended = this.#round.then(() => Promise.all(this.#running.values()))
    await Promise.race([ended, this.ports.clock.sleep(ROUND_GRACE_MS)])
    await this.#onStopped()
  }

  #schedule(delayMs: number): void {
    this.#timer = this.ports.clock.setTimer(delayMs, () => {
      this.#round = this.#work().then(() => {
        if (this.#isRunning) this.#schedule(pollMsOf(this.ports.calendar))
      })
    })
  }

  async #work(): Promise<void> {
    const { history, time } = this.ports
    await this.#duty('chain', async () => time.observe(await history.head()))
    if (time.head === undefined || !this.#isRunning) return
    this.#begin('probing', () => this.#probing.look())
    this.#begin('logs', () => this.#gather())
    this.#begin('lies', () => this.#report())
    this.#begin('proposals', () => this.#proposals())
    this.#begin('final-root', () => this.#checkFinal())
    if (this.#rounds++ % CLAIM_ROUNDS === 0) this.#begin('claims', () => this.#claim())
    this.#begin('keeping', () => this.#forget())
  }

  #begin(name: Duty, work: () => Promise<unknown>): void {
    if (this.#running.has(name)) return
    const running = this.#duty(name, work).finally(() => this.#running.delete(name))
    this.#running.set(name, running)
  }

  async #duty(name: Duty, work: () => Promise<unknown>): Promise<void> {
    if (!this.#isRunning) return
    try {
      await work()
      this.#faults.delete(name)
    } catch (error) {
      if (!this.#isRunning) return
      const message = `${isSteadError(error) ? error.code : 'INTERNAL'}: ${messageOf(error)}`
      if (this.#faults.get(name) !== message) this.#reportFault(name, error)
      this.#faults.set(name, message)
    }
  }

  /** A fault of the program itself is loud, but no reason to stop serving: what epochs are made of comes from strangers. */
  #reportFault(duty: Duty, error: unknown): void {
    const { logger } = this.ports
    if (isSteadError(error)) logger.warn('a duty of the epoch failed', { duty, error })
    else logger.error('a duty of the epoch met a fault of this program', { duty, error })
  }

  async #beginOf(
    epoch: EpochNumber,
  ): Promise<{ readonly begin: EpochBegin; readonly quality: QualityParameters } | undefined> {
    const { time } = this.ports
    if (time.head === undefined || Math.abs(time.epoch() - epoch) > 1) return undefined
    const begin = await this.facts.begin(epoch)
    return begin === undefined ? undefined : { begin, quality: this.#policies.quality(begin.utility) }
  }

  /** Brings in logs of the epoch that ended: what gossip told and what peers know. */
  async #gather(): Promise<void> {
    const { time, calendar } = this.ports
    const now = time.epoch()
    if (now === 0) return
    const ended = epochNumber(now - 1)
    if (time.now() < scheduleOf(calendar, ended).logsCloseAt) await this.#gatherOf(ended, false)
    const open = await this.#openBefore(ended)
    if (open !== undefined) await this.#gatherOf(open, true)
  }

  async #gatherOf(epoch: EpochNumber, isLate: boolean): Promise<void> {
    // Before anybody is asked: a peer that is silent would hold up what was said already.
    await this.#hearSaid(epoch, isLate)
    const told = await this.board.ask(epoch)
    // Not waited for: whoever makes up logs and is slow holds up only what it says itself.
    for (const each of told) void this.#hearsay.follow(each, isLate)
    await this.#hearSaid(epoch, isLate)
  }

  async #hearSaid(epoch: EpochNumber, isLate: boolean): Promise<void> {
    const said = this.board.of(epoch, 'log')
    await Promise.all(said.map((notice) => this.logs.hear(notice, { peer: this.ports.network.self, isLate })))
  }

  /**
   * One of the epochs before the newest that no final root covers, in turn; one that cannot be used covers nothing.
   * Their logs are gathered on: nodes that were parted while they should have been told would hold to different results
   * for ever, each with a log that the other lacks, and never agree on anything that builds on them.
   */
  async #openBefore(ended: EpochNumber): Promise<EpochNumber | undefined> {
    const first = await this.#firstOpen(ended)
    return first >= ended ? undefined : epochNumber(first + (this.#rounds % (ended - first)))
  }

  /** The first epoch that no final root covers and that is not too old to be agreed on. */
  async #firstOpen(newest: number): Promise<number> {
    const final = await this.ports.economy.finalRoot()
    const isCovered = final !== undefined && this.finalRoot.faultOf(final.epoch) === undefined
    return Math.max(isCovered ? final.epoch + 1 : 0, newest - OPEN_EPOCHS_MAX)
  }

  async #report(): Promise<void> {
    if (this.#open !== undefined) for (const lie of this.#votes.lies(this.#open)) this.lies.note(lie)
    await this.lies.report()
  }

  async #proposals(): Promise<void> {
    const { watch, propose, claims } = this.#options
    this.#open = await this.ports.economy.proposal()
    if (this.#open === undefined) {
      if (propose) await this.proposer.proposeNewest()
      return
    }
    if (watch || propose) {
      if (await this.proposer.end(this.#open)) return
      await this.watcher.look(this.#open)
    } else if (claims !== undefined) await this.#ownAudits.look(this.#open)
  }

  async #checkFinal(): Promise<void> {
    const { watch, propose, claims } = this.#options
    if (watch || propose || claims !== undefined) await this.finalRoot.look()
  }

  async #claim(): Promise<void> {
    await this.claimer?.claim(false)
  }

  /** Deletes what is older than it is kept for, once an epoch. */
  async #forget(): Promise<void> {
    const { time, store } = this.ports
    const now = time.epoch()
    if (this.#keptEpoch === now) return
    // What no final root covers is still argued about: whoever forgets its logs can agree with nobody any more.
    const oldest = Math.max(0, Math.min(now - this.#options.keepEpochs, (await this.#firstOpen(now)) - 1))
    await this.shelf.deleteBefore(oldest)
    await this.logs.deleteBefore(oldest)
    for (const table of TABLES_OF_EPOCHS) {
      await deleteBefore(store, table, oldest)
    }
    this.#keptEpoch = now
  }
}
