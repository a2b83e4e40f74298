import type { Hash } from '@stead/core'
import type { ChannelEarnings, ReceiptLine } from '@stead/sdk/api'

/** What one job paid a node. `net = gross - fee`. */
export interface JobEarnings {
  /** Undefined where only the payer knows it: then it is what one channel paid, or the rest of it. */
  readonly job: Hash | undefined
  readonly channels: readonly Hash[]
  readonly deliveries: number
  readonly fuel: bigint
  readonly grossMicroUsd: bigint
  readonly feeMicroUsd: bigint
  readonly gasWei: bigint
  readonly netMicroUsd: bigint
  /** Earned, and not claimed: on vouchers, or delivered and on none yet. */
  readonly unclaimedMicroUsd: bigint
  readonly unpaidMicroUsd: bigint
  /** Why there is something that is not claimed, or nothing at all; null when everything is. */
  readonly reason: string | null
}

/** What the books of a job are made of. */
export interface JobBooks {
  readonly channels: readonly ChannelEarnings[]
  /** Receipts of the node; those on other channels are left out. */
  readonly receipts: readonly ReceiptLine[]
  /** The jobs that deliveries were for, by {@link deliveriesOf}, as far as somebody knows them. */
  readonly jobs: ReadonlyMap<string, Hash>
}

/** One delivery on a bill. */
interface Delivery {
  /** Names it on both sides of the channel. */
  readonly key: string
  readonly line: ReceiptLine
}

/** A stretch of the cumulative amount of a channel's vouchers, in micro-dollars. */
interface Stretch {
  readonly from: bigint
  readonly to: bigint
}

/** Money of one job, or of none that is known, on one channel. */
interface Share {
  readonly job: Hash | undefined
  readonly earnings: Omit<JobEarnings, 'job' | 'channels'>
}

/**
 * Adds up what jobs brought, in the order in which channels were opened. A channel is used again by later jobs of the
 * same purse, so that money is booked by delivery; what cannot be, stays with the channel.
 */
export function jobEarnings({ channels, receipts, jobs }: JobBooks): readonly JobEarnings[] {
  const deliveries = Map.groupBy(deliveriesOf(receipts), ({ line }) => line.channel)
  const shares = channels.flatMap((channel) =>
    sharesOf(channel, deliveries.get(channel.channel) ?? [], jobs).map((share) => ({
      ...share,
      channel: channel.channel,
    })),
  )
  return [...Map.groupBy(shares, ({ job, channel }) => job ?? channel).values()].flatMap((own) => {
    const [first] = own
    if (first === undefined) return []
    const channels = own.map(({ channel }) => channel)
    return [{ ...sumOf(own.map(({ earnings }) => earnings)), job: first.job, channels }]
  })
}

/** Names each delivery by channel, increment and its place in it, which payer and provider have in common. */
function deliveriesOf(receipts: readonly ReceiptLine[]): readonly Delivery[] {
  const places = new Map<string, number>()
  return receipts.map((line) => {
    const increment = `${line.channel} ${line.increment}`
    const place = places.get(increment) ?? 0
    places.set(increment, place + 1)
    return { key: `${increment} ${place}`, line }
  })
}

/** The job of each delivery, from receipts of a payer, who knows it. */
export function jobsByDelivery(receipts: readonly ReceiptLine[]): ReadonlyMap<string, Hash> {
  return new Map(deliveriesOf(receipts).flatMap(({ key, line }) => (line.job === undefined ? [] : [[key, line.job]])))
}

/** A channel's earnings by job; last, what no known job accounts for. */
function sharesOf(
  channel: ChannelEarnings,
  deliveries: readonly Delivery[],
  jobs: ReadonlyMap<string, Hash>,
): readonly Share[] {
  const placed = [...placedOf(channel, deliveries)]
  const known = Map.groupBy(placed, ({ key }) => jobs.get(key))
  const shares = Array.from(known, ([job, own]) => ({ job, own })).flatMap(({ job, own }) =>
    job === undefined ? [] : [{ job, earnings: sumOf(own.map(({ line, at }) => earningsOf(channel, line, at))) }],
  )
  const booked = sumOf(shares.map(({ earnings }) => earnings))
  const unknown = known.get(undefined) ?? []
  const rest = restOf(
    channel,
    booked,
    unknown.map(({ line }) => line),
  )
  return isEmpty(rest) && shares.length > 0 ? shares : [...shares, { job: undefined, earnings: rest }]
}

/**
 * Where each delivery lies in the cumulative amount of the vouchers, which a claim takes from its beginning. Where the
 * oldest receipts are gone, the others lie at its end.
 */
function* placedOf(
  { grossMicroUsd, unclaimedMicroUsd }: ChannelEarnings,
  deliveries: readonly Delivery[],
): Generator<Delivery & { readonly at: Stretch }> {
  const inOrder = deliveries.toSorted((left, right) => left.line.increment - right.line.increment)
  const sum = inOrder.reduce((total, { line }) => total + line.amountMicroUsd, 0n)
  const vouchers = grossMicroUsd + unclaimedMicroUsd
  const isWhole = inOrder[0]?.line.increment === 0
  let from = isWhole || vouchers < sum ? 0n : vouchers - sum
  for (const delivery of inOrder) {
    const to = from + delivery.line.amountMicroUsd
    yield { ...delivery, at: { from, to } }
    from = to
  }
}

function earningsOf(channel: ChannelEarnings, line: ReceiptLine, { from, to }: Stretch): Share['earnings'] {
  const claimed = channel.grossMicroUsd
  const [start, end] = [least(from, claimed), least(to, claimed)]
  // Differences of rounded sums add up to what the channel paid, however it is cut.
  const part = (total: bigint): bigint => (claimed === 0n ? 0n : (total * end) / claimed - (total * start) / claimed)
  const grossMicroUsd = end - start
  const feeMicroUsd = part(channel.feeMicroUsd)
  const vouchers = claimed + channel.unclaimedMicroUsd
  const unclaimedMicroUsd = least(to, vouchers) - least(from, vouchers) - grossMicroUsd
  return {
    deliveries: 1,
    fuel: line.quantity,
    grossMicroUsd,
    feeMicroUsd,
    gasWei: part(channel.gasWei),
    netMicroUsd: grossMicroUsd - feeMicroUsd,
    unclaimedMicroUsd,
    unpaidMicroUsd: 0n,
    reason: unclaimedMicroUsd > 0n ? channel.reason : null,
  }
}

function restOf(channel: ChannelEarnings, booked: Share['earnings'], lines: readonly ReceiptLine[]): Share['earnings'] {
  const unclaimedMicroUsd = channel.unclaimedMicroUsd - booked.unclaimedMicroUsd
  const { unpaidMicroUsd } = channel
  const isPaidLate = unclaimedMicroUsd === 0n && unpaidMicroUsd > 0n
  return {
    deliveries: lines.length,
    fuel: lines.reduce((total, { quantity }) => total + quantity, 0n),
    grossMicroUsd: channel.grossMicroUsd - booked.grossMicroUsd,
    feeMicroUsd: channel.feeMicroUsd - booked.feeMicroUsd,
    gasWei: channel.gasWei - booked.gasWei,
    netMicroUsd: channel.netMicroUsd - booked.netMicroUsd,
    unclaimedMicroUsd,
    unpaidMicroUsd,
    reason: isPaidLate ? 'not-paid-yet' : channel.reason,
  }
}

function isEmpty({ deliveries, grossMicroUsd, gasWei, unclaimedMicroUsd, unpaidMicroUsd }: Share['earnings']): boolean {
  return deliveries === 0 && [grossMicroUsd, gasWei, unclaimedMicroUsd, unpaidMicroUsd].every((each) => each === 0n)
}

function sumOf(parts: readonly Share['earnings'][]): Share['earnings'] {
  const sum = (of: (each: Share['earnings']) => bigint): bigint => parts.reduce((total, each) => total + of(each), 0n)
  return {
    deliveries: parts.reduce((total, each) => total + each.deliveries, 0),
    fuel: sum((each) => each.fuel),
    grossMicroUsd: sum((each) => each.grossMicroUsd),
    feeMicroUsd: sum((each) => each.feeMicroUsd),
    gasWei: sum((each) => each.gasWei),
    netMicroUsd: sum((each) => each.netMicroUsd),
    unclaimedMicroUsd: sum((each) => each.unclaimedMicroUsd),
    unpaidMicroUsd: sum((each) => each.unpaidMicroUsd),
    reason: parts.find(({ reason }) => reason !== null)?.reason ?? null,
  }
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right
}
