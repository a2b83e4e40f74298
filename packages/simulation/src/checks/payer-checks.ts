import type { Address, Hash } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { HonestPayer } from './job-checks.ts'
import { receiptFault } from './receipt-fault.ts'
import type { Violations } from './violations.ts'

/** What an honest payer accepted, signed, paid and locked fits together, and a cheat cost it no more than is said. */
export async function checkPayer(world: World, sides: HonestPayer, violations: Violations): Promise<void> {
  const { node, payer } = sides
  const { name } = node.plan
  await checkBills(world, sides, violations)
  const fault = receiptFault(world.parts, await payer.market.receipts({ completeOnly: true }))
  violations.check(fault === undefined, 'receipts-verify', () => `${name}: ${fault}`, [name])
  await checkPurses(world, sides, violations)
  const providers = new Map(world.providers.map((provider) => [provider.plan.signer.address, provider] as const))
  for (const channel of payer.market.channels()) {
    checkLoss(world, { node, channel }, violations)
    checkSettled(world, { node, channel, provider: providers.get(channel.terms.node) }, violations)
  }
}

/** What jobs accepted is what channels owe, delivery by delivery, and nothing twice. */
async function checkBills(world: World, { node, payer }: HonestPayer, violations: Violations): Promise<void> {
  const { name } = node.plan
  const accepted = new Map<Hash, bigint>()
  const seen = new Set<string>()
  for (const { id } of await payer.compute.jobs()) {
    for (const { delivery, channel, amountMicroUsd } of (await payer.compute.evidence(id)).accepted) {
      const isNew = !seen.has(delivery)
      violations.check(isNew, 'nothing-twice', () => `${name} accepted the delivery ${delivery} twice`, [name])
      seen.add(delivery)
      accepted.set(channel, (accepted.get(channel) ?? 0n) + amountMicroUsd)
    }
  }
  const forgetful = forgetfulNodes(world)
  for (const channel of payer.market.channels()) {
    if (channel.quote.resource !== 'compute') continue
    const { acceptedMicroUsd } = channel.stats()
    const byJobs = accepted.get(channel.id) ?? 0n
    // What a provider lost with its power, or says that it lost, is not owed to it any more.
    const mayOweLess = forgetful.has(channel.terms.node) && acceptedMicroUsd <= byJobs
    violations.check(
      byJobs === acceptedMicroUsd || mayOweLess,
      'bill-is-sum',
      () => `${name}: the jobs accepted ${byJobs} on ${channel.id}, the channel owes ${acceptedMicroUsd}`,
      [name],
    )
  }
}

/** Providers that may not know any more what they delivered. */
function forgetfulNodes(world: World): ReadonlySet<Address> {
  const forgetful = world.nodes.filter(({ isHonest, powerLosses }) => !isHonest || powerLosses > 0)
  return new Set(forgetful.map(({ plan }) => plan.signer.address))
}

/** The payer knows where all of its money is: what it has, and what its purses hold or paid out. */
async function checkPurses(world: World, { node, payer }: HonestPayer, violations: Violations): Promise<void> {
  const { name, signer } = node.plan
  const { ledger } = world.parts
  let locked = 0n
  for (const { purse } of await payer.market.purses()) {
    const state = ledger.escrow.purse(purse)
    // What a closed one had left came home.
    if (state !== undefined) locked += state.closed ? state.claimedMicroUsd : state.totalMicroUsd
  }
  const spent = world.fundsMicroUsd - ledger.balances(signer.address).dollarMicroUsd
  violations.check(
    spent === locked,
    'purses-known',
    () => `${name} locked ${spent} micro-dollars on chain, its journal knows of ${locked}`,
    [name],
  )
}

/** On one channel a payer loses at most what its quote asks ahead, whatever the provider does. */
function checkLoss(
  world: World,
  { node, channel }: { readonly node: SimNode; readonly channel: PayerChannel },
  violations: Violations,
): void {
  const { name } = node.plan
  // The whole budget of a caretaker is paid ahead: rules of their own are about it.
  if (channel.quote.resource === 'care') return
  const { paidMicroUsd, acceptedMicroUsd } = channel.stats()
  const { prepayMicroUsd } = channel.quote.credit
  const claimed = world.parts.ledger.escrow.claimedMicroUsd(channel.id)
  violations.check(
    paidMicroUsd <= acceptedMicroUsd + prepayMicroUsd || forgetfulNodes(world).has(channel.terms.node),
    'paid-within-accepted',
    () =>
      `${name}: ${paidMicroUsd} is signed on ${channel.id}, ${acceptedMicroUsd} accepted, ${prepayMicroUsd} due ahead`,
    [name],
  )
  violations.check(
    paidMicroUsd <= acceptedMicroUsd + PREPAY_MAX_MICRO_USD,
    'payer-loss',
    () =>
      `${name}: ${paidMicroUsd} is signed on ${channel.id} for ${acceptedMicroUsd} accepted; at most ${PREPAY_MAX_MICRO_USD} may be lost`,
    [name],
  )
  violations.check(
    claimed <= paidMicroUsd,
    'claimed-within-vouchers',
    () => `${channel.id}: ${claimed} was claimed, the payer signed ${paidMicroUsd}`,
    [name],
  )
}

/** The default of what a payer pays ahead at the most. */
const PREPAY_MAX_MICRO_USD = 10_000n

/** Between honest nodes that kept their power, every accepted unit is signed, and every signature is money. */
function checkSettled(
  world: World,
  sides: { readonly node: SimNode; readonly channel: PayerChannel; readonly provider: SimNode | undefined },
  violations: Violations,
): void {
  const { node, channel, provider } = sides
  if (provider === undefined || provider.powerLosses + node.powerLosses > 0) return
  const { paidMicroUsd, acceptedMicroUsd } = channel.stats()
  const who = [node.plan.name, provider.plan.name]
  const claimed = world.parts.ledger.escrow.claimedMicroUsd(channel.id)
  violations.check(
    acceptedMicroUsd <= paidMicroUsd && claimed === paidMicroUsd,
    'units-paid',
    () => `${channel.id}: ${acceptedMicroUsd} accepted, ${paidMicroUsd} signed, ${claimed} claimed (${channel.state})`,
    who,
  )
}
