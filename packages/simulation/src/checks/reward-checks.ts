import type { Address } from '@stead/core'
import type { EpochResult } from '@stead/rewards'
import { HONEST_DEPOSITS } from '../world/epoch-terms.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

const BPS = 10_000n

/** Blocks of the whole chain. */
function allBlocks(world: World): { readonly fromBlock: number; readonly toBlock: number } {
  return { fromBlock: 0, toBlock: world.parts.ledger.blocks.head.number }
}

/**
 * Most that each operator can have been minted: for each lot that was sold, κ times its part of the fees in it. Worked
 * out from claims and sales as the chain recorded them, and not by the contract that keeps the caps.
 */
function mintedMost(world: World): ReadonlyMap<Address, bigint> {
  const { events, epochs, rewards } = world.parts.ledger.contracts
  const { blocks } = world.parts.ledger
  const most = new Map<Address, bigint>()
  let from = 0
  for (const { lastEpoch, feesMicroUsd, burnedTokenUnits, blockNumber } of events.of('lots', allBlocks(world))) {
    const kappaBps = BigInt(rewards.kappaBpsAt(Math.floor(blocks.block(blockNumber).at / 1000)))
    const fees = new Map<Address, bigint>()
    for (const claim of events.of('claims', allBlocks(world))) {
      const epoch = epochs.epochAt(Math.floor(blocks.block(claim.blockNumber).at / 1000))
      if (epoch >= from && epoch <= lastEpoch)
        fees.set(claim.operator, (fees.get(claim.operator) ?? 0n) + claim.feeMicroUsd)
    }
    for (const [operator, fee] of fees)
      most.set(operator, (most.get(operator) ?? 0n) + (kappaBps * burnedTokenUnits * fee) / (BPS * feesMicroUsd))
    from = lastEpoch + 1
  }
  return most
}

/** Token units that each operator was minted. */
function mintedTo(world: World): ReadonlyMap<Address, bigint> {
  const minted = new Map<Address, bigint>()
  for (const { operator, amountUnits } of world.parts.ledger.contracts.events.of('rewards', allBlocks(world)))
    minted.set(operator, (minted.get(operator) ?? 0n) + amountUnits)
  return minted
}

/** Nobody was minted more than κ of what its own fees burned, be it many nodes or payer and provider in one. */
export function checkMinted(world: World, violations: Violations): void {
  const most = mintedMost(world)
  for (const [operator, minted] of mintedTo(world)) {
    const limit = most.get(operator) ?? 0n
    const names = world.nodes.filter(({ plan }) => plan.operator === operator).map(({ plan }) => plan.name)
    violations.check(
      minted <= limit,
      'reward-capped',
      () => `${names.join(', ')} were minted ${minted} token units, their fees burned enough for ${limit}`,
      names,
    )
  }
}

/** No token is made but by rewards, and none is lost but by sales, proven lies and lost deposits. */
export function checkTokens(world: World, violations: Violations): void {
  const { economy } = world
  if (economy === undefined) return
  const { contracts, identity } = world.parts.ledger
  const { tokens, events, rewardsAddress, roots, stake } = contracts
  let [held, bonds, lost] = [tokens.of(identity.stake) + tokens.of(rewardsAddress), 0n, 0n]
  for (const account of new Set(economy.accounts)) held += tokens.of(account)
  for (const { plan } of world.nodes) {
    if (plan.epochs === undefined) continue
    bonds += stake.bonded(plan.signer.address)
    if (stake.isExpelled(plan.signer.address)) lost += plan.epochs.stakeTokenUnits - plan.epochs.stakeTokenUnits / 10n
  }
  let expected = economy.givenTokenUnits - lost
  for (const { amountUnits } of events.of('rewards', allBlocks(world))) expected += amountUnits
  for (const { burnedTokenUnits } of events.of('lots', allBlocks(world))) expected -= burnedTokenUnits
  // Deposits are burned in halves.
  const [burned, half] = [expected - held, roots.terms.depositTokenUnits / 2n]
  violations.check(
    held === tokens.supply && burned >= 0n && burned % half === 0n,
    'tokens-conserved',
    () => `accounts hold ${held} token units, supply is ${tokens.supply}; ${expected} were expected before deposits`,
    [],
  )
  const [staked, deposits] = [tokens.of(identity.stake), tokens.of(rewardsAddress)]
  violations.check(
    staked === bonds && deposits === roots.heldTokenUnits,
    'stake-held',
    () => `the Stake holds ${staked} for bonds of ${bonds}; the Rewards ${deposits} for deposits`,
    [],
  )
}

/** Token units that an operator has by a final root, could take now, and has not. */
export function unclaimed(world: World, operator: Address, result: EpochResult): bigint {
  const { rewards } = world.parts.ledger.contracts
  let units = 0n
  for (const line of result.lines) {
    if (line.operator !== operator) continue
    const { paid, available } = rewards.stateOf(line.program, operator)
    let rising = 0n
    for (let epoch = 0; epoch <= result.epoch; epoch++) rising += rewards.accruable(operator, epoch)
    const [owed, limit] = [line.cumulativeUnits - paid, available + rising]
    if (owed > limit) units += limit
    else if (owed > 0n) units += owed
  }
  return units
}

/** Transactions that brought an operator something and that are not among those its node knows. */
export function unbooked(world: World, operator: Address, known: ReadonlySet<string>): readonly string[] {
  const { events } = world.parts.ledger.contracts
  const all = allBlocks(world)
  const done = [...events.of('accruals', all), ...events.of('rewards', all), ...events.of('payouts', all)]
  const own = done.filter((event) => event.operator === operator).map(({ transaction }) => transaction as string)
  return own.filter((transaction) => !known.has(transaction))
}

/** Deposits that an operator has behind what is open now. */
function depositsOf(world: World, operator: Address): bigint {
  const { proposal, terms } = world.parts.ledger.contracts.roots
  const sides = [proposal?.proposer, proposal?.challenge?.challenger].filter((account) => account === operator)
  return BigInt(sides.length) * terms.depositTokenUnits
}

/** Where nothing fails and only cheats are about, an honest proposal or challenge costs nobody its deposit. */
export function checkDeposits(world: World, violations: Violations): void {
  const minted = mintedTo(world)
  const { tokens } = world.parts.ledger.contracts
  for (const { plan } of world.providers) {
    if (plan.epochs === undefined) continue
    const have = tokens.of(plan.operator) + depositsOf(world, plan.operator) - (minted.get(plan.operator) ?? 0n)
    violations.check(
      have >= HONEST_DEPOSITS,
      'honest-deposit',
      () => `${plan.name} is honest and lost ${HONEST_DEPOSITS - have} token units of its deposits`,
      [plan.name],
    )
  }
}
