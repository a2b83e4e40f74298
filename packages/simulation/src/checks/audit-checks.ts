import { type Address, type ContentId, isSteadError } from '@stead/core'
import {
  Assignment,
  type AuditReport,
  auditEvidenceSchema,
  auditSeed,
  type ComputedEpoch,
  drawClaimant,
  type EpochResult,
  openProbeLog,
  type ProbeLog,
} from '@stead/rewards'
import { type Agreement, decodePossession, openAgreement, verifyPossession } from '@stead/storage'
import { PROBERS_PER_NODE } from '../world/epoch-terms.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** An epoch without faults, as a stranger computed it. */
export interface AuditedRoot {
  readonly computed: ComputedEpoch
  readonly logs: readonly ContentId[]
  /** What the epoch before came to; undefined where nobody has it any more. */
  readonly before: EpochResult | undefined
  readonly load: (id: ContentId) => Promise<Uint8Array | undefined>
}

/** What an honest auditor never says of an honest node that was there. */
const NEVER: ReadonlySet<string> = new Set(['late', 'offline', 'lied'])

/** What audits of an epoch without faults come to. */
export async function checkAudits(world: World, root: AuditedRoot, violations: Violations): Promise<void> {
  const { facts } = root.computed
  const assignment = new Assignment(facts.beacon, facts.nodes, PROBERS_PER_NODE)
  const honest = new Map<Address, SimNode>(world.providers.map((node) => [node.plan.signer.address, node]))
  for (const id of root.logs) {
    const bytes = await root.load(id)
    if (bytes === undefined) continue
    const { log } = openProbeLog(world.parts.secp256k1, bytes)
    const auditor = honest.get(log.prober)
    if (auditor === undefined) continue
    checkMade(auditor, { log, root, assignment }, violations)
    for (const report of log.audits?.reports ?? []) {
      world.parts.tally.add(`audits ${report.outcome}`)
      checkReport(world, { auditor, log, root, report }, violations)
      const keeper = honest.get(report.node)
      if (keeper !== undefined) checkFair([auditor, keeper], report, violations)
    }
  }
  checkWarnings(root, violations)
}

/** Every honest auditor has looked at all whom it was drawn for and whom somebody has paid. */
function checkMade(
  { plan: { name } }: SimNode,
  { log, root, assignment }: { readonly log: ProbeLog; readonly root: AuditedRoot; readonly assignment: Assignment },
  violations: Violations,
): void {
  const { facts } = root.computed
  const paid = new Set((facts.audits?.claimants ?? []).map(({ node }) => node))
  const targets = assignment.targetsOf(assignment.indexOf(log.prober) ?? -1)
  const wanted = targets.flatMap((target) => assignment.nodes[target]?.node ?? []).filter((node) => paid.has(node))
  const missing = wanted.filter((node) => !log.audits?.reports.some((report) => report.node === node))
  violations.check(
    missing.length === 0,
    'audits-made',
    () => `${name} was drawn to audit ${missing.join(', ')} in epoch ${facts.epoch}, and says nothing of it`,
    [name],
  )
}

/** What an honest auditor says stands on what the node signed, and on the leaves that its seed draws. */
function checkReport(
  world: World,
  of: {
    readonly auditor: SimNode
    readonly log: ProbeLog
    readonly root: AuditedRoot
    readonly report: AuditReport
  },
  violations: Violations,
): void {
  const { auditor, log, root, report } = of
  if (report.outcome === 'none') return
  const { name } = auditor.plan
  const claimants = (root.computed.facts.audits?.claimants ?? []).filter(({ node }) => node === report.node)
  const payer = drawClaimant(log.seed, report.node, claimants)?.payer
  const fault = faultOf(world, { report, payer, leaves: auditSeed(log.seed, report.node) })
  violations.check(
    fault === undefined,
    'audits-hold',
    () => `${name} says that ${report.node} is ${report.outcome}, and ${fault}`,
    [name],
  )
}

function faultOf(
  { parts: { secp256k1 } }: World,
  of: { readonly report: AuditReport; readonly payer: Address | undefined; readonly leaves: Uint8Array },
): string | undefined {
  const { report, payer, leaves } = of
  if (report.evidence === undefined) return 'shows nothing that both signed'
  const { agreement: signed, proof } = auditEvidenceSchema.decodeDocument(report.evidence)
  const agreement = openAgreement(secp256k1, signed)
  if (agreement.node !== report.node || agreement.payer !== payer) return 'shows what others agreed on'
  if (report.outcome !== 'proven') return undefined
  const isShown = proof !== undefined && isProofOf(agreement, leaves, proof)
  return isShown ? undefined : 'does not have the leaves that its seed draws'
}

function isProofOf(agreement: Agreement, leaves: Uint8Array, proof: Uint8Array): boolean {
  try {
    return verifyPossession(agreement, leaves, decodePossession(proof))
  } catch (error) {
    if (isSteadError(error)) return false
    throw error
  }
}

/** A node that was there and keeps its word is never accused by an honest auditor; what rots may be lost. */
function checkFair([auditor, keeper]: readonly [SimNode, SimNode], report: AuditReport, violations: Violations): void {
  const names = [auditor.plan.name, keeper.plan.name]
  violations.check(
    !NEVER.has(report.outcome),
    'audits-fair',
    () => `${names[0]} says that ${names[1]} is ${report.outcome}, which was there and is honest`,
    names,
  )
}

/** Who is not proven is warned; who was warned before, and is not proven again, loses a part of q, and nobody else. */
function checkWarnings({ computed, before }: AuditedRoot, violations: Violations): void {
  if (before === undefined) return
  const [warned, warns] = [before, computed.result].map((result) => new Set(result.audits?.unproven))
  for (const { node, provenPpm, isPenalised } of computed.findings.quality.nodes) {
    const wasWarned = warned?.has(node) === true
    const isWarned = provenPpm === 0 || (provenPpm === undefined && wasWarned)
    violations.check(
      isPenalised === (provenPpm === 0 && wasWarned) && warns?.has(node) === isWarned,
      'warning-first',
      () =>
        `${node} is proven by ${provenPpm} ppm, ${wasWarned ? 'was' : 'was not'} warned, and is ${isPenalised ? '' : 'not '}penalised`,
      [],
    )
  }
}
