import type { SimNode } from '../world/sim-node.ts'
import { PERIOD_SECONDS } from '../world/storage-terms.ts'
import type { WitnessedAgreement } from '../world/witnessed-agreement.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** Periods that may be unpaid when a payer has just settled: one that a node was away for, and what came meanwhile. */
const UNPAID_PERIODS_MAX = 4

/** Both honest sides of an agreement. */
interface Sides {
  readonly payer: SimNode
  readonly provider: SimNode
}

/**
 * By the documents alone: between honest sides that kept their power each byte-second until the last bill is paid, once,
 * and little is left that is not billed.
 */
export function checkStorageBooks(world: World, violations: Violations): void {
  if (world.options.hasStorage !== true) return
  const { storageWitness } = world.parts
  for (const agreement of storageWitness.agreements) {
    const sides = sidesOf(world, agreement)
    if (sides === undefined) continue
    const { payer, provider } = sides
    const who = [payer.plan.name, provider.plan.name]
    const billed = agreement.billed()
    if (payer.powerLosses + provider.powerLosses > 0 || billed === undefined) continue
    const paid = storageWitness.paidByteSeconds(agreement)
    // Whose credit shrank under a bill that it said it never got need not pay that: what the node may lose by it.
    const mayBeLost = agreement.largestBill() * BigInt(Math.min(1, storageWitness.rejections(agreement)))
    violations.check(
      paid <= billed && billed - paid <= mayBeLost,
      'time-billed-is-paid',
      () => `${who[0]} signed for ${paid} byte-seconds at ${who[1]}, ${billed} are proven and billed`,
      who,
    )
    const { bytes = 0, dueByteSeconds = 0n } = agreement.last?.agreement ?? {}
    const unpaidSecondsMax = PERIOD_SECONDS * UNPAID_PERIODS_MAX
    const mayBeDue = BigInt(agreement.bytesSince(unpaidSecondsMax)) * BigInt(unpaidSecondsMax)
    violations.check(
      dueByteSeconds <= mayBeDue || bytes === 0,
      'time-kept-is-billed',
      () =>
        `${who[0]} owes ${who[1]} ${dueByteSeconds} byte-seconds and has ${bytes} bytes there, at most ${mayBeDue} may be due`,
      who,
    )
  }
}

/** Undefined where one of them cheats or is nobody, or the node ended it. */
function sidesOf(world: World, { payer, node }: WitnessedAgreement): Sides | undefined {
  const of = (nodes: readonly SimNode[], address: string): SimNode | undefined =>
    nodes.find(({ plan }) => plan.signer.address === address)
  const [buyer, seller] = [of(world.payers, payer), of(world.providers, node)]
  return buyer === undefined || seller === undefined ? undefined : { payer: buyer, provider: seller }
}
