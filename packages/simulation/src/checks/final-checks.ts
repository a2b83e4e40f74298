import { isFinal } from '@stead/compute'
import type { Address, Hash, MicroUsd } from '@stead/core'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { receiptFault } from './receipt-fault.ts'
import type { Violations } from './violations.ts'

/** What everybody's books say after a run, when all have settled. */
export async function checkBooks(world: World, violations: Violations): Promise<void> {
  const providers = new Map(world.nodes.map((node) => [node.plan.signer.address, node] as const))
  for (const { plan, payer, provider } of world.nodes) {
    const isUp = payer !== undefined || provider !== undefined
    violations.check(isUp, 'all-up', () => `${plan.name} is not up after everything was mended`, [plan.name])
  }
  for (const node of world.payers) {
    const { payer } = node
    const { name } = node.plan
    if (payer === undefined) continue
    await checkJobs(payer, name, violations)
    await checkBills(payer, name, violations)
    const fault = await receiptFault(world.parts, payer)
    violations.check(fault === undefined, 'receipts-verify', () => `${name}: ${fault}`, [name])
    await checkChannels(world, { node, payer, providers }, violations)
  }
}

async function checkJobs(payer: LivePayer, name: string, violations: Violations): Promise<void> {
  for (const { id, state } of await payer.compute.jobs()) {
    violations.check(isFinal(state), 'jobs-end', () => `the job ${id} of ${name} is ${state} at the end`, [name])
  }
}

/** What jobs accepted is what channels owe, delivery by delivery, and nothing twice. */
async function checkBills(payer: LivePayer, name: string, violations: Violations): Promise<void> {
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
  for (const channel of payer.market.channels()) {
    const { acceptedMicroUsd } = channel.stats()
    const byJobs = accepted.get(channel.id) ?? 0n
    violations.check(
      byJobs === acceptedMicroUsd,
      'bill-is-sum',
      () => `${name}: the jobs accepted ${byJobs} on ${channel.id}, the channel owes ${acceptedMicroUsd}`,
      [name],
    )
  }
}

interface Sides {
  readonly node: SimNode
  readonly payer: LivePayer
  readonly providers: ReadonlyMap<Address, SimNode>
}

/** Both sides of each channel, and the chain, agree on who owes what. */
async function checkChannels(world: World, { node, payer, providers }: Sides, violations: Violations): Promise<void> {
  for (const channel of payer.market.channels()) {
    const { paidMicroUsd, acceptedMicroUsd, prepaidMicroUsd } = channel.stats()
    const provider = providers.get(channel.terms.node)
    const who = [node.plan.name, provider?.plan.name ?? '']
    const claimed: MicroUsd = world.parts.ledger.escrow.claimedMicroUsd(channel.id)
    violations.check(
      claimed <= paidMicroUsd,
      'claimed-within-vouchers',
      () => `${channel.id}: ${claimed} was claimed, the payer signed ${paidMicroUsd}`,
      who,
    )
    violations.check(
      paidMicroUsd <= acceptedMicroUsd + prepaidMicroUsd,
      'paid-within-accepted',
      () => `${channel.id}: ${paidMicroUsd} was paid, ${acceptedMicroUsd} accepted and ${prepaidMicroUsd} prepaid`,
      who,
    )
    const report = (await provider?.provider?.market.earnings())?.channels.find(({ channel: id }) => id === channel.id)
    if (report === undefined) continue
    violations.check(
      report.paidMicroUsd <= paidMicroUsd,
      'vouchers-known',
      () => `${channel.id}: the provider has a voucher over ${report.paidMicroUsd}, the payer knows of ${paidMicroUsd}`,
      who,
    )
    violations.check(
      report.claimedMicroUsd === report.paidMicroUsd,
      'all-claimed',
      () => `${channel.id}: ${report.claimedMicroUsd} of ${report.paidMicroUsd} is claimed after settling`,
      who,
    )
  }
}
