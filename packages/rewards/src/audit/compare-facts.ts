import type { ChainFacts, NodeFees } from '../facts/chain-facts.ts'
import type { EpochDifference } from './epoch-difference.ts'

const VALUES = [
  'chainId',
  'escrow',
  'epoch',
  'beginsAtSeconds',
  'endsAtSeconds',
  'fromBlock',
  'toBlock',
  'beacon',
  'utility',
] as const

/** The first difference between the facts that this auditor read and those of a proposal; undefined when there is none. */
export function compareFacts(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  for (const field of VALUES) {
    if (own[field] === theirs[field]) continue
    return { what: 'facts', field, need: String(own[field]), have: String(theirs[field]) }
  }
  return (
    nodeDifference(own, theirs) ??
    feesDifference(own, theirs) ??
    saleDifference(own, theirs) ??
    programDifference(own, theirs) ??
    claimantDifference(own, theirs)
  )
}

/** All keys of both maps, ascending, with what each has. */
function* paired<Key extends string | number, Value>(
  own: ReadonlyMap<Key, Value>,
  theirs: ReadonlyMap<Key, Value>,
): Generator<{ readonly key: Key; readonly need: Value | undefined; readonly have: Value | undefined }> {
  const keys = [...new Set([...own.keys(), ...theirs.keys()])].sort((left, right) => (left < right ? -1 : 1))
  for (const key of keys) yield { key, need: own.get(key), have: theirs.get(key) }
}

function nodeDifference(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  const byNode = ({ nodes }: ChainFacts) => new Map(nodes.map(({ node, operator }) => [node, operator]))
  for (const { key: node, need, have } of paired(byNode(own), byNode(theirs))) {
    if (need !== have) return { what: 'facts-node', node, need, have }
  }
  return undefined
}

function feesDifference(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  const byPair = ({ fees }: ChainFacts) => new Map(fees.map((entry) => [entry.operator + entry.node, entry]))
  for (const { need, have } of paired(byPair(own), byPair(theirs))) {
    const either: NodeFees | undefined = need ?? have
    if (either === undefined) continue
    const { operator, node } = either
    for (const [field, key] of FEE_FIELDS) {
      const [needMicroUsd, haveMicroUsd] = [need?.[key] ?? 0n, have?.[key] ?? 0n]
      if (needMicroUsd === haveMicroUsd) continue
      return { what: 'facts-fees', operator, node, field, needMicroUsd, haveMicroUsd }
    }
  }
  return undefined
}

const FEE_FIELDS = [
  ['gross', 'grossMicroUsd'],
  ['fee', 'feeMicroUsd'],
] as const

const SALE_FIELDS = [
  ['burned', 'burnedTokenUnits'],
  ['fees', 'saleFeesMicroUsd'],
  ['kappa', 'kappaBps'],
] as const

function saleDifference(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  const byLot = ({ sales }: ChainFacts) => new Map(sales.map((sale) => [sale.lot, sale]))
  for (const { key: lot, need, have } of paired(byLot(own), byLot(theirs))) {
    for (const [field, key] of SALE_FIELDS) {
      const [needed, had] = [BigInt(need?.[key] ?? 0), BigInt(have?.[key] ?? 0)]
      if (needed !== had) return { what: 'facts-sale', lot, field, need: needed, have: had }
    }
    // A sale that brought nothing still ends a lot.
    if ((need === undefined) !== (have === undefined)) {
      return { what: 'facts', field: `sale of lot ${lot}`, need: need ? 'sold' : 'none', have: have ? 'sold' : 'none' }
    }
  }
  return undefined
}

function programDifference(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  const byId = ({ programs }: ChainFacts) => new Map(programs.map((entry) => [entry.program, entry.depositedMicroUsd]))
  for (const { key: program, need, have } of paired(byId(own), byId(theirs))) {
    if (need !== have) return { what: 'facts-program', program, needMicroUsd: need, haveMicroUsd: have }
  }
  return undefined
}

/** Facts of a policy without audits have no claimants; that the policy has none is checked where the epoch is computed. */
function claimantDifference(own: ChainFacts, theirs: ChainFacts): EpochDifference | undefined {
  if (theirs.audits === undefined) return undefined
  const byPair = ({ audits }: ChainFacts) =>
    new Map((audits?.claimants ?? []).map((each) => [each.node + each.payer, each]))
  for (const { need, have } of paired(byPair(own), byPair(theirs))) {
    const either = need ?? have
    if (either === undefined || need?.grossMicroUsd === have?.grossMicroUsd) continue
    const { node, payer } = either
    return { what: 'facts-claimant', node, payer, needMicroUsd: need?.grossMicroUsd, haveMicroUsd: have?.grossMicroUsd }
  }
  return undefined
}
