import type { ContentId, Fuel, Store, StoreOperation } from '@stead/core'
import type { TaskEntry } from './job-ledger.ts'
import { decodeRow, encodeRow } from './json-row.ts'

/** Table of one JSON document per module. */
const TABLE = 'compute-fuel'

interface FuelRow {
  readonly tasks: number
  readonly fuel: string
}

/** What a module's tasks took on average in the last job that used it; undefined when it was never used. */
export async function meanFuelOf(store: Store, module: ContentId): Promise<Fuel | undefined> {
  const value = await store.get(TABLE, module)
  if (value === undefined) return undefined
  const { tasks, fuel } = decodeRow<FuelRow>(value)
  return tasks > 0 ? ((BigInt(fuel) / BigInt(tasks)) as Fuel) : undefined
}

/** The rows that remember what the modules of a job took. */
export function fuelOperations(tasks: readonly TaskEntry[]): StoreOperation[] {
  const sums = new Map<ContentId, { tasks: number; fuel: bigint }>()
  for (const { plan, agreed } of tasks) {
    if (agreed === undefined) continue
    const sum = sums.get(plan.module) ?? { tasks: 0, fuel: 0n }
    sums.set(plan.module, sum)
    sum.tasks++
    sum.fuel += agreed.record.fuel
  }
  return Array.from(sums, ([key, { tasks: count, fuel }]) => {
    const row: FuelRow = { tasks: count, fuel: fuel.toString() }
    return { kind: 'put', table: TABLE, key, value: encodeRow(row) }
  })
}
