import { isSteadError } from '@stead/core'
import { decodeReference, pieceNameOf } from '@stead/storage'
import { type LiveStorageBuyer, stopStorageBuyer } from '../world/node-storage.ts'
import type { SimNode } from '../world/sim-node.ts'
import { readFault } from '../world/storage-workload.ts'
import type { World } from '../world/world.ts'
import { agreementsOf, checkKeptPieces, hasEnded } from './kept-pieces.ts'
import { segmentHealth } from './segment-health.ts'
import type { Violations } from './violations.ts'

/** An honest payer that keeps objects. */
export interface KeepingPayer {
  readonly node: SimNode
  readonly storage: LiveStorageBuyer
}

const MINUTE_MS = 60_000
/** Longer than a node that is gone is waited for, and some periods. */
const REPAIR_MINUTES_MAX = 5
const READ_MINUTES_MAX = 3
/** With nodes that answer as slowly as they may, each repair takes minutes. */
const ROUNDS_MINUTES_MAX = 15
const STOP_MINUTES_MAX = 2
const ROUNDS_MS_MAX = 75_000
const BETWEEN_ROUNDS_MS = 15_000
/** Two sweeps of a node after what is not agreed on is over. */
const SWEEP_MINUTES = 3

/** Some time after the last fault all objects are there, whole and nowhere else; then payers look after them no more. */
export async function checkStorage(world: World, violations: Violations, look: () => void): Promise<void> {
  if (world.options.hasStorage !== true) return
  const payers = world.payers.flatMap((node): KeepingPayer[] =>
    node.payer?.storage === undefined ? [] : [{ node, storage: node.payer.storage }],
  )
  await checkRedundancy(world, payers, violations, look)
  await checkReadable(world, payers, violations, look)
  await stopCaretakers(world, violations, look)
  const { clock } = world.parts.hub
  const settled = payers.map(async ({ storage }) => {
    await storage.sweep.stop()
    // A node that has not seen yet that a purse is on chain again takes no revision. The last round sees what became of all.
    const endMs = clock.monotonicMs() + ROUNDS_MS_MAX
    while ((await storage.consumer.round()).outcomes.offline > 0 && clock.monotonicMs() < endMs)
      await clock.sleep(BETWEEN_ROUNDS_MS)
    await storage.consumer.round()
  })
  const areSettled = await allDone(world, settled, { minutesMax: ROUNDS_MINUTES_MAX, look })
  violations.check(areSettled, 'storage-stops', () => `last rounds take longer than ${ROUNDS_MINUTES_MAX} minutes`, [])
  const stopped = payers.map(({ storage }) => stopStorageBuyer(storage))
  const areStopped = await allDone(world, stopped, { minutesMax: STOP_MINUTES_MAX, look })
  violations.check(areStopped, 'storage-stops', () => `payers take longer than ${STOP_MINUTES_MAX} minutes to stop`, [])
  await world.healPhase(async () => false, SWEEP_MINUTES, look)
  await allDone(world, [checkOrphans(world, payers, violations)], { minutesMax: STOP_MINUTES_MAX, look })
  await allDone(world, [checkKeptPieces(world, violations)], { minutesMax: STOP_MINUTES_MAX, look })
}

/** From here on payers are silent, and nobody is to take that for an absence. */
async function stopCaretakers(world: World, violations: Violations, look: () => void): Promise<void> {
  const stopped = world.caretakers.map(async ({ provider }) => await provider?.care?.caretaker.stop())
  if (stopped.length === 0) return
  const areStopped = await allDone(world, stopped, { minutesMax: STOP_MINUTES_MAX, look })
  violations.check(areStopped, 'storage-stops', () => `caretakers take longer than ${STOP_MINUTES_MAX} minutes`, [])
}

/** No payer pays honest nodes for pieces that no segment of it names. */
async function checkOrphans(world: World, payers: readonly KeepingPayer[], violations: Violations): Promise<void> {
  for (const { node, storage } of payers) {
    const named = new Set<string>()
    for await (const { reference, placed } of storage.consumer.segments.all()) {
      const { segment } = decodeReference(reference)
      for (const { number, node: keeper } of placed) named.add(`${keeper} ${pieceNameOf(segment, number)}`)
    }
    for (const keeper of world.providers)
      for (const agreement of agreementsOf(world, keeper)) {
        if (agreement.payer !== node.plan.signer.address || (await hasEnded(keeper, agreement))) continue
        const who = [node.plan.name, keeper.plan.name]
        for (const { piece } of agreement.pieces.values())
          violations.check(
            named.has(`${agreement.node} ${piece}`),
            'no-orphans',
            () => `${who[0]} pays ${who[1]} for the piece ${piece}, which is of no segment`,
            who,
          )
      }
  }
}

/** What can be read comes to have all its pieces again. */
async function checkRedundancy(
  world: World,
  payers: readonly KeepingPayer[],
  violations: Violations,
  look: () => void,
): Promise<void> {
  const thin = new Map<KeepingPayer, number>()
  const count = async (): Promise<void> => {
    for (const payer of payers) thin.set(payer, (await segmentHealth(world, payer)).thin)
  }
  const endMs = world.parts.scheduler.nowMs + REPAIR_MINUTES_MAX * MINUTE_MS
  // A disk that finds a piece rotten notes it, and that takes its time.
  do await allDone(world, [count()], { minutesMax: REPAIR_MINUTES_MAX, look })
  while (world.parts.scheduler.nowMs < endMs && [...thin.values()].some((segments) => segments > 0))
  for (const payer of payers) {
    const { name } = payer.node.plan
    const segments = thin.get(payer)
    violations.check(
      segments === 0,
      'redundancy-back',
      () => `${segments} segments of ${name} have too few pieces ${REPAIR_MINUTES_MAX} minutes after all is mended`,
      [name],
    )
  }
}

/** Every object whose writing was acknowledged is what was written, byte by byte. */
async function checkReadable(
  world: World,
  payers: readonly KeepingPayer[],
  violations: Violations,
  look: () => void,
): Promise<void> {
  const reads = payers.map(async (payer) => {
    const { node, storage } = payer
    const { name } = node.plan
    const { lost } = await segmentHealth(world, payer)
    if (lost > 0) world.parts.tally.add('lost segments')
    // Cheats and rot may have taken more pieces than the code can do without. Where there are none all is read: what is lost
    // then is of an object that somebody gave up.
    if (lost > 0 && mayLose(world)) return
    const kept = world.objects.keptOf(node)
    for (const key of kept.keys) {
      let fault: string | undefined
      try {
        fault = await readFault(kept, storage, { key })
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

function mayLose({ nodes }: World): boolean {
  return nodes.some(({ isHonest, rottenPieces }) => !isHonest || rottenPieces > 0)
}

/** Lets the world go on until some work is done; false when it is not in time. */
export async function allDone(
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
