import type { Hash, Store } from '@stead/core'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** Timers of a node that has nothing to do, besides two of each channel: a quote that ends, a peer that is tried again. */
const IDLE_TIMERS_MAX = 4
/** Timers of the duties of a bonded node besides those for each other node. */
const EPOCH_TIMERS_MAX = 20
/** An offer more, and what quotes and purses of a buyer need. */
const CARE_TIMERS_MAX = 2
const WAITING = 'deliveries of a channel that wait for payment'

/** A node at rest has nothing left over: no timers of what is done, no rows of what is paid. */
export async function checkRest(world: World, violations: Violations): Promise<void> {
  for (const node of [...world.payers, ...world.providers]) {
    if (!node.isAlive) continue
    const { name } = node.plan
    const { timers } = node.sizes()
    // Epochs go on: a probe of each other node in this and the next window, questions to peers and to the chain.
    const ofEpochs = node.epochs === undefined ? 0 : EPOCH_TIMERS_MAX + 3 * world.nodes.length
    const bought = node.payer?.market ?? node.provider?.care?.market
    const ofCare = node.provider?.care === undefined ? 0 : CARE_TIMERS_MAX
    const timersMax = ofCare + IDLE_TIMERS_MAX + ofEpochs + 2 * (bought?.channels().length ?? 0)
    violations.check(
      timers <= timersMax,
      'timers-idle',
      () => `${name} is at rest and has ${timers} timers, ${timersMax} are needed at the most`,
      [name],
    )
    for (const { table, rows, rowsMax } of await leftovers(node))
      violations.check(
        rows <= rowsMax,
        'journal-swept',
        () => `${name} keeps ${rows} rows in ${table}, ${rowsMax} are needed`,
        [name],
      )
  }
}

/** Tables of what is under way, with the rows that its books need. */
async function leftovers(node: SimNode) {
  const { payer, provider, store } = node
  if (payer !== undefined) return await unpaidRows(payer, store)
  const rowsOf = async (table: string): Promise<number> => (await store.scan(table)).length
  if (provider === undefined) return []
  const waiting = provider.market.sizes().filter(({ what }) => what === WAITING)
  const delivered = { table: 'market-provider-delivered', rowsMax: waiting.reduce((sum, { have }) => sum + have, 0) }
  const claiming = { table: 'market-provider-claiming', rowsMax: 0 }
  return Promise.all([delivered, claiming].map(async (each) => ({ ...each, rows: await rowsOf(each.table) })))
}

/**
 * What a payer accepted and has not signed for. A channel that is lost rests with it, and may be asked for it until its purse
 * is closed; where all is paid on those in use, nothing else is left.
 */
async function unpaidRows({ market }: LivePayer, store: Store) {
  const table = 'market-payer-accepted'
  const channels = market.channels()
  if (channels.some((channel) => channel.stats().unpaidMicroUsd > 0n)) return []
  const used = new Set(channels.map(({ id }) => id))
  const open = (await market.purses()).filter(({ stage }) => stage !== 'closed')
  const resting = new Set(open.flatMap(({ channels: all }) => all.filter((channel) => !used.has(channel))))
  const channelOf = (key: string): Hash => `0x${key.slice(0, key.indexOf('/'))}` as Hash
  const rows = (await store.scan(table)).filter(({ key }) => !resting.has(channelOf(key)))
  return [{ table, rows: rows.length, rowsMax: 0 }]
}
