import { type Address, type ContentId, type FinalRoot, type Hash, isSteadError } from '@stead/core'
import {
  type ChainFacts,
  type ChainFactsReader,
  type ComputedEpoch,
  computeEpoch,
  type EpochComponents,
  type EpochNumber,
  encodeChainFacts,
  encodeEvidence,
  epochNumber,
  evidenceDigest,
  evidenceIdOf,
  factsUnder,
  openEvidence,
  RewardsError,
} from '@stead/rewards'
import type { DocumentExchange } from './document-exchange.ts'
import { isOfDocuments } from './document-faults.ts'
import type { DocumentShelf } from './document-shelf.ts'
import { bytesText, EPOCH_TABLES, epochKey, put, textBytes } from './epoch-tables.ts'
import { EpochsError } from './errors.ts'
import type { LogBook } from './log-book.ts'
import type { NoticeBoard } from './notice-board.ts'
import { OwnAuditsBook } from './own-audits.ts'
import type { PolicyBook } from './policy-book.ts'
import type { EpochPorts } from './ports.ts'
import { scheduleOf } from './schedule.ts'

/** An epoch as this node has computed it, from its own evidence or from another's. */
export interface KnownResult {
  readonly epoch: EpochNumber
  readonly evidence: ContentId
  /** What the chain names. */
  readonly digest: Hash
  readonly root: Hash
  /** The result document. */
  readonly result: ContentId
  readonly logs: number
}

/** What computing stands on. */
export interface ComputerParts {
  readonly facts: ChainFactsReader
  readonly shelf: DocumentShelf
  readonly exchange: DocumentExchange
  readonly board: NoticeBoard
  readonly logs: LogBook
  readonly policies: PolicyBook
  /** Hears who is warned, whenever an epoch was computed. */
  readonly onUnproven: (nodes: readonly Address[]) => void
}

/** What evidence is made of, beside logs. */
interface Gathered {
  readonly facts: ChainFacts
  /** The facts' own document. */
  readonly document: ContentId
  readonly previous: ContentId | undefined
}

/** Epochs without a final root that are computed one upon the other: eleven years of days. */
const UNFINISHED_MAX = 4096
const KEPT_MAX = 64

/** Computes epochs, each on the result of the one before it. */
export class EpochComputer {
  /** What auditors found of this node. */
  readonly audits: OwnAuditsBook
  readonly #ports: EpochPorts
  readonly #parts: ComputerParts
  readonly #results: Map<ContentId, KnownResult> = new Map()
  /** All final roots, as long as the newest is still the newest. */
  #roots: readonly FinalRoot[] = []
  readonly #own: Map<string, Promise<KnownResult>> = new Map()
  /** Evidence of final roots that nobody gives out, and since when. */
  readonly #missing: Map<Hash, number> = new Map()

  constructor(ports: EpochPorts, parts: ComputerParts) {
    this.#ports = ports
    this.#parts = parts
    this.audits = new OwnAuditsBook(ports)
  }

  /** Documents for an epoch, from here or from peers. */
  components(epoch: number): EpochComponents {
    const { secp256k1, programs } = this.#ports
    return { secp256k1, programs, load: (id) => this.#parts.exchange.load(id, { epoch }) }
  }

  /** The result that an epoch has to build on; undefined in epoch 0. @throws as {@link accepted} */
  async previousOf(epoch: EpochNumber): Promise<ContentId | undefined> {
    return epoch === 0 ? undefined : (await this.accepted(epochNumber(epoch - 1))).result
  }

  /**
   * What counts for an epoch: what follows from the evidence of its final root, or else what this node computes itself.
   * @throws as {@link own} and {@link followed}
   */
  async accepted(epoch: EpochNumber): Promise<KnownResult> {
    return (await this.followed(epoch)) ?? (await this.own(epoch))
  }

  /**
   * What follows from the evidence of an epoch's final root. Undefined when there is no such root, and also when its
   * evidence is none, or nobody gives it out: whoever brings such a root past absent watchers must not stop all later
   * epochs. @throws RewardsError REWARDS_MISSING while the documents may still come; ChainError; CoreError of the store
   */
  async followed(epoch: EpochNumber): Promise<KnownResult | undefined> {
    const final = await this.finalOf(epoch)
    if (final === undefined) return undefined
    try {
      return await this.resultOf(epoch, final.evidence)
    } catch (error) {
      if (!isSteadError(error) || !isOfDocuments(error.code)) throw error
      if (error.code === 'REWARDS_MISSING' && !(await this.#mayDoWithout(epoch, final.evidence))) throw error
      this.#ports.logger.debug('the evidence of a final root is not usable', { epoch, error: error.message })
      return undefined
    }
  }

  /**
   * Documents may be missing only here: a node that has just begun, or whose peers are out of reach, would take its own
   * ignorance for the truth and put a deposit behind it. So they must be missing for some time, and what this node would
   * compute in their place must stand on most of the logs that there can be; or they are missing for a whole epoch, in
   * which all logs that anybody has were gathered.
   */
  async #mayDoWithout(epoch: EpochNumber, evidence: Hash): Promise<boolean> {
    const { clock, calendar } = this.#ports
    const nowMs = clock.monotonicMs()
    const sinceMs = this.#missing.get(evidence) ?? nowMs
    this.#missing.set(evidence, sinceMs)
    const [oldest] = this.#missing.keys()
    if (this.#missing.size > KEPT_MAX && oldest !== undefined) this.#missing.delete(oldest)
    const { endsAt, logsOwedAt } = scheduleOf(calendar, epoch)
    if (nowMs - sinceMs < logsOwedAt - endsAt) return false
    if (nowMs - sinceMs >= calendar.epochSeconds * 1000) return true
    const begin = await this.#parts.facts.begin(epoch)
    const logs = await this.#parts.logs.all(epoch)
    return begin !== undefined && 2 * logs.length > begin.nodes.length
  }

  /** The root that became final for an epoch; undefined when there is none. @throws ChainError */
  async finalOf(epoch: EpochNumber): Promise<FinalRoot | undefined> {
    const { economy, history } = this.#ports
    const newest = await economy.finalRoot()
    if (newest === undefined || newest.epoch < epoch) return undefined
    if (newest.epoch === epoch) return newest
    if (this.#roots.at(-1)?.evidence !== newest.evidence) {
      const { number: toBlock } = await history.head()
      this.#roots = await history.finalRoots({ fromBlock: history.firstBlock, toBlock })
    }
    return this.#roots.findLast((root) => root.epoch === epoch)
  }

  /** What was computed here of an epoch, the last of it; undefined when nothing was since the node began. */
  known(epoch: EpochNumber): KnownResult | undefined {
    return [...this.#results.values()].findLast((result) => result.epoch === epoch)
  }

  /**
   * What follows from evidence that stands for a root of an epoch.
   * @throws RewardsError, ProtocolError for evidence that cannot be had or used, REWARDS_OUT_OF_ORDER when it is another epoch's
   */
  async resultOf(epoch: EpochNumber, digest: Hash): Promise<KnownResult> {
    const id = evidenceIdOf(digest)
    const known = this.#results.get(id)
    if (known !== undefined) {
      requireEpoch(known.epoch, epoch)
      return known
    }
    const computed = await computeEpoch(this.components(epoch), id)
    // Before it is kept: documents of epochs to come would never be deleted.
    requireEpoch(computed.result.epoch, epoch)
    return this.keep(id, computed)
  }

  /** Keeps what was computed, so that it can be served and built upon. @throws CoreError of the store */
  async keep(evidence: ContentId, computed: ComputedEpoch): Promise<KnownResult> {
    const { shelf, policies, onUnproven } = this.#parts
    const { epoch, root, openLots, audits } = computed.result
    const result = await shelf.put(computed.resultDocument.bytes, epoch + 1)
    if (computed.sheetDocument !== undefined) await shelf.put(computed.sheetDocument.bytes, epoch)
    for (const { sheet } of openLots) await shelf.keepFor(sheet, epoch + 1)
    for (const policy of computed.evidence.policies) policies.add(policy)
    this.audits.note(computed)
    if (audits !== undefined && audits.unproven.length > 0) onUnproven(audits.unproven)
    const logs = computed.findings.logs
    const known = { epoch, evidence, digest: evidenceDigest(evidence), root, result, logs }
    this.#results.set(evidence, known)
    const [oldest] = this.#results.keys()
    if (this.#results.size > KEPT_MAX && oldest !== undefined) this.#results.delete(oldest)
    return known
  }

  /**
   * This node's own result of an epoch, from all logs that it has; the same however often it is asked, unless logs of an
   * epoch without a final root came later, or another fork of the chain has won.
   * @throws EpochsError EPOCHS_NOT_OVER, EPOCHS_NO_PROGRAM; RewardsError; ChainError; CoreError of the store
   */
  async own(epoch: EpochNumber): Promise<KnownResult> {
    this.#checkOver(epoch)
    const previous = await this.previousOf(epoch)
    const anchor = await this.#parts.facts.anchor(epoch)
    // Logs only come: their number says whether they are the same.
    const logs = await this.#parts.logs.all(epoch)
    const name = `${epoch} ${anchor} ${logs.length} ${previous ?? ''}`
    const running = this.#own.get(name) ?? this.#compute(epoch, previous)
    this.#own.set(name, running)
    const [oldest] = this.#own.keys()
    if (this.#own.size > KEPT_MAX && oldest !== undefined) this.#own.delete(oldest)
    try {
      return await running
    } catch (error) {
      this.#own.delete(name)
      throw error
    }
  }

  #checkOver(epoch: EpochNumber): void {
    const { time, calendar } = this.#ports
    const { logsCloseAt } = scheduleOf(calendar, epoch)
    const leftMs = time.untilMs(logsCloseAt)
    if (leftMs === 0 && time.epoch() - epoch <= UNFINISHED_MAX) return
    const message = `epoch ${epoch}: ${leftMs > 0 ? `its logs are gathered until ${new Date(logsCloseAt).toISOString()}` : 'it is too old'}`
    throw new EpochsError('EPOCHS_NOT_OVER', message, { details: { epoch, leftMs } })
  }

  async #compute(epoch: EpochNumber, previous: ContentId | undefined): Promise<KnownResult> {
    const read = await this.#parts.facts.facts(epoch)
    const facts = factsUnder(read, this.#parts.policies.quality(read.utility))
    const gathered = { facts, document: await this.#parts.shelf.put(encodeChainFacts(facts), epoch), previous }
    const evidence = (await this.#recall(gathered)) ?? (await this.#gather(gathered))
    const computed = await computeEpoch(this.components(epoch), evidence)
    const known = await this.keep(evidence, computed)
    const { result: document, digest, root } = known
    const node = this.#ports.signer.address
    await this.#parts.board.publish({ version: 1, kind: 'result', epoch, node, document, evidence: digest, root })
    return known
  }

  /** The evidence that an earlier run of this node gathered, if it is still all that there is, and true. */
  async #recall({ facts: { epoch }, document, previous }: Gathered): Promise<ContentId | undefined> {
    const row = await this.#ports.store.get(EPOCH_TABLES.results, epochKey(epoch))
    const [before, evidence] = row === undefined ? [] : bytesText(row).split(' ')
    if (evidence === undefined || before !== (previous ?? '')) return undefined
    const bytes = await this.#parts.shelf.get(evidence as ContentId)
    if (bytes === undefined) return undefined
    const opened = openEvidence(bytes)
    const listed = new Set(opened.logs)
    const isWhole = (await this.#parts.logs.all(epoch)).every((log) => listed.has(log))
    return isWhole && opened.facts === document ? (evidence as ContentId) : undefined
  }

  async #gather({ facts, document, previous }: Gathered): Promise<ContentId> {
    const { shelf, logs, policies } = this.#parts
    const { epoch } = facts
    const ids = [facts.utility, ...facts.programs.map(({ program }) => program)]
    const evidence = await shelf.put(
      encodeEvidence({
        version: 1,
        epoch,
        facts: document,
        ...(previous === undefined ? {} : { previous }),
        policies: ids.map((id) => policies.policy(id)),
        logs: await logs.all(epoch),
      }),
      epoch,
    )
    const row = textBytes(`${previous ?? ''} ${evidence}`)
    await this.#ports.store.write([put(EPOCH_TABLES.results, epochKey(epoch), row)], 'process')
    return evidence
  }
}

function requireEpoch(have: number, need: EpochNumber): void {
  if (have === need) return
  throw new RewardsError('REWARDS_OUT_OF_ORDER', `evidence of epoch ${have} stands for a root of epoch ${need}`, {
    details: { need, have },
  })
}
