import type { FinalRoot } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import { type EpochResult, openProbeLog } from '@stead/rewards'
import { EPOCH_SECONDS } from '../world/epoch-terms.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { EpochAuditor, type RootFinding } from './epoch-auditor.ts'
import { checkMinted, unclaimed } from './reward-checks.ts'
import type { Violations } from './violations.ts'

/** An honest node that has a bond and lives. */
interface Bonded {
  readonly node: SimNode
  readonly service: EpochService
}

/** Epochs after the faults in which everything must be settled: liars may hold up some of them. */
const EPOCHS_MAX = 8
const SECONDS_PER_MINUTE = 60

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
    if (final === undefined || final.epoch < whole) return false
    const { result } = await audits.of(final)
    const isQuiet = bondedOf(world).every(({ service }) => service.faults.size === 0)
    return isQuiet && owing(world, result).length === 0 && unpunished(world).length === 0
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
  for (const { plan } of unpunished(world))
    violations.check(false, 'lies-punished', () => `${plan.name} said two things for one slot and has its bond`, [
      plan.name,
    ])
  if (final !== undefined && final.epoch >= whole) await checkFinal(world, { final, audits }, violations)
  checkMinted(world, violations)
}

/** Audits of final roots, each done once. */
class Audits {
  readonly #auditor: EpochAuditor
  readonly #done: Map<string, RootFinding> = new Map()

  constructor(world: World) {
    this.#auditor = new EpochAuditor(world)
  }

  async of(final: FinalRoot): Promise<RootFinding & { readonly result: EpochResult | undefined }> {
    const finding = this.#done.get(final.evidence) ?? (await this.#auditor.look(final))
    this.#done.set(final.evidence, finding)
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
  const { fault, evidence, result } = await audits.of(final)
  const bonded = bondedOf(world)
  const names = bonded.map(({ node }) => node.plan.name)
  violations.check(fault === undefined, 'root-true', () => `the final root of epoch ${final.epoch}: ${fault}`, names)
  const probers = new Set<string>()
  for (const id of evidence?.logs ?? []) {
    const bytes = await firstOf(bonded, ({ service }) => service.shelf.get(id))
    if (bytes !== undefined) probers.add(openProbeLog(world.parts.secp256k1, bytes).log.prober)
  }
  for (const { node } of bonded) {
    const { name, signer } = node.plan
    violations.check(
      probers.has(signer.address),
      'logs-counted',
      () => `the log of ${name} is not in the evidence of epoch ${final.epoch}, in which nothing was wrong`,
      [name],
    )
  }
  for (const { plan } of owing(world, result))
    violations.check(
      false,
      'rewards-claimed',
      () => `${plan.name} has not claimed what the root of epoch ${final.epoch} gives it`,
      [plan.name],
    )
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
