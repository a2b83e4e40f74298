import { isSteadError } from '@stead/core'
import { type LiveStorageBuyer, stopStorageBuyer } from '../world/node-storage.ts'
import type { SimNode } from '../world/sim-node.ts'
import { readFault } from '../world/storage-workload.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** An honest payer that keeps objects. */
export interface KeepingPayer {
  readonly node: SimNode
  readonly storage: LiveStorageBuyer
}

/** Longer than a node that is gone is waited for, and some periods. */
const REPAIR_MINUTES_MAX = 5
const READ_MINUTES_MAX = 3
const STOP_MINUTES_MAX = 3

/** Some time after the last fault all objects are there, whole and nowhere else; then payers look after them no more. */
export async function checkStorage(world: World, violations: Violations, look: () => void): Promise<void> {
  if (world.options.hasStorage !== true) return
  const payers = world.payers.flatMap((node): KeepingPayer[] =>
    node.payer?.storage === undefined ? [] : [{ node, storage: node.payer.storage }],
  )
  await world.healPhase(async () => false, REPAIR_MINUTES_MAX, look)
  await checkReadable(world, payers, violations, look)
  await allDone(
    world,
    payers.map(({ storage }) => stopStorageBuyer(storage)),
    { minutesMax: STOP_MINUTES_MAX, look },
  )
}

/** Every object whose writing was acknowledged is what was written, byte by byte. */
async function checkReadable(
  world: World,
  payers: readonly KeepingPayer[],
  violations: Violations,
  look: () => void,
): Promise<void> {
  const reads = payers.map(async ({ node, storage }) => {
    const kept = world.objects.keptOf(node)
    const { name } = node.plan
    for (const key of kept.keys) {
      const whole = { key, fromByte: 0, toByte: kept.lengthOf(key) }
      let fault: string | undefined
      try {
        fault = await readFault(kept, storage, whole)
      } catch (error) {
        if (!isSteadError(error)) throw error
        fault = `${key} cannot be read: ${error.code}, ${error.message}`
      }
      violations.check(fault === undefined, 'objects-readable', () => `${name}: ${fault}`, [name])
    }
  })
  const isInTime = await allDone(world, reads, { minutesMax: READ_MINUTES_MAX, look })
  violations.check(isInTime, 'objects-readable', () => `reading takes longer than ${READ_MINUTES_MAX} minutes`, [])
}

/** Lets the world go on until some work is done; false when it is not in time. */
async function allDone(
  world: World,
  work: readonly Promise<unknown>[],
  { minutesMax, look }: { readonly minutesMax: number; readonly look: () => void },
): Promise<boolean> {
  let isOver = false
  void Promise.all(work).then(
    () => {
      isOver = true
    },
    (error: unknown) => {
      isOver = true
      world.bugs.push(`a question of storage failed: ${String(error)}`)
    },
  )
  return await world.healPhase(async () => isOver, minutesMax, look)
}
