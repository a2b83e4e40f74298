import { type Address, type ClaimBatch, type Hash, type MicroUsd, microUsd } from '@stead/core'
import { addressField, defineSchema, listField, microUsdField, type Schema } from '@stead/protocol'
import { checkAscending, malformed } from '../errors.ts'

/** What the vouchers of one key brought a node in the epochs before: auditors draw by lot whose pieces they ask for. */
export interface Claimant {
  readonly node: Address
  /** Who signs the vouchers: the payer that a storage agreement names. */
  readonly payer: Address
  readonly grossMicroUsd: MicroUsd
}

/**
 * Epochs before an epoch whose claims count in its audits. One alone would let a node claim what honest payers owe it in
 * one epoch, and its own dust in the next, in which it is audited.
 */
export const CLAIMANT_EPOCHS = 7
/** Most payers of a node among whom is drawn: those that brought most. */
export const CLAIMANTS_PER_NODE_MAX = 64
/** Most claimants in the facts of an epoch. */
const FACT_CLAIMANTS_MAX = 65_536

/** The part of an epoch's facts that audits need. */
export interface AuditFacts {
  /** By node, then payer. */
  readonly claimants: readonly Claimant[]
}

const claimantSchema = defineSchema<Claimant>('Claimant', 160, {
  node: [1, addressField],
  payer: [2, addressField],
  grossMicroUsd: [3, microUsdField],
})

/** Encodings of {@link AuditFacts}. */
export const auditFactsSchema: Schema<AuditFacts> = defineSchema<AuditFacts>('AuditFacts', 12 * 1024 * 1024, {
  claimants: [1, listField(claimantSchema.asField(), FACT_CLAIMANTS_MAX)],
})

/** What one channel brought a node in an epoch. */
export interface ChannelSum {
  readonly node: Address
  readonly channel: Hash
  readonly grossMicroUsd: MicroUsd
}

/** Claims by channel, each event once however often an endpoint repeats it. */
export function sumByChannel(claims: readonly ClaimBatch[]): readonly ChannelSum[] {
  const sums = new Map<Hash, { readonly node: Address; gross: bigint }>()
  const seen = new Set<string>()
  for (const { blockNumber, logIndex, node, parts } of claims) {
    const place = `${blockNumber}:${logIndex}`
    if (seen.has(place)) continue
    seen.add(place)
    for (const { channel, grossMicroUsd } of parts) {
      const sum = sums.get(channel) ?? { node, gross: 0n }
      sum.gross += grossMicroUsd
      sums.set(channel, sum)
    }
  }
  return Array.from(sums, ([channel, { node, gross }]) => ({ node, channel, grossMicroUsd: microUsd(gross) }))
}

/** Adds up what was claimed, in any order; the result is the same for all who read the same chain. */
export class ClaimantTally {
  readonly #nodes: ReadonlySet<Address>
  readonly #sums: Map<Address, Map<Address, bigint>> = new Map()

  /** @param nodes that can be audited */
  constructor(nodes: Iterable<Address>) {
    this.#nodes = new Set(nodes)
  }

  add({ node, payer, grossMicroUsd }: Claimant): void {
    // Whoever pays itself needs nobody to look at what it keeps for itself.
    if (!this.#nodes.has(node) || node === payer || grossMicroUsd === 0n) return
    const payers = this.#sums.get(node) ?? new Map<Address, bigint>()
    this.#sums.set(node, payers.set(payer, (payers.get(payer) ?? 0n) + grossMicroUsd))
  }

  /** By node, then payer. */
  claimants(): readonly Claimant[] {
    const all = Array.from(this.#sums, ([node, payers]) => largest(payersOf(node, payers), CLAIMANTS_PER_NODE_MAX))
    return largest(all.flat(), FACT_CLAIMANTS_MAX).toSorted(byNodeThenPayer)
  }
}

function payersOf(node: Address, payers: ReadonlyMap<Address, bigint>): readonly Claimant[] {
  return Array.from(payers, ([payer, gross]) => ({ node, payer, grossMicroUsd: microUsd(gross) }))
}

function largest(claimants: readonly Claimant[], max: number): readonly Claimant[] {
  return claimants.length <= max ? claimants : claimants.toSorted(byGross).slice(0, max)
}

function byGross(left: Claimant, right: Claimant): number {
  if (left.grossMicroUsd !== right.grossMicroUsd) return left.grossMicroUsd > right.grossMicroUsd ? -1 : 1
  return byNodeThenPayer(left, right)
}

/** The order of claimants in facts. */
export function byNodeThenPayer(left: Claimant, right: Claimant): number {
  if (left.node !== right.node) return left.node < right.node ? -1 : 1
  return left.payer < right.payer ? -1 : left.payer > right.payer ? 1 : 0
}

/** @throws RewardsError REWARDS_MALFORMED for claimants out of order, twice, or of nothing */
export function checkClaimants(claimants: readonly Claimant[]): void {
  checkAscending(
    'claimants',
    claimants.map(({ node, payer }) => node + payer),
  )
  const empty = claimants.find(({ grossMicroUsd }) => grossMicroUsd === 0n)
  if (empty !== undefined) malformed(`claims of ${empty.payer} at ${empty.node}`, 'above 0', 0)
}
