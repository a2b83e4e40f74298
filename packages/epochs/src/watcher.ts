import {
  type ContentId,
  type Economy,
  type Hash,
  hasCode,
  messageOf,
  type RootProposal,
  type RootResult,
  type UnixMs,
} from '@stead/core'
import {
  auditEpoch,
  type ChainFactsReader,
  type EpochAudit,
  type EpochNumber,
  epochNumber,
  evidenceDigest,
  evidenceIdOf,
  openEvidence,
  openResult,
} from '@stead/rewards'
import type { EpochComputer } from './epoch-computer.ts'
import type { LogBook } from './log-book.ts'
import type { NoticeBoard } from './notice-board.ts'
import type { EpochPorts } from './ports.ts'
import { scheduleOf } from './schedule.ts'
import type { VoteBook } from './vote-book.ts'

/** What the watcher thinks of an open proposal. */
export interface WatchVerdict {
  readonly epoch: EpochNumber
  readonly attempt: number
  readonly verdict: 'match' | 'mismatch'
  /** One sentence; undefined for a match. */
  readonly reason: string | undefined
}

/** A verdict, and the fork of the chain on which it was given. */
interface Judged {
  readonly verdict: WatchVerdict
  readonly anchor: Hash
}

/** What the watcher stands on. */
export interface WatcherParts {
  readonly facts: ChainFactsReader
  readonly computer: EpochComputer
  readonly logs: LogBook
  readonly board: NoticeBoard
  readonly votes: VoteBook
  /** Sends with the operator's account; without it false roots are only voted against. */
  readonly operator: Economy | undefined
}

/** Epochs without a final root that an audit goes back. */
const DEPTH_MAX = 4096
const ACCEPTED_MAX = 8192

/** Recomputes every proposal; challenges a false one with its own result, votes on challenged ones, and sends decisions. */
export class Watcher {
  readonly #ports: EpochPorts
  readonly #parts: WatcherParts
  readonly #audits: Map<string, Judged> = new Map()
  readonly #firstSeen: Map<number, UnixMs> = new Map()
  /** Results of epochs without a final root that were audited and match, and the anchor of the facts that they match. */
  readonly #accepted: Map<ContentId, Hash> = new Map()

  constructor(ports: EpochPorts, parts: WatcherParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** The verdict on what was proposed last for an epoch. */
  verdictOf(epoch: number): WatchVerdict | undefined {
    return [...this.#audits.values()].findLast(({ verdict }) => verdict.epoch === epoch)?.verdict
  }

  /** What came out of the audit of one result of a proposal. */
  verdictOn(attempt: number, result: RootResult): WatchVerdict | undefined {
    return this.#audits.get(auditName(attempt, result))?.verdict
  }

  /** Looks at the open proposal. @throws ChainError, CoreError of the store; passing faults are tried again next time */
  async look(open: RootProposal): Promise<void> {
    if (!this.#firstSeen.has(open.attempt)) this.#firstSeen.set(open.attempt, this.#ports.time.now())
    const proposed = await this.#judge(open, open.proposed)
    if (proposed === undefined) return
    if (open.challenge === undefined) {
      if (proposed.verdict === 'mismatch') await this.#challenge(open, proposed)
      return
    }
    await this.#parts.board.ask(epochNumber(open.epoch))
    const result = await this.#trueResult(open, proposed)
    if (result === undefined) return
    await this.#vote(open, result)
    await this.#decide(open, result)
  }

  /**
   * What to vote for. When both sides are false it is this node's own result: watchers with the same logs have the same
   * one, so that a liar and a friend cannot leave only lies to choose from. Undefined while it cannot be said yet.
   */
  async #trueResult(open: RootProposal, proposed: WatchVerdict): Promise<RootResult | undefined> {
    if (proposed.verdict === 'match') return open.proposed
    if (open.challenge === undefined) return undefined
    const other = await this.#judge(open, open.challenge.other)
    if (other === undefined) return undefined
    if (other.verdict === 'match') return open.challenge.other
    const { root, digest } = await this.#parts.computer.own(epochNumber(open.epoch))
    return { root, evidence: digest }
  }

  /** Undefined while it cannot be said yet: documents may still be on their way. */
  async #judge(open: RootProposal, result: RootResult): Promise<WatchVerdict | undefined> {
    const name = auditName(open.attempt, result)
    const known = this.#audits.get(name)
    const epoch = epochNumber(open.epoch)
    const anchor = await this.#parts.facts.anchor(epoch)
    // A proposal that another fork took over with it may be true on one and false on the other.
    if (known?.anchor === anchor) return known.verdict
    const audit = await this.#audit(epoch, result, 0)
    const isMissing = audit.kind === 'difference' && audit.difference.what === 'missing'
    if (isMissing && this.#mayStillCome(open)) {
      await this.#parts.board.ask(epoch)
      return undefined
    }
    if (audit.computed !== undefined) await this.#parts.computer.keep(evidenceIdOf(result.evidence), audit.computed)
    const verdict: WatchVerdict = {
      epoch,
      attempt: open.attempt,
      verdict: audit.kind === 'match' ? 'match' : 'mismatch',
      reason: audit.kind === 'match' ? undefined : audit.message,
    }
    this.#audits.set(name, { verdict, anchor })
    this.#ports.logger.info('proposal audited', { ...verdict, root: result.root })
    return verdict
  }

  /** Documents that nobody gives out are a fault of the proposal in the second half of its time, not before. */
  #mayStillCome(open: RootProposal): boolean {
    const seenAt = this.#firstSeen.get(open.attempt) ?? this.#ports.time.now()
    return this.#ports.time.now() < (seenAt + open.endsAt) / 2
  }

  async #audit(epoch: EpochNumber, result: RootResult, depth: number): Promise<EpochAudit> {
    const { facts, logs, computer, board } = this.#parts
    const published = board
      .of(epoch, 'result')
      .find(({ evidence, root }) => evidence === result.evidence && root === result.root)?.document
    const components = computer.components(epoch)
    const publishedResult = published === undefined ? undefined : await components.load(published)
    return auditEpoch(components, {
      proposal: { epoch, ...result },
      facts: await facts.facts(epoch),
      previous: await this.#acceptedPrevious(epoch, result, depth),
      seenLogs: await logs.owed(epoch),
      ...(publishedResult === undefined ? {} : { publishedResult }),
    })
  }

  /**
   * The result that this proposal may build on. Without a final root of the epoch before that can be used, the one that
   * it names is audited in its turn; if that fails, it is this node's own.
   */
  async #acceptedPrevious(epoch: EpochNumber, result: RootResult, depth: number) {
    const { computer } = this.#parts
    if (epoch === 0) return undefined
    const before = epochNumber(epoch - 1)
    const followed = await computer.followed(before)
    if (followed !== undefined) return followed.result
    if (depth >= DEPTH_MAX) return computer.previousOf(epoch)
    const named = await this.#namedPrevious(epoch, result)
    if (named === undefined) return computer.previousOf(epoch)
    const anchor = await this.#parts.facts.anchor(before)
    if (this.#accepted.get(named.id) === anchor) return named.id
    const { root, evidence } = named.result
    const audit = await this.#audit(before, { root, evidence: evidenceDigest(evidence) }, depth + 1)
    const isSame = audit.kind === 'match' && audit.computed.resultDocument.id === named.id
    if (!isSame) return computer.previousOf(epoch)
    await computer.keep(evidence, audit.computed)
    if (this.#accepted.size < ACCEPTED_MAX || this.#accepted.has(named.id)) this.#accepted.set(named.id, anchor)
    return named.id
  }

  async #namedPrevious(epoch: EpochNumber, result: RootResult) {
    const { load } = this.#parts.computer.components(epoch)
    try {
      const evidence = await load(evidenceIdOf(result.evidence))
      const id = evidence === undefined ? undefined : openEvidence(evidence).previous
      const bytes = id === undefined ? undefined : await load(id)
      return id === undefined || bytes === undefined ? undefined : { id, result: openResult(bytes) }
    } catch (error) {
      this.#ports.logger.debug('the evidence names no usable result', { epoch, error: messageOf(error) })
      return undefined
    }
  }

  async #challenge(open: RootProposal, { reason }: WatchVerdict): Promise<void> {
    const { operator, computer } = this.#parts
    const { time, calendar, signer, logger } = this.#ports
    const epoch = epochNumber(open.epoch)
    const isGathered = time.now() >= scheduleOf(calendar, epoch).logsCloseAt
    if (operator === undefined || !isGathered || time.now() >= open.endsAt) return
    const own = await computer.own(epoch)
    const result = { root: own.root, evidence: own.digest }
    if (result.root === open.proposed.root && result.evidence === open.proposed.evidence) return
    try {
      await operator.challenge(open.attempt, result, signer.address)
      logger.warn('false root challenged', { epoch, attempt: open.attempt, reason, root: result.root })
    } catch (error) {
      // Another watcher was faster, or the time was over.
      if (!hasCode(error, 'CHAIN_REVERTED')) throw error
      logger.info('challenge not taken', { epoch, attempt: open.attempt, error: messageOf(error) })
    }
  }

  async #vote(open: RootProposal, result: RootResult): Promise<void> {
    const { economy, signer } = this.#ports
    const endsAt = scheduleOf(this.#ports.calendar, epochNumber(open.epoch)).endsAt
    if ((await economy.bondedAt(signer.address, endsAt)) === 0n) return
    await this.#parts.votes.vote(open, result)
  }

  async #decide(open: RootProposal, result: RootResult): Promise<void> {
    const { economy, calendar, time, logger } = this.#ports
    if (time.now() >= open.endsAt) return
    const endsAt = scheduleOf(calendar, epochNumber(open.epoch)).endsAt
    const votes = this.#parts.votes.votesFor(open, result)
    let stakeFor = 0n
    for (const { node } of votes) {
      const { expelled } = await economy.bondOf(node)
      if (!expelled) stakeFor += await economy.bondedAt(node, endsAt)
    }
    const total = await economy.totalBondedAt(endsAt)
    if (3n * stakeFor <= 2n * total) return
    try {
      await economy.decide(open.attempt, result, votes)
      logger.info('proposal decided', { epoch: open.epoch, attempt: open.attempt, root: result.root, stakeFor, total })
    } catch (error) {
      if (!hasCode(error, 'CHAIN_REVERTED')) throw error
      logger.debug('decided by somebody else', { attempt: open.attempt, error: messageOf(error) })
    }
  }
}

function auditName(attempt: number, { root, evidence }: RootResult): string {
  return `${attempt} ${root} ${evidence}`
}
