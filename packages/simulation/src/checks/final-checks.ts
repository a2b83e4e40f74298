import type { Address } from '@stead/core'
import type { StoredReceipt } from '@stead/market'
import type { LivePayer } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { checkJobs } from './job-checks.ts'
import { checkPayer } from './payer-checks.ts'
import { type BoughtReceipts, checkProvider } from './provider-checks.ts'
import type { Violations } from './violations.ts'

/** What the books of honest nodes say after a run, when all have settled. */
export async function checkBooks(world: World, violations: Violations): Promise<void> {
  for (const { plan, isAlive, isHonest } of world.nodes) {
    const isUp = isAlive || !isHonest
    violations.check(isUp, 'all-up', () => `${plan.name} is not up after everything was mended`, [plan.name])
  }
  for (const node of world.payers) {
    const { payer } = node
    if (payer === undefined) continue
    await checkJobs(world, { node, payer }, violations)
    await checkPayer(world, { node, payer }, violations)
  }
  const bought = await boughtReceipts(world)
  for (const node of world.providers) {
    const { provider } = node
    if (provider !== undefined) await checkProvider(world, { node, provider, bought }, violations)
  }
}

/** Read once, because each provider is compared with each payer. */
async function boughtReceipts(world: World): Promise<BoughtReceipts> {
  const bought = new Map<LivePayer, ReadonlyMap<Address, readonly StoredReceipt[]>>()
  for (const { payer } of world.payers) {
    if (payer === undefined) continue
    bought.set(
      payer,
      Map.groupBy(await payer.market.receipts({}), ({ evidence }) => evidence.terms.node),
    )
  }
  return bought
}
