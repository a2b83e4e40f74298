import type { Address, ClaimsCredited, EventPlace, RewardPaid, UnixMs } from '@stead/core'
import type { OpenEconomy } from '../chain/with-economy.ts'
import type { Column } from '../terminal/table.ts'

/** An event with the time of its block. */
export type Timed<Event extends EventPlace> = Event & { readonly at: UnixMs }

/** Questions to one endpoint at a time. */
const READS_AT_ONCE = 16

async function withTimes<Event extends EventPlace>(
  { history }: OpenEconomy,
  events: readonly Event[],
): Promise<readonly Timed<Event>[]> {
  const numbers = [...new Set(events.map(({ blockNumber }) => blockNumber))]
  const times = new Map<number, UnixMs>()
  for (let from = 0; from < numbers.length; from += READS_AT_ONCE) {
    const marks = await Promise.all(numbers.slice(from, from + READS_AT_ONCE).map((number) => history.block(number)))
    for (const { number, at } of marks) times.set(number, at)
  }
  return events.map((event) => ({ ...event, at: times.get(event.blockNumber) ?? (0 as UnixMs) }))
}

/** All claims that were ever credited to an operator. */
export async function settlementRows(open: OpenEconomy, operator: Address): Promise<readonly Timed<ClaimsCredited>[]> {
  return await withTimes(open, await open.ledger.claims(await wholeSpan(open), operator))
}

/** All rewards that were ever paid to an operator. */
export async function rewardRows(open: OpenEconomy, operator: Address): Promise<readonly Timed<RewardPaid>[]> {
  return await withTimes(open, await open.ledger.rewardsPaid(await wholeSpan(open), operator))
}

async function wholeSpan({ history }: OpenEconomy): Promise<{ readonly fromBlock: number; readonly toBlock: number }> {
  return { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
}

const place: readonly Column<Timed<EventPlace>>[] = [
  { title: 'time', value: (row) => new Date(row.at).toISOString() },
  { title: 'block', value: (row) => String(row.blockNumber) },
  { title: 'transaction', value: (row) => row.transaction },
]

/** Columns of settlements; amounts are whole micro-dollars. */
export const settlementColumns: readonly Column<Timed<ClaimsCredited>>[] = [
  ...place,
  { title: 'node', value: (row) => row.node },
  { title: 'operator', value: (row) => row.operator },
  { title: 'grossMicroUsd', value: (row) => String(row.grossMicroUsd) },
  { title: 'feeMicroUsd', value: (row) => String(row.feeMicroUsd) },
  { title: 'netMicroUsd', value: (row) => String(row.grossMicroUsd - row.feeMicroUsd) },
]

/** Columns of rewards; amounts are token units by the program that mints, micro-dollars by all others. */
export const rewardColumns: readonly Column<Timed<RewardPaid>>[] = [
  ...place,
  { title: 'program', value: (row) => row.program },
  { title: 'operator', value: (row) => row.operator },
  { title: 'amountUnits', value: (row) => String(row.amountUnits) },
  { title: 'cumulativeUnits', value: (row) => String(row.cumulativeUnits) },
]
