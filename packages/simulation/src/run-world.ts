import { isFinal } from '@stead/compute'
import { isSteadError } from '@stead/core'
import { checkCare } from './checks/care-checks.ts'
import { checkEclipse } from './checks/eclipse-checks.ts'
import { checkEpochs } from './checks/epoch-checks.ts'
import { checkBooks } from './checks/final-checks.ts'
import { checkHealth, checkIdle } from './checks/health-checks.ts'
import { checkRest } from './checks/rest-checks.ts'
import { checkRooms } from './checks/room-checks.ts'
import type { RuleName } from './checks/rules.ts'
import { RunningChecks } from './checks/running-checks.ts'
import { checkStorageBooks } from './checks/storage-books.ts'
import { checkStorage } from './checks/storage-checks.ts'
import { type Violation, Violations } from './checks/violations.ts'
import type { TallyEntry } from './engine/tally.ts'
import { type Story, storyOf } from './story/story.ts'
import type { StorageCounts } from './world/storage-workload.ts'
import { World, type WorldComponents, type WorldOptions } from './world/world.ts'
import type { EconomyCounts } from './world/world-economy.ts'

/** What became of a run. */
export interface WorldVerdict {
  readonly options: WorldOptions
  /** Equal for equal runs. */
  readonly traceHash: string
  readonly violations: readonly Violation[]
  /** What explains the first violation; undefined when there is none. */
  readonly story: Story | undefined
  readonly simulatedMs: number
  readonly events: number
  readonly messages: number
  readonly jobs: number
  /** What went wrong, by name. */
  readonly faults: ReadonlyMap<string, TallyEntry>
  /** Nodes that cheated, by how they did. */
  readonly cheats: ReadonlyMap<string, number>
  /** How often each rule was looked at. */
  readonly looks: ReadonlyMap<RuleName, number>
  /** Undefined in a world without epochs. */
  readonly economy?: EconomyCounts
  /** Undefined in a world without storage. */
  readonly storage?: StorageCounts
}

/** After the faults: longer than any retry, back-off and deadline of the code. */
const HEAL_MINUTES_MAX = 20
const SETTLE_MINUTES_MAX = 5
const THAW_MINUTES = 6
const TOLD_MINUTES = 0.25

/** Plays one world: faults for a while, then peace, then everybody settles, then the books are compared. */
export async function runWorld(components: WorldComponents, options: WorldOptions): Promise<WorldVerdict> {
  const world = new World(components, options)
  const violations = new Violations({
    nowMs: () => world.parts.scheduler.nowMs,
    first: () => {
      world.trace.stopKeeping()
      world.parts.conversations.stop()
    },
  })
  const running = new RunningChecks(world, violations)
  const look = (): void => running.look()
  const isRunning = (await world.start()) === 'time' && (await world.faultPhase(look)) === 'time'
  violations.check(isRunning, 'no-loop', () => 'events follow each other, and time does not go on', [])
  if (!isRunning) return verdictOf(world, violations)
  components.onPeace?.()
  await checkEclipse(world, violations, look)
  const isAtRest = await world.healPhase(() => areJobsOver(world), HEAL_MINUTES_MAX, look)
  violations.check(isAtRest, 'comes-to-rest', () => `jobs go on ${HEAL_MINUTES_MAX} minutes after the last fault`, [])
  await checkHealth(world, violations, look)
  // What is rejected is told within a second.
  await world.healPhase(async () => false, TOLD_MINUTES, look)
  await checkRooms(world, violations, look)
  await checkEpochs(world, violations, look)
  // Long enough for a thaw that a cheat began to end, and for the claims before that.
  if (world.cheats.length > 0) await world.healPhase(async () => false, THAW_MINUTES, look)
  await checkCare(world, violations, look)
  await checkStorage(world, violations, look)
  world.endCheats()
  await settleAll(world, look)
  await checkBooks(world, violations)
  checkStorageBooks(world, violations)
  await checkIdle(world, violations, look)
  await checkRest(world, violations)
  look()
  return verdictOf(world, violations)
}

function verdictOf(world: World, violations: Violations): WorldVerdict {
  const { scheduler, hub } = world.parts
  const [first] = violations.all
  return {
    options: world.options,
    traceHash: world.trace.hash,
    violations: violations.all,
    story: first === undefined ? undefined : storyOf(world, first),
    simulatedMs: scheduler.nowMs,
    events: scheduler.fired,
    messages: hub.counts.messages,
    jobs: world.workload.counts.submitted,
    faults: world.parts.tally.entries,
    cheats: countsOf(world.cheats.flatMap(({ plan }) => plan.cheat ?? [])),
    looks: violations.looks,
    ...(world.economy === undefined ? {} : { economy: world.economy.counts }),
    ...(world.options.hasStorage === true
      ? { storage: { ...world.objects.counts, paidPeriods: world.parts.storageWitness.paidPeriods } }
      : {}),
  }
}

function countsOf(names: readonly string[]): ReadonlyMap<string, number> {
  const groups = Map.groupBy(names, (name) => name)
  return new Map(Array.from(groups, ([name, { length }]) => [name, length]))
}

async function areJobsOver(world: World): Promise<boolean> {
  for (const { payer } of world.payers) {
    if (payer === undefined) return false
    if (!(await payer.compute.jobs()).every(({ state }) => isFinal(state))) return false
  }
  return true
}

/** Payers first: providers claim what their last vouchers say. */
async function settleAll(world: World, look: () => void): Promise<void> {
  await settled(
    world,
    world.payers.map(
      ({ payer }) =>
        () =>
          payer?.market.settle(),
    ),
    look,
  )
  await settled(
    world,
    world.caretakers.map(
      ({ provider }) =>
        () =>
          provider?.care?.market.settle(),
    ),
    look,
  )
  const providers = world.nodes.map(
    ({ provider }) =>
      () =>
        provider?.market.settle(),
  )
  await settled(world, providers, look)
}

async function settled(
  world: World,
  calls: readonly (() => Promise<unknown> | undefined)[],
  look: () => void,
): Promise<void> {
  if (calls.length === 0) return
  let waiting = calls.length
  for (const call of calls) {
    void Promise.resolve(call())
      .catch((error: unknown) => {
        if (!isSteadError(error)) world.bugs.push(`settling failed: ${String(error)}`)
      })
      .finally(() => waiting--)
  }
  await world.healPhase(async () => waiting === 0, SETTLE_MINUTES_MAX, look)
}
