import type { Address, Hash, MicroUsd } from '@stead/core'
import {
  addressField,
  defineSchema,
  hashField,
  listField,
  microUsdField,
  optionalField,
  type Schema,
  uint64Field,
  uintField,
  versionField,
} from '@stead/protocol'
import { checkAscending, malformed } from '../errors.ts'
import type { QualityParameters } from '../quality/quality-parameters.ts'
import { BPS, type EpochNumber, epochField, type TokenUnits, tokenUnitsField } from '../units.ts'
import { type AuditFacts, auditFactsSchema, byNodeThenPayer, checkClaimants } from './claimants.ts'

/**
 * A node whose bond was enough in the last block before the epoch: it is probed, and may be called to probe. The beacon is
 * a later block, so nobody can choose a key by what the beacon will make of it.
 */
export interface BondedNode {
  readonly node: Address
  readonly operator: Address
}

/** What the Escrow's claims of one epoch brought one node of one operator. */
export interface NodeFees {
  readonly operator: Address
  readonly node: Address
  readonly grossMicroUsd: MicroUsd
  /** The part that went into the epoch's lot. */
  readonly feeMicroUsd: MicroUsd
}

/**
 * An epoch whose fees were sold in this one. Lots that found no buyer are sold together with later ones: then each of
 * their epochs has an entry, with the same sale.
 */
export interface LotSale {
  /** The epoch whose fees were sold. */
  readonly lot: EpochNumber
  /** B: token burned in the whole sale. */
  readonly burnedTokenUnits: TokenUnits
  /** F: all fees of the sale, of this epoch and those sold with it. */
  readonly saleFeesMicroUsd: MicroUsd
  /** κ in force at the sale, in ten-thousandths, 0 .. 9,000. */
  readonly kappaBps: number
}

/** A program that governance has enabled and somebody pays for. */
export interface SponsoredProgram {
  /** Its policy id. */
  readonly program: Hash
  /** All that was ever deposited for it. */
  readonly depositedMicroUsd: MicroUsd
}

/** What the chain says about one epoch: the same for everybody who reads it. Lists ascend and repeat nothing. */
export interface ChainFacts {
  readonly version: 1
  readonly chainId: number
  readonly escrow: Address
  readonly epoch: EpochNumber
  readonly beginsAtSeconds: number
  readonly endsAtSeconds: number
  /** First and last block whose time lies in the epoch. */
  readonly fromBlock: bigint
  readonly toBlock: bigint
  /** Hash of the pre-announced block: the first one of the epoch. */
  readonly beacon: Hash
  /** Policy id of program 0, the one that mints. */
  readonly utility: Hash
  /** By operator, then node; no node twice. */
  readonly nodes: readonly BondedNode[]
  /** By operator, then node. */
  readonly fees: readonly NodeFees[]
  /** F: the sum of the fees. */
  readonly feeTotalMicroUsd: MicroUsd
  /** By lot. */
  readonly sales: readonly LotSale[]
  /** By program. */
  readonly programs: readonly SponsoredProgram[]
  /** Who brought bonded nodes their claims of the epochs before; missing where the policy of program 0 has no audits. */
  readonly audits?: AuditFacts
}

/** Most bonded nodes, and most (operator, node) pairs with fees, of one epoch. */
export const FACT_NODES_MAX = 65_536
/** Most epochs whose fees were sold in one: as many as can wait unsold. */
export const FACT_SALES_MAX = 4096
/** Most sponsored programs at a time. */
export const FACT_PROGRAMS_MAX = 64
/** Largest document of chain facts, in bytes. */
export const FACTS_BYTES_MAX: number = 28 * 1024 * 1024
/** κ never exceeds this, in ten-thousandths: what makes paying oneself a loss. */
export const KAPPA_BPS_MAX = 9000

const nodeSchema = defineSchema<BondedNode>('BondedNode', 128, {
  node: [1, addressField],
  operator: [2, addressField],
})

const feesSchema = defineSchema<NodeFees>('NodeFees', 160, {
  operator: [1, addressField],
  node: [2, addressField],
  grossMicroUsd: [3, microUsdField],
  feeMicroUsd: [4, microUsdField],
})

const saleSchema = defineSchema<LotSale>('LotSale', 128, {
  lot: [1, epochField],
  burnedTokenUnits: [2, tokenUnitsField],
  kappaBps: [3, uintField(KAPPA_BPS_MAX)],
  saleFeesMicroUsd: [4, microUsdField],
})

const programSchema = defineSchema<SponsoredProgram>('SponsoredProgram', 128, {
  program: [1, hashField],
  depositedMicroUsd: [2, microUsdField],
})

/** Encodings of {@link ChainFacts}; read it with {@link openChainFacts}, which checks what a schema cannot. */
const factsSchema: Schema<ChainFacts> = defineSchema<ChainFacts>('ChainFacts', FACTS_BYTES_MAX, {
  version: [1, versionField(1)],
  chainId: [2, uintField()],
  escrow: [3, addressField],
  epoch: [4, epochField],
  beginsAtSeconds: [5, uintField()],
  endsAtSeconds: [6, uintField()],
  fromBlock: [7, uint64Field()],
  toBlock: [8, uint64Field()],
  beacon: [9, hashField],
  utility: [10, hashField],
  nodes: [11, listField(nodeSchema.asField(), FACT_NODES_MAX)],
  fees: [12, listField(feesSchema.asField(), FACT_NODES_MAX)],
  feeTotalMicroUsd: [13, microUsdField],
  sales: [14, listField(saleSchema.asField(), FACT_SALES_MAX)],
  programs: [15, listField(programSchema.asField(), FACT_PROGRAMS_MAX)],
  audits: [16, optionalField(auditFactsSchema.asField())],
})

/** The order of nodes and fees: by operator, then node. */
export function byOperatorThenNode(left: BondedNode, right: BondedNode): number {
  if (left.operator !== right.operator) return left.operator < right.operator ? -1 : 1
  return left.node < right.node ? -1 : left.node > right.node ? 1 : 0
}

/** DAG-CBOR of facts, their lists put in order. @throws RewardsError REWARDS_MALFORMED, ProtocolError */
export function encodeChainFacts(facts: ChainFacts): Uint8Array {
  const { audits } = facts
  const ordered: ChainFacts = {
    ...facts,
    nodes: facts.nodes.toSorted(byOperatorThenNode),
    fees: facts.fees.toSorted(byOperatorThenNode),
    sales: facts.sales.toSorted((left, right) => left.lot - right.lot),
    programs: facts.programs.toSorted((left, right) => (left.program < right.program ? -1 : 1)),
    ...(audits === undefined ? {} : { audits: { claimants: audits.claimants.toSorted(byNodeThenPayer) } }),
  }
  return factsSchema.encodeDocument(checkFacts(ordered))
}

/** The facts that a policy's epochs are computed from: without claimants where it has no audits. */
export function factsUnder(facts: ChainFacts, { audits }: Pick<QualityParameters, 'audits'>): ChainFacts {
  if (audits !== undefined) return facts
  const { audits: _claimants, ...rest } = facts
  return rest
}

/** Decodes facts and checks order and sums. @throws RewardsError REWARDS_MALFORMED; ProtocolError for other bytes */
export function openChainFacts(bytes: Uint8Array): ChainFacts {
  return checkFacts(factsSchema.decodeDocument(bytes))
}

function checkFacts(facts: ChainFacts): ChainFacts {
  const { nodes, fees, sales, programs } = facts
  if (facts.endsAtSeconds <= facts.beginsAtSeconds) {
    malformed('end of the epoch', `after ${facts.beginsAtSeconds}`, facts.endsAtSeconds)
  }
  if (facts.toBlock < facts.fromBlock) malformed('last block', `at least ${facts.fromBlock}`, facts.toBlock)
  checkAscending('nodes', keysOf(nodes))
  if (new Set(nodes.map(({ node }) => node)).size !== nodes.length) malformed('nodes', 'each node once', 'a node twice')
  checkAscending('fees', keysOf(fees))
  let total = 0n
  for (const { feeMicroUsd, grossMicroUsd, node } of fees) {
    if (feeMicroUsd > grossMicroUsd) malformed(`fee of ${node}`, `at most ${grossMicroUsd}`, feeMicroUsd)
    total += feeMicroUsd
  }
  if (total !== facts.feeTotalMicroUsd) malformed('sum of the fees', total, facts.feeTotalMicroUsd)
  for (const [index, sale] of sales.entries()) {
    const before = sales[index - 1]?.lot ?? -1
    if (sale.lot <= before) malformed('order of sales', `above ${before}`, sale.lot)
    if (sale.kappaBps > KAPPA_BPS_MAX) malformed(`κ of lot ${sale.lot}`, `at most ${KAPPA_BPS_MAX}`, sale.kappaBps)
  }
  checkAscending(
    'programs',
    programs.map(({ program }) => program),
  )
  if (facts.audits !== undefined) checkClaimants(facts.audits.claimants)
  return facts
}

function keysOf(list: readonly BondedNode[]): string[] {
  return list.map(({ operator, node }) => operator + node)
}

/** The most that an epoch can mint for one operator: ⌊κ·B·f/F⌋; the contract computes the same. 0 where F is 0. */
export function mintCap(sale: Omit<LotSale, 'lot'>, feeMicroUsd: bigint): TokenUnits {
  const { kappaBps, burnedTokenUnits, saleFeesMicroUsd } = sale
  if (saleFeesMicroUsd === 0n) return 0n as TokenUnits
  return ((BigInt(kappaBps) * burnedTokenUnits * feeMicroUsd) / (BPS * saleFeesMicroUsd)) as TokenUnits
}
