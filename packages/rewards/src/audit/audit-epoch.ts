import { type ContentId, type Hash, isSteadError } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { type ComputedEpoch, computeEpoch, type EpochComponents } from '../epoch/compute-epoch.ts'
import { evidenceIdOf, openEvidence } from '../epoch/evidence.ts'
import { loadDocument } from '../epoch/load-document.ts'
import { type EpochResult, openResult } from '../epoch/result.ts'
import { type ChainFacts, openChainFacts } from '../facts/chain-facts.ts'
import type { EpochNumber } from '../units.ts'
import { compareFacts } from './compare-facts.ts'
import { compareResults } from './compare-results.ts'
import { describeDifference, type EpochDifference } from './epoch-difference.ts'

/** A proposal as the chain has it. */
export interface EpochProposal {
  readonly epoch: EpochNumber
  readonly root: Hash
  /** The digest of the evidence's content id. */
  readonly evidence: Hash
}

/** What a proposal is judged by. */
export interface EpochAuditInput {
  readonly proposal: EpochProposal
  /** What this auditor read from the chain itself. */
  readonly facts: ChainFacts
  /** The result of the epoch before that this auditor computed or accepts; undefined in epoch 0. */
  readonly previous: ContentId | undefined
  /** Valid logs of this epoch that this auditor had when the time for them ended; none when it did not listen. */
  readonly seenLogs?: Iterable<ContentId>
  /** The result that the proposer published: names the line that differs, where the root alone could not. */
  readonly publishedResult?: Uint8Array
}

/** What an audit found. */
export type EpochAudit =
  | { readonly kind: 'match'; readonly computed: ComputedEpoch }
  | {
      readonly kind: 'difference'
      readonly difference: EpochDifference
      /** One sentence for a person. */
      readonly message: string
      /** What follows from the evidence, where it can be computed: a challenge names its root. */
      readonly computed: ComputedEpoch | undefined
    }

/** The documents of an audit, in the order in which they are opened; for messages. */
type DocumentName = 'evidence' | 'chain facts' | 'epoch' | 'published result'

class Found extends Error {
  readonly difference: EpochDifference
  constructor(difference: EpochDifference) {
    super(difference.what)
    this.difference = difference
  }
}

/**
 * Recomputes an epoch from evidence and chain and says MATCH or the first difference. Needs no key, wallet or account.
 * Whatever the evidence holds becomes a difference; only faults of this program are thrown.
 */
export async function auditEpoch(components: EpochComponents, input: EpochAuditInput): Promise<EpochAudit> {
  let computed: ComputedEpoch | undefined
  try {
    await checkEvidence(components, input)
    const id = evidenceIdOf(input.proposal.evidence)
    computed = await opening('epoch', id, () => computeEpoch(components, id))
    compareWithProposal(computed, input)
    return { kind: 'match', computed }
  } catch (error) {
    if (!(error instanceof Found)) throw error
    const { difference } = error
    return { kind: 'difference', difference, message: describeDifference(difference), computed }
  }
}

function found(difference: EpochDifference | undefined): void {
  if (difference !== undefined) throw new Found(difference)
}

/** Turns the typed errors of a document into a difference. */
async function opening<Value>(document: DocumentName, id: string, open: () => Promise<Value>): Promise<Value> {
  try {
    return await open()
  } catch (error) {
    // A program that broke its promise is our own fault, not the proposal's.
    if (!isSteadError(error) || error.code === 'REWARDS_PROGRAM_FAULT') throw error
    if (error.code !== 'REWARDS_MISSING') throw new Found({ what: 'malformed', document, message: error.message })
    const { what, id: missing } = error.details
    throw new Found({ what: 'missing', document: String(what ?? document), id: String(missing ?? id) })
  }
}

async function checkEvidence({ load }: EpochComponents, input: EpochAuditInput): Promise<void> {
  const id = evidenceIdOf(input.proposal.evidence)
  const evidence = await opening('evidence', id, async () => openEvidence(await loadDocument(load, 'evidence', id)))
  const { epoch } = input.proposal
  if (evidence.epoch !== epoch) found({ what: 'epoch', need: epoch, have: evidence.epoch })
  const theirs = await opening('chain facts', evidence.facts, async () =>
    openChainFacts(await loadDocument(load, 'chain facts', evidence.facts)),
  )
  found(compareFacts(input.facts, theirs))
  if (evidence.previous !== input.previous) found({ what: 'previous', need: input.previous, have: evidence.previous })
  const listed = new Set(evidence.logs)
  const leftOut = [...new Set(input.seenLogs ?? [])].filter((log) => !listed.has(log)).sort()
  const [first] = leftOut
  if (first !== undefined) found({ what: 'log-left-out', first, count: leftOut.length })
}

function compareWithProposal(computed: ComputedEpoch, { proposal, publishedResult }: EpochAuditInput): void {
  if (computed.result.root === proposal.root) return
  if (publishedResult !== undefined) found(compareResults(computed.result, openPublished(publishedResult)))
  found({ what: 'root', need: computed.result.root, have: proposal.root })
}

function openPublished(bytes: Uint8Array): EpochResult {
  try {
    return openResult(bytes)
  } catch (error) {
    if (!isSteadError(error)) throw error
    const id = contentIdOf('dag-cbor', bytes)
    throw new Found({ what: 'malformed', document: `published result ${id}`, message: error.message })
  }
}
