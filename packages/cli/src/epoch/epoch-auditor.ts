import {
  type BlockSpan,
  type ContentId,
  hasCode,
  isSteadError,
  type RootEvent,
  type RootResult,
  type SteadError,
} from '@stead/core'
import { systemClock } from '@stead/node/identity'
import {
  auditEpoch,
  ChainFactsReader,
  type ComputedEpoch,
  calendarOf,
  computeEpoch,
  coverageProgram,
  type EpochAudit,
  type EpochComponents,
  epochNumber,
  evidenceDigest,
  evidenceIdOf,
  firstUtilityProgram,
  openEvidence,
  openResult,
  ProgramRegistry,
  utilityProgram,
} from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { CliError } from '../errors.ts'
import type { DocumentSource } from './document-source.ts'

/** A root of an epoch as the chain has it, and what became of it. */
export interface FoundRoot extends RootResult {
  readonly epoch: number
  readonly state: 'final' | 'open' | 'dropped'
}

/**
 * What an epoch is computed on: the epoch before, `final` as the evidence of its final root gives it, without a look at
 * whether that root was right; `audited` where it has none that can be used, so that it was audited in its turn.
 */
export interface EpochBase {
  readonly epoch: number
  readonly state: 'final' | 'audited'
}

/** What an audit of an epoch came to. */
export type EpochVerdict =
  | {
      readonly kind: 'match'
      readonly root: FoundRoot
      readonly computed: ComputedEpoch
      /** Undefined in epoch 0. */
      readonly base: EpochBase | undefined
      /** Probe logs that a node had in time, all of which are in the evidence; undefined where nobody could say which. */
      readonly owedLogs: number | undefined
    }
  | {
      readonly kind: 'difference'
      readonly root: FoundRoot
      /** One sentence with the numbers. */
      readonly what: string
      readonly details: Readonly<Record<string, string>>
    }

/** The accepted result of an epoch, and why it is accepted. */
interface Accepted {
  readonly id: ContentId
  readonly state: EpochBase['state']
}

/** One audit, with what it stands on. */
interface AuditedRoot {
  readonly audit: EpochAudit
  readonly base: EpochBase | undefined
  readonly owedLogs: number | undefined
}

/** Recomputes epochs from chain and evidence. Needs neither an account nor a node of one's own. */
export class EpochAuditor {
  readonly #open: OpenEconomy
  readonly #components: EpochComponents
  readonly #facts: ChainFactsReader
  readonly #source: DocumentSource
  readonly #accepted: Map<number, Promise<Accepted>> = new Map()

  private constructor(open: OpenEconomy, source: DocumentSource, facts: ChainFactsReader) {
    const { load } = source
    this.#source = source
    this.#open = open
    this.#facts = facts
    this.#components = { secp256k1: open.secp256k1, programs: shippedPrograms(), load }
  }

  static async open(open: OpenEconomy, source: DocumentSource): Promise<EpochAuditor> {
    return new EpochAuditor(open, source, await chainFactsReader(open))
  }

  /** The newest epoch with a root that is open or final. @throws CliError CLI_NO_ROOT_YET */
  async latest(): Promise<number> {
    const { economy } = this.#open
    const [proposal, final] = await Promise.all([economy.proposal(), economy.finalRoot()])
    const epoch = proposal?.epoch ?? final?.epoch
    if (epoch !== undefined) return epoch
    throw new CliError('CLI_NO_ROOT_YET', 'no root was proposed on this chain yet')
  }

  /** The root that counts for an epoch, or may come to: the final one, else the open one. An epoch without is part of the next. */
  async countedRootOf(epoch: number): Promise<FoundRoot | undefined> {
    const { economy, ledger } = this.#open
    const final = (await ledger.rootsFinal(await this.#wholeSpan(), epoch)).at(-1)
    if (final !== undefined) return found(final, 'final')
    const proposal = await economy.proposal()
    return proposal?.epoch === epoch ? { epoch, state: 'open', ...proposal.proposed } : undefined
  }

  /** The root that an audit of one epoch is about: the one that counts, else the last that was dropped and never did. */
  async rootOf(epoch: number): Promise<FoundRoot> {
    const counted = await this.countedRootOf(epoch)
    if (counted !== undefined) return counted
    const dropped = (await this.#open.ledger.rootsProposed(await this.#wholeSpan(), epoch)).at(-1)
    if (dropped !== undefined) return found(dropped, 'dropped')
    throw new CliError('CLI_EPOCH_UNKNOWN', `no root of epoch ${epoch} was proposed on this chain`, {
      details: { epoch },
    })
  }

  /**
   * Recomputes one epoch's root, on top of what the chain has made final before.
   * @throws CliError CLI_EPOCH_UNKNOWN, CLI_EVIDENCE_MISSING; RewardsError REWARDS_NOT_OVER; ChainError
   */
  async audit(epoch: number): Promise<EpochVerdict> {
    return await this.auditRoot(await this.rootOf(epoch))
  }

  /** The same for a root that was found before. @throws as {@link audit}, besides CLI_EPOCH_UNKNOWN */
  async auditRoot(root: FoundRoot): Promise<EpochVerdict> {
    const { epoch } = root
    const { audit, ...stood } = await this.#auditRoot(root)
    if (audit.kind === 'match') {
      const { computed } = audit
      // Whoever audits epochs in a row does not compute each of them twice.
      const accepted = { id: computed.resultDocument.id, state: 'final' } as const
      if (root.state === 'final') this.#accepted.set(epoch, Promise.resolve(accepted))
      return { kind: 'match', root, computed, ...stood }
    }
    const { difference, message } = audit
    if (difference.what === 'missing') throw this.#missing(message, { epoch, ...difference })
    const details = Object.entries(difference).map(([key, value]) => [key, String(value ?? 'none')] as const)
    return { kind: 'difference', root, what: message, details: Object.fromEntries(details) }
  }

  async #auditRoot(root: FoundRoot): Promise<AuditedRoot> {
    const epoch = epochNumber(root.epoch)
    const facts = await this.#facts.facts(epoch)
    const accepted = epoch === 0 ? undefined : await this.#acceptedResult(root)
    const base = accepted === undefined ? undefined : { epoch: epoch - 1, state: accepted.state }
    const seenLogs = (await this.#source.owedLogs?.(epoch)) ?? []
    const owedLogs = seenLogs.length === 0 ? undefined : seenLogs.length
    const input = { proposal: { ...root, epoch }, facts, previous: accepted?.id, seenLogs }
    const audit = await auditEpoch(this.#components, input)
    if (audit.kind === 'match' || audit.difference.what !== 'root') return { audit, base, owedLogs }
    // Two roots say little to a person; the line in which a published result differs says all.
    const published = { evidence: evidenceIdOf(root.evidence), root: root.root }
    const publishedResult = await this.#source.publishedResult(published)
    if (publishedResult === undefined) return { audit, base, owedLogs }
    return { audit: await auditEpoch(this.#components, { ...input, publishedResult }), base, owedLogs }
  }

  /** The result of the epoch before that this auditor stands on. */
  async #acceptedResult(root: FoundRoot): Promise<Accepted> {
    const epoch = root.epoch - 1
    const known = this.#accepted.get(epoch)
    if (known !== undefined) return await known
    const accepting = this.#accept(epoch, root)
    this.#accepted.set(epoch, accepting)
    return await accepting
  }

  /**
   * A final root is computed again from its evidence, because the root alone does not say what is still to be paid for
   * unsold lots; what the evidence gives counts, even where the root is false. An epoch without a final root, or with one
   * whose documents cannot be had, is audited in full, with the evidence that the later epoch builds on.
   */
  async #accept(epoch: number, later: FoundRoot): Promise<Accepted> {
    const final = (await this.#open.ledger.rootsFinal(await this.#wholeSpan(), epoch)).at(-1)
    if (final === undefined) return await this.#audited(await this.#rootBelow(later))
    try {
      return { id: (await this.#followed(final)).resultDocument.id, state: 'final' }
    } catch (error) {
      if (!hasCode(error, 'CLI_EVIDENCE_MISSING') && !hasCode(error, 'CLI_AUDIT_MISMATCH')) throw error
      const below = await this.#rootBelow(later)
      if (below.evidence === final.evidence) throw error
      return await this.#audited(below)
    }
  }

  /**
   * What a root stands for: computed from its evidence, without a look at the chain's facts.
   * @throws CliError CLI_EVIDENCE_MISSING, CLI_AUDIT_MISMATCH when another root follows
   */
  async computed(root: RootResult & { readonly epoch: number }): Promise<ComputedEpoch> {
    const computed = await this.#followed(root)
    if (computed.result.root === root.root) return computed
    throw mismatch(root, `need ${computed.result.root}, have ${root.root}`)
  }

  async #followed({ epoch, evidence }: RootResult & { readonly epoch: number }): Promise<ComputedEpoch> {
    return await this.#loading(epoch, () => computeEpoch(this.#components, evidenceIdOf(evidence)))
  }

  async #audited(root: FoundRoot): Promise<Accepted> {
    const { audit } = await this.#auditRoot(root)
    if (audit.kind === 'match') return { id: audit.computed.resultDocument.id, state: 'audited' }
    const { difference, message } = audit
    if (difference.what === 'missing') throw this.#missing(message, { epoch: root.epoch, ...difference })
    throw mismatch(root, message)
  }

  /** What the evidence of an epoch says of the epoch before. */
  async #rootBelow({ epoch, evidence }: FoundRoot): Promise<FoundRoot> {
    return await this.#loading(epoch, async () => {
      const above = openEvidence(await this.#document(evidenceIdOf(evidence)))
      const id = above.previous
      if (id === undefined)
        throw new CliError('CLI_AUDIT_MISMATCH', `epoch ${above.epoch} builds on no epoch before it`)
      const result = openResult(await this.#document(id))
      const root = { root: result.root, evidence: evidenceDigest(result.evidence) }
      return { epoch: result.epoch, state: 'dropped' as const, ...root }
    })
  }

  async #document(id: ContentId): Promise<Uint8Array> {
    const bytes = await this.#components.load(id)
    if (bytes === undefined) throw this.#missing(`the document ${id} cannot be had`, { id })
    return bytes
  }

  async #loading<Value>(epoch: number, work: () => Promise<Value>): Promise<Value> {
    try {
      return await work()
    } catch (error) {
      if (hasCode(error, 'REWARDS_MISSING')) throw this.#missing(error.message, { id: String(error.details.id) })
      const isContradiction = isSteadError(error) && /^(PROTOCOL|REWARDS)_/.test(error.code)
      if (!isContradiction || error.code === 'REWARDS_PROGRAM_FAULT') throw error
      throw new CliError('CLI_AUDIT_MISMATCH', `epoch ${epoch}: ${error.message}`, { details: { epoch }, cause: error })
    }
  }

  /** Where a document was refused, or its place failed, that says more than that it is missing. */
  #missing(message: string, details: { readonly id: string; readonly [name: string]: string | number }): SteadError {
    const fault = this.#source.faultOf?.(details.id as ContentId)
    return fault ?? new CliError('CLI_EVIDENCE_MISSING', message, { details })
  }

  async #wholeSpan(): Promise<BlockSpan> {
    const { history } = this.#open
    return { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  }
}

/** Reads what a chain says about epochs. */
export async function chainFactsReader({ chain, economy, history }: OpenEconomy): Promise<ChainFactsReader> {
  const calendar = calendarOf(await economy.epochTerms())
  return new ChainFactsReader({ chain, economy, history, calendar, clock: systemClock })
}

/** The programs that ship; governance may name others, which this version then cannot recompute. */
export function shippedPrograms(): ProgramRegistry {
  return new ProgramRegistry().add(utilityProgram).add(firstUtilityProgram).add(coverageProgram)
}

function found({ epoch, root, evidence }: RootEvent, state: FoundRoot['state']): FoundRoot {
  return { epoch, root, evidence, state }
}

function mismatch(root: { readonly epoch: number }, what: string): CliError {
  return new CliError('CLI_AUDIT_MISMATCH', `the root of epoch ${root.epoch}: ${what}`, {
    details: { epoch: root.epoch },
  })
}
