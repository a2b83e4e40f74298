import type { Address, ContentId } from '@stead/core'
import { contentIdOf, type Secp256k1 } from '@stead/protocol'
import type { AuditParameters } from '../audits/audit-parameters.ts'
import { malformed, RewardsError } from '../errors.ts'
import { type ChainFacts, openChainFacts } from '../facts/chain-facts.ts'
import type { ProgramRegistry, SharedInput, SoldLot } from '../programs/program.ts'
import type { QualityTable } from '../quality/node-quality.ts'
import { type ProbeFindings, ProbeTally } from '../quality/probe-tally.ts'
import { warnUnproven } from '../quality/warn-unproven.ts'
import { bindPrograms } from './bind-programs.ts'
import { type EpochEvidence, openEvidence } from './evidence.ts'
import { type LoadDocument, loadDocument } from './load-document.ts'
import { encodeSheet, makeSheet, openSheet, type QualitySheet } from './quality-sheet.ts'
import { type EpochResult, encodeResult, OPEN_LOTS_MAX, type OpenLot, openResult, treeOfResult } from './result.ts'
import type { RewardTree } from './reward-tree.ts'
import { sumLines } from './sum-lines.ts'

/** What computing an epoch needs beside its evidence. */
export interface EpochComponents {
  readonly secp256k1: Secp256k1
  readonly programs: ProgramRegistry
  readonly load: LoadDocument
}

/** A document with its content id. */
export interface NamedDocument {
  readonly id: ContentId
  readonly bytes: Uint8Array
}

/** All that an epoch comes to. */
export interface ComputedEpoch {
  readonly evidence: EpochEvidence
  readonly facts: ChainFacts
  readonly result: EpochResult
  /** To be published, so that an audit can say in which line another result differs. */
  readonly resultDocument: NamedDocument
  /** To be published, because later epochs need it; undefined when the epoch had no fees. */
  readonly sheetDocument: NamedDocument | undefined
  readonly tree: RewardTree
  readonly findings: ProbeFindings
}

/**
 * Computes an epoch's result from its evidence: all signatures checked, every document by its content id, one probe log
 * in memory at a time. The same evidence gives the same bytes on any machine.
 * @throws RewardsError REWARDS_MISSING, REWARDS_MALFORMED, REWARDS_TOO_LARGE, REWARDS_OUT_OF_ORDER,
 * REWARDS_POLICY_UNKNOWN, REWARDS_PROGRAM_FAULT; ProtocolError for documents that do not decode
 */
export async function computeEpoch(components: EpochComponents, evidenceId: ContentId): Promise<ComputedEpoch> {
  const { load, secp256k1 } = components
  const evidence = openEvidence(await loadDocument(load, 'evidence', evidenceId))
  const facts = openChainFacts(await loadDocument(load, 'chain facts', evidence.facts))
  if (facts.epoch !== evidence.epoch) malformed('epoch of the chain facts', evidence.epoch, facts.epoch)
  const previous = await loadPrevious(load, evidence)
  const programs = bindPrograms(components.programs, facts, evidence.policies)
  const tally = new ProbeTally(secp256k1, facts, programs.quality)
  for (const id of evidence.logs) tally.add(await loadDocument(load, 'probe log', id))
  const probed = tally.findings()
  const audited = auditedOf(probed.quality, { previous, facts, audits: programs.quality.audits })
  const findings = { ...probed, quality: audited.quality }
  const sheet = makeSheet(facts, findings.quality)
  const sheetDocument = facts.feeTotalMicroUsd === 0n ? undefined : named(encodeSheet(sheet))
  const lots = await settleLots(load, { facts, previous, sheet, sheetDocument })
  const input: SharedInput = {
    epoch: facts.epoch,
    operators: operatorsOf(facts, lots.sold, previous),
    quality: findings.quality,
    parts: sheet.parts,
    soldLots: lots.sold,
  }
  const lines = sumLines(programs.enabled, input, previous?.lines ?? [])
  const tree = treeOfResult({ lines })
  const { root } = tree
  const { epoch } = facts
  const made = { version: 1 as const, epoch, evidence: evidenceId, root, lines, openLots: lots.open }
  const result = audited.unproven === undefined ? made : { ...made, audits: { unproven: audited.unproven } }
  return { evidence, facts, result, resultDocument: named(encodeResult(result)), sheetDocument, tree, findings }
}

/** @throws RewardsError REWARDS_MALFORMED for facts that are not those that the policy asks for */
function auditedOf(
  quality: QualityTable,
  {
    previous,
    facts,
    audits,
  }: {
    readonly previous: EpochResult | undefined
    readonly facts: ChainFacts
    readonly audits: AuditParameters | undefined
  },
): { readonly quality: QualityTable; readonly unproven: readonly Address[] | undefined } {
  if ((audits === undefined) !== (facts.audits === undefined)) {
    malformed('claimants', audits === undefined ? 'none' : 'some', facts.audits === undefined ? 'none' : 'some')
  }
  if (audits === undefined) return { quality, unproven: undefined }
  return warnUnproven(quality, previous?.audits?.unproven ?? [], audits)
}

function named(bytes: Uint8Array): NamedDocument {
  return { id: contentIdOf('dag-cbor', bytes), bytes }
}

async function loadPrevious(load: LoadDocument, evidence: EpochEvidence): Promise<EpochResult | undefined> {
  const { previous, epoch } = evidence
  if ((previous === undefined) !== (epoch === 0)) {
    const message = `epoch ${epoch} ${previous === undefined ? 'names no' : 'names a'} result before it`
    throw new RewardsError('REWARDS_OUT_OF_ORDER', message, { details: { epoch } })
  }
  if (previous === undefined) return undefined
  const result = openResult(await loadDocument(load, 'previous result', previous))
  if (result.epoch === epoch - 1) return result
  throw new RewardsError('REWARDS_OUT_OF_ORDER', `epoch ${epoch} builds on the result of epoch ${result.epoch}`, {
    details: { epoch, need: epoch - 1, have: result.epoch },
  })
}

interface LotState {
  readonly facts: ChainFacts
  readonly previous: EpochResult | undefined
  readonly sheet: QualitySheet
  readonly sheetDocument: NamedDocument | undefined
}

/** Takes the sold lots out of the open ones, each with its sheet; adds this epoch's. */
async function settleLots(
  load: LoadDocument,
  { facts, previous, sheet, sheetDocument }: LotState,
): Promise<{ readonly sold: readonly SoldLot[]; readonly open: readonly OpenLot[] }> {
  const open = new Map<number, OpenLot>((previous?.openLots ?? []).map((lot) => [lot.lot, lot]))
  const sold: SoldLot[] = []
  for (const sale of facts.sales) {
    const { lot, saleFeesMicroUsd } = sale
    const openLot = open.get(lot)
    if (openLot === undefined) malformed(`sale of lot ${lot}`, 'a lot with fees that is not sold yet', 'none')
    open.delete(lot)
    const { parts, feeTotalMicroUsd, epoch } = openSheet(await loadDocument(load, 'quality sheet', openLot.sheet))
    if (epoch !== lot) malformed(`sheet of lot ${lot}`, lot, epoch)
    if (feeTotalMicroUsd > saleFeesMicroUsd)
      malformed(`fees of lot ${lot}`, `at most ${saleFeesMicroUsd}`, feeTotalMicroUsd)
    sold.push({ ...sale, parts })
  }
  if (sheetDocument !== undefined) open.set(sheet.epoch, { lot: sheet.epoch, sheet: sheetDocument.id })
  if (open.size > OPEN_LOTS_MAX) {
    throw new RewardsError('REWARDS_TOO_LARGE', `${open.size} unsold lots, at most ${OPEN_LOTS_MAX} are carried`)
  }
  return { sold, open: [...open.values()] }
}

function operatorsOf(
  facts: ChainFacts,
  sold: readonly SoldLot[],
  previous: EpochResult | undefined,
): readonly Address[] {
  const operators = new Set<Address>()
  // Who only had dust once is not carried along for ever: it costs nothing to make, and everybody would have to.
  const earned = (previous?.lines ?? []).filter(({ cumulativeUnits }) => cumulativeUnits > 0n)
  for (const list of [facts.nodes, facts.fees, earned, ...sold.map(({ parts }) => parts)]) {
    for (const { operator } of list) operators.add(operator)
  }
  return [...operators].sort()
}
