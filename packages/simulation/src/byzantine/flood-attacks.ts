import { BLOBS_PROTOCOL, COMPUTE_PROTOCOL } from '@stead/compute'
import { MARKET_PROTOCOL, OFFERS_PROTOCOL } from '@stead/market'
import { unlessRefused } from '../engine/refusals.ts'
import type { Attack } from './attack.ts'
import { padded } from './field-mutations.ts'
import { HAND_ALLOCATION } from './hand-payer.ts'
import { HAND_TASK, handTaskOf } from './hand-task.ts'

const FLOOD = 150
const PROTOCOLS = [COMPUTE_PROTOCOL, OFFERS_PROTOCOL, MARKET_PROTOCOL, BLOBS_PROTOCOL]
/** As much as a protocol lets through, and more than any does. */
const SIZES_BYTES = [30_000, 300_000, 600_000, 1_300_000]
const REJECTIONS_AT_ONCE = 2000
const QUOTES = 12
const OPENINGS = 40
const MODULES = 12
const UNREAD = 6
/** Windows that are paid first, so that more tasks may be asked for than there are places. */
const PAID_ROUNDS = 2
const TASKS_AT_ONCE = 400

/** Sends what is no message, and more messages than anybody reads. */
export const floods: Attack = async (payer) => {
  const target = payer.target()
  if (target === undefined) return
  const { random } = payer.parts
  await Promise.allSettled(Array.from({ length: FLOOD }, () => payer.quote(target.peer)))
  for (const protocol of PROTOCOLS)
    await unlessRefused(payer.raw(target.peer, protocol, random.bytes(Math.floor(random.fraction() * 2000))))
}

/** Sends valid messages with so much behind them that they are at a protocol's limit, or above it. */
export const oversizes: Attack = async (payer) => {
  const target = payer.target()
  if (target === undefined) return
  for (const bytes of SIZES_BYTES)
    for (const protocol of PROTOCOLS)
      await unlessRefused(payer.raw(target.peer, protocol, padded(payer.quoteRequest(), bytes)))
}

/** Tries to make every table of a provider grow: quotes, channels, rejections, modules, blobs, tasks that wait. */
export const hoards: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  const { random } = payer.parts
  const { peer } = channel.facts
  await channel.pay(await channel.runMany(5))
  for (let round = 0; round < 3; round++) {
    const deliveries = Array.from({ length: REJECTIONS_AT_ONCE }, () => random.bytes(16))
    await unlessRefused(channel.rejectAll(deliveries))
  }
  for (let number = 0; number < QUOTES; number++) {
    const quote = await payer.quote(peer)
    if (quote !== undefined) await unlessRefused(payer.open(quote, channel.facts.purse))
  }
  for (let number = 0; number < MODULES; number++) {
    const module = random.bytes(200)
    await unlessRefused(channel.run(undefined, { task: handTaskOf(module), blobs: [module] }))
  }
  for (let number = 0; number < OPENINGS; number++) {
    const quote = await payer.quote(peer)
    if (quote === undefined) break
    const purse = payer.purseFor(quote, HAND_ALLOCATION)
    await payer.fund(purse)
    await unlessRefused(payer.open(quote, purse))
  }
  await Promise.allSettled(Array.from({ length: TASKS_AT_ONCE }, () => channel.run()))
}

/** Names modules and inputs that it gives late or never, so that places wait for them. */
export const starves: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  for (let round = 0; round < PAID_ROUNDS; round++) await channel.pay(await channel.runMany(TASKS_AT_ONCE))
  const { random, blobs } = payer.parts
  const modules = await Promise.all(
    Array.from({ length: UNREAD }, async () => {
      const module = random.bytes(200)
      blobs.grant(channel.facts.peer, await blobs.cache.put(module))
      return handTaskOf(module)
    }),
  )
  const runs = Array.from({ length: TASKS_AT_ONCE }, (_, index) =>
    channel.run(undefined, { task: modules[index % UNREAD] ?? HAND_TASK, blobs: [] }),
  )
  await Promise.allSettled(runs)
}
