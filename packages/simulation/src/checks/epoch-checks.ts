import type { Address, ContentId, FinalRoot } from '@stead/core'
import type { EpochNotice, EpochService } from '@stead/epochs'
import { Assignment, type ComputedEpoch, type EpochResult, epochNumber, openProbeLog, openResult } from '@stead/rewards'
import type { FaultProfile } from '../faults/profiles.ts'
import { EPOCH_SECONDS, PROBERS_MIN, PROBERS_PER_NODE } from '../world/epoch-terms.ts'
import { KEEP_EPOCHS } from '../world/node-epochs.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { checkAudits } from './audit-checks.ts'
import { EpochAuditor, type RootFinding } from './epoch-auditor.ts'
import { checkDeposits, checkMinted, unbooked, unclaimed } from './reward-checks.ts'
import type { Violations } from './violations.ts'

/** An honest node that has a bond and lives. */
interface Bonded {
  readonly node: SimNode
  readonly service: EpochService
}

/** Epochs after the faults in which everything must be settled: liars may hold up some of them. */
const EPOCHS_MAX = 8
const SECONDS_PER_MINUTE = 60
/** Until then a node that was away when the faults ended is up again. */
const START_MS_MAX = 10_000
const NOTICES_PER_NODE_MAX = 8
/** Two looks of a node for what it can claim. */
const PAYOUT_MS_MAX = 100_000
/** Tables whose keys begin with an epoch, in digits that sort. */
const TABLES_BY_EPOCH = [
  'epoch-seeds',
  'epoch-probes',
  'epoch-audits',
  'epoch-own-logs',
  'epoch-logs',
  'epoch-results',
] as const
const EPOCH_DIGITS = 8
const KINDS: readonly EpochNotice['kind'][] = ['log', 'result', 'vote']

function bondedOf(world: World): readonly Bonded[] {
  return world.providers.flatMap((node) => (node.epochs === undefined ? [] : [{ node, service: node.epochs }]))
}

/** No honest node ever loses its bond. */
export function checkBonds(world: World, violations: Violations): void {
  const { stake } = world.parts.ledger.contracts
  for (const { plan } of world.providers) {
    if (plan.epochs === undefined) continue
    const { address } = plan.signer
    const [have, need] = [stake.bonded(address), plan.epochs.stakeTokenUnits]
    violations.check(
      have === need && !stake.isExpelled(address),
      'honest-bond',
      () => `${plan.name} is honest and has ${have} of its bond of ${need}`,
      [plan.name],
    )
  }
}

/**
 * Some epochs after the last fault one that was whole has a final root, with the cheats still there; a stranger computes
 * it again; what it gives is claimed, and no duty of an honest node is stuck.
 */
export async function checkEpochs(world: World, violations: Violations, look: () => void): Promise<void> {
  if (world.economy === undefined) return
  const { epochs, roots } = world.parts.ledger.contracts
  const whole = epochs.epochAt(Math.floor(world.mendedAt / 1000)) + 1
  const audits = new Audits(world)
  const isSettled = async (): Promise<boolean> => {
    const { final } = roots
    // While their documents are still kept.
    for (const root of rootsOfPeace(world)) await audits.of(root)
    if (final === undefined || final.epoch < whole) return false
    const { result } = await audits.of(final)
    const isQuiet = bondedOf(world).every(({ service }) => service.faults.size === 0)
    const isPaid = owing(world, result).length === 0 && (await unpaid(world)).length === 0
    return isQuiet && isPaid && unpunished(world).length === 0
  }
  await world.healPhase(isSettled, (EPOCHS_MAX * EPOCH_SECONDS) / SECONDS_PER_MINUTE, look)
  const { final } = roots
  violations.check(
    final !== undefined && final.epoch >= whole,
    'epoch-final',
    () => `epoch ${whole} was whole; the newest final root ${EPOCHS_MAX} epochs later is of ${final?.epoch}`,
    bondedOf(world).map(({ node }) => node.plan.name),
  )
  checkDuties(world, violations)
  violations.checkNone('lies-punished', unpunished(world), ({ plan: { name } }) => ({
    what: `${name} said two things for one slot and has its bond`,
    who: [name],
  }))
  if (final !== undefined && final.epoch >= whole) await checkFinal(world, { final, audits }, violations)
  checkMinted(world, violations)
  if (isCalm(world.options.faults)) checkDeposits(world, violations)
  violations.checkNone('claims-booked', await unpaid(world), ({ node: { plan }, why }) => ({
    what: `${plan.name} ${why}`,
    who: [plan.name],
  }))
  await checkKept(world, violations)
}

/** Audits of final roots; one that found no fault is not done again. */
class Audits {
  readonly #auditor: EpochAuditor
  readonly #done: Map<string, RootFinding> = new Map()

  constructor(world: World) {
    this.#auditor = new EpochAuditor(world)
  }

  async of(final: FinalRoot): Promise<RootFinding & { readonly result: EpochResult | undefined }> {
    const finding = this.#done.get(`${final.root} ${final.evidence}`) ?? (await this.#auditor.look(final))
    if (finding.fault === undefined) this.#done.set(`${final.root} ${final.evidence}`, finding)
    return { ...finding, result: finding.computed?.result }
  }
}

/** Honest operators that have not taken what a root gives them. */
function owing(world: World, result: EpochResult | undefined): readonly SimNode[] {
  if (result === undefined) return []
  return bondedOf(world)
    .map(({ node }) => node)
    .filter(({ plan }) => unclaimed(world, plan.operator, result) > 0n)
}

/** Honest nodes whose operator has credit left in the Escrow, or was brought something that their books do not have. */
async function unpaid(world: World): Promise<readonly { readonly node: SimNode; readonly why: string }[]> {
  const found: { readonly node: SimNode; readonly why: string }[] = []
  for (const { node, service } of bondedOf(world)) {
    const { operator } = node.plan
    const owed = world.parts.ledger.escrow.owedMicroUsd(operator) - creditedLately(world, operator)
    if (owed > 0n) found.push({ node, why: `has ${owed} micro-dollars of credit that nobody paid out` })
    const known = new Set((await service.claimer?.claimed())?.map(({ transaction }) => transaction))
    const missing = unbooked(world, operator, known)
    if (missing.length > 0) found.push({ node, why: `does not know of ${missing.length} of its transactions` })
  }
  return found
}

/** What an operator was credited since the last round in which its node must have looked: storage is claimed all the time. */
function creditedLately(world: World, operator: Address): bigint {
  const { blocks, contracts } = world.parts.ledger
  const { number: toBlock, at } = blocks.head
  let credited = 0n
  for (const claim of contracts.events.of('claims', { fromBlock: 0, toBlock })) {
    const isLate = blocks.block(claim.blockNumber).at >= at - PAYOUT_MS_MAX
    if (claim.operator === operator && isLate) credited += claim.grossMicroUsd - claim.feeMicroUsd
  }
  return credited
}

/** Nothing goes wrong by itself: no loss, no crash, no outage. */
function isCalm({ wires, disk, chain, ...rates }: FaultProfile): boolean {
  const { crashes, partitions, cuts, clogs, outages, badDisks, jumps } = rates
  const sum = crashes + partitions + cuts + clogs + outages + badDisks + jumps
  return sum + wires.lossShare + disk.refusedShare + chain.lostShare === 0
}

/** Nodes that said two things for one slot while everything was whole, and still have their bond. */
function unpunished(world: World): readonly SimNode[] {
  const { stake } = world.parts.ledger.contracts
  return world.nodes.filter(({ plan, equivocatedMs }) => {
    const hasLied = equivocatedMs !== undefined && equivocatedMs >= world.mendedMs
    return hasLied && !stake.isExpelled(plan.signer.address)
  })
}

function checkDuties(world: World, violations: Violations): void {
  for (const { node, service } of bondedOf(world)) {
    const { name } = node.plan
    const faults = Array.from(service.faults, ([duty, fault]) => `${duty}: ${fault}`)
    violations.check(faults.length === 0, 'duties-run', () => `${name} is stuck with ${faults.join('; ')}`, [name])
  }
}

async function checkFinal(
  world: World,
  { final, audits }: { readonly final: FinalRoot; readonly audits: Audits },
  violations: Violations,
): Promise<void> {
  const names = bondedOf(world).map(({ node }) => node.plan.name)
  for (const root of rootsOfPeace(world)) {
    const { fault } = await audits.of(root)
    violations.check(fault === undefined, 'root-true', () => `the final root of epoch ${root.epoch}: ${fault}`, names)
  }
  const { evidence, computed } = await audits.of(final)
  await checkLogs(world, { epoch: final.epoch, logs: evidence?.logs ?? [] }, violations)
  if (computed !== undefined) checkQuality(world, computed, violations)
  if (computed !== undefined) {
    const load = (id: ContentId) => firstOf(bondedOf(world), ({ service }) => service.shelf.get(id))
    const { previous } = computed.evidence
    const bytes = previous === undefined ? undefined : await load(previous)
    const before = bytes === undefined ? undefined : openResult(bytes)
    await checkAudits(world, { computed, logs: computed.evidence.logs, before, load }, violations)
  }
  violations.checkNone('rewards-claimed', owing(world, computed?.result), ({ plan: { name } }) => ({
    what: `${name} has not claimed what the root of epoch ${final.epoch} gives it`,
    who: [name],
  }))
}

/** Roots that are final and were proposed when everything was whole again, and nodes had had time to start. */
function rootsOfPeace(world: World): readonly FinalRoot[] {
  const { blocks, contracts } = world.parts.ledger
  const all = { fromBlock: 0, toBlock: blocks.head.number }
  const isOfPeace = (block: number): boolean => blocks.block(block).at >= world.mendedAt + START_MS_MAX
  const proposed = contracts.events.of('proposed', all).filter(({ blockNumber }) => isOfPeace(blockNumber))
  const attempts = new Set(proposed.map(({ attempt }) => attempt))
  return contracts.events.of('final', all).filter(({ attempt }) => attempts.has(attempt))
}

/** What every honest prober reported of an epoch without faults is in its evidence. */
async function checkLogs(
  world: World,
  { epoch, logs }: { readonly epoch: number; readonly logs: readonly ContentId[] },
  violations: Violations,
): Promise<void> {
  const bonded = bondedOf(world)
  const probers = new Set<string>()
  for (const id of logs) {
    const bytes = await firstOf(bonded, ({ service }) => service.shelf.get(id))
    if (bytes !== undefined) probers.add(openProbeLog(world.parts.secp256k1, bytes).log.prober)
  }
  for (const { node } of bonded) {
    const { name, signer } = node.plan
    violations.check(
      probers.has(signer.address),
      'logs-counted',
      () => `the log of ${name} is not in the evidence of epoch ${epoch}, in which nothing was wrong`,
      [name],
    )
  }
}

/** Who was there has a quality, whatever a minority of its probers reports. */
function checkQuality(world: World, { facts, findings }: ComputedEpoch, violations: Violations): void {
  const honest = new Set(bondedOf(world).map(({ node }) => node.plan.signer.address))
  const assignment = new Assignment(facts.beacon, facts.nodes, PROBERS_PER_NODE)
  for (const { node } of bondedOf(world)) {
    const { name, signer } = node.plan
    const place = assignment.indexOf(signer.address)
    if (place === undefined) continue
    const probers = assignment.probersOf(place).flatMap((prober) => assignment.nodes[prober]?.node ?? [])
    const friends = probers.filter((prober) => honest.has(prober))
    if (friends.length < PROBERS_MIN || 2 * friends.length <= probers.length) continue
    const quality = findings.quality.of(signer.address)
    violations.check(
      quality?.qualityPpm !== undefined && quality.qualityPpm > 0,
      'quality-fair',
      () =>
        `${name} was there in epoch ${facts.epoch}, ${friends.length} of ${probers.length} probers are honest, and its quality is ${quality?.qualityPpm}`,
      [name],
    )
  }
}

/** What a node keeps of epochs does not grow with time. */
async function checkKept(world: World, violations: Violations): Promise<void> {
  const bonded = world.nodes.filter(({ plan }) => plan.epochs !== undefined)
  const bonds = new Map<string, string>(bonded.map(({ plan }) => [plan.signer.address, plan.name]))
  for (const { node, service } of bondedOf(world)) {
    const { name } = node.plan
    const now = service.ports.time.epoch()
    // What is old is deleted once in an epoch, in its first rounds, and not before a root covers it.
    const oldest = Math.min(now - KEEP_EPOCHS, world.parts.ledger.contracts.roots.final?.epoch ?? 0) - 1
    for (const table of TABLES_BY_EPOCH) {
      const [first] = await node.store.scan(table, { limit: 1 })
      const epoch = first === undefined ? now : Number.parseInt(first.key.slice(0, EPOCH_DIGITS), 16)
      violations.check(
        epoch >= oldest,
        'epoch-rows-bounded',
        () => `${name} has rows of epoch ${epoch} in ${table} in epoch ${now}; it keeps ${KEEP_EPOCHS}`,
        [name],
      )
    }
    for (let epoch = 0; epoch <= now; epoch++) {
      const notices = KINDS.flatMap((kind) => service.board.of(epochNumber(epoch), kind))
      const counts = Array.from(
        Map.groupBy(notices, (notice) => notice.node),
        ([of, { length }]) => ({ of, length }),
      )
      const wrong = counts.find(({ of, length }) => !bonds.has(of) || length > NOTICES_PER_NODE_MAX)
      violations.check(
        wrong === undefined,
        'notices-bounded',
        () => `${name} keeps ${wrong?.length} notices of ${bonds.get(wrong?.of ?? '') ?? 'nobody'} in epoch ${epoch}`,
        [name],
      )
    }
  }
}

async function firstOf<Item, Value>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Value | undefined>,
): Promise<Value | undefined> {
  for (const item of items) {
    const value = await ask(item)
    if (value !== undefined) return value
  }
  return undefined
}
