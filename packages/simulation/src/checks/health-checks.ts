import { isFinal, type JobHandle } from '@stead/compute'
import { type Hash, isSteadError } from '@stead/core'
import { offerBookOptionsSchema, tellingPace } from '@stead/market'
import { HAND_NEED } from '../byzantine/hand-task.ts'
import { unlessRefused } from '../engine/refusals.ts'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import { PROBE_REPLICAS } from '../world/workload.ts'
import type { World } from '../world/world.ts'
import { checkRooms } from './room-checks.ts'
import type { Violations } from './violations.ts'

/** How often an offer is told while it is good, and once more: by then everybody has heard of everybody again. */
const OFFER_TELLINGS = 4
const PROBE_MINUTES_MAX = 5
/** Longer than a payer takes to look after its purses, and their transaction for its block. */
const LOCKED_MINUTES_MAX = 3
const ASK_TIMEOUT_MS = 20_000
const ASK_MINUTES_MAX = 3
const MINUTE_MS = 60_000

/** Lets the world go on until a question is answered; false when it is not in time. */
async function isAnswered(
  world: World,
  minutesMax: number,
  question: Promise<unknown>,
  look: () => void,
): Promise<boolean> {
  let isOver = false
  question.then(
    () => {
      isOver = true
    },
    (error: unknown) => {
      isOver = true
      if (!isSteadError(error)) world.bugs.push(`a question failed: ${String(error)}`)
    },
  )
  return world.healPhase(async () => isOver, minutesMax, look)
}

/**
 * Some time after the last fault the world serves again, with the cheats still in it: every honest payer knows and
 * reaches every honest provider, and a new job with a quorum of two comes to its end.
 */
export async function checkHealth(world: World, violations: Violations, look: () => void): Promise<void> {
  await checkLocked(world, violations, look)
  await world.healPhase(
    async () => world.payers.every((node) => unknownTo(world, node).length === 0),
    heardMinutes(world),
    look,
  )
  const all: readonly Sides[] = world.payers.flatMap((node) =>
    node.payer === undefined ? [] : [{ node, payer: node.payer }],
  )
  for (const { node } of all) {
    const unknown = unknownTo(world, node)
    const { name } = node.plan
    violations.check(unknown.length === 0, 'all-known', () => `${name} does not know of ${unknown.join(', ')}`, [
      name,
      ...unknown,
    ])
  }
  // All at once: one after the other they would be most of the time of a large world.
  await checkReach(world, all, violations, look)
  await checkProbes(world, all, violations, look)
}

/** What a payer takes for locked is locked, whichever fork of the chain won. */
async function checkLocked(world: World, violations: Violations, look: () => void): Promise<void> {
  const missing = async (): Promise<readonly (readonly [name: string, purse: Hash])[]> => {
    const found: (readonly [string, Hash])[] = []
    for (const { plan, payer } of world.payers)
      for (const { purse, stage } of (await payer?.market.purses()) ?? [])
        if ((stage === 'funded' || stage === 'thawing') && world.parts.ledger.escrow.purse(purse) === undefined)
          found.push([plan.name, purse])
    return found
  }
  await world.healPhase(async () => (await missing()).length === 0, LOCKED_MINUTES_MAX, look)
  violations.checkNone('purses-locked', await missing(), ([name, purse]) => ({
    what: `the purse ${purse} of ${name} is not on chain`,
    who: [name],
  }))
}

/** Honest providers of which a payer has no offer. */
export function unknownTo(world: World, { payer }: SimNode): readonly string[] {
  const known = new Set(payer?.offers.list('compute').map(({ peer }) => peer))
  return world.providers.filter(({ plan }) => !known.has(plan.peer)).map(({ plan }) => plan.name)
}

/** How long it takes at most, in minutes, to hear from each provider: the more there are, the rarer each tells its offer. */
export function heardMinutes(world: World): number {
  const { refreshMs } = tellingPace(world.nodes.length, offerBookOptionsSchema.parse({}))
  return (OFFER_TELLINGS * refreshMs) / MINUTE_MS
}

interface Sides {
  readonly node: SimNode
  readonly payer: LivePayer
}

async function checkReach(
  world: World,
  all: readonly Sides[],
  violations: Violations,
  look: () => void,
): Promise<void> {
  const honest = new Set(world.providers.map(({ plan }) => plan.peer))
  const names = new Map(world.nodes.map(({ plan }) => [plan.peer, plan.name]))
  const asked = all.map(async ({ node, payer }) => {
    const providers = payer.offers.list('compute').filter(({ peer }) => honest.has(peer))
    const timeoutMs = ASK_TIMEOUT_MS
    const answers = await payer.market.quotes({ resource: 'compute', need: HAND_NEED, providers, timeoutMs })
    for (const answer of answers) {
      const provider = names.get(answer.provider.peer) ?? ''
      violations.check(
        answer.kind !== 'failure',
        'all-reachable',
        () => `${node.plan.name} cannot reach ${provider}: ${answer.kind === 'failure' ? answer.error.code : ''}`,
        [node.plan.name, provider],
      )
    }
  })
  const isInTime = await isAnswered(world, ASK_MINUTES_MAX, Promise.all(asked), look)
  violations.check(isInTime, 'all-reachable', () => `quotes are awaited for ${ASK_MINUTES_MAX} minutes`, [])
}

async function checkProbes(
  world: World,
  all: readonly Sides[],
  violations: Violations,
  look: () => void,
): Promise<void> {
  const before = new Set<string>()
  for (const { payer } of all) for (const { id } of await payer.compute.jobs()) before.add(id)
  const submitted = Promise.all(all.map(({ node, payer }) => unlessRefused(world.workload.probe(node, payer))))
  await isAnswered(world, ASK_MINUTES_MAX, submitted, look)
  const probes: (readonly [name: string, handle: JobHandle])[] = []
  for (const { node, payer } of all) {
    const { name } = node.plan
    const job = (await payer.compute.jobs()).find(({ id }) => !before.has(id))
    violations.check(job !== undefined, 'serves-again', () => `${name} takes no job`, [name])
    if (job !== undefined) probes.push([name, await payer.compute.job(job.id)])
  }
  const areOver = async (): Promise<boolean> => probes.every(([, handle]) => isFinal(handle.status().state))
  await world.healPhase(areOver, PROBE_MINUTES_MAX, look)
  const sellers = world.nodes.filter(({ plan }) => plan.role === 'provider').length
  // Where every third one lies, there may be no majority; one alone is no quorum.
  const isHealthy = world.providers.length >= PROBE_REPLICAS && world.providers.length * 3 >= sellers * 2
  for (const [name, handle] of probes) {
    const { state, unfinished } = handle.status()
    violations.check(
      state === 'complete' || !isHealthy,
      'serves-again',
      () =>
        `a job of ${name} is ${state} ${PROBE_MINUTES_MAX} minutes after all is mended: ${JSON.stringify(unfinished)}`,
      [name],
    )
  }
}

/** After the last job nothing is held any more: no room, no place, no delivery in flight. */
export async function checkIdle(world: World, violations: Violations, look: () => void): Promise<void> {
  await checkRooms(world, violations, look)
  for (const { plan, payer } of world.payers) {
    for (const { id, stats } of payer?.market
      .channels()
      .map((channel) => ({ id: channel.id, stats: channel.stats() })) ?? [])
      violations.check(
        stats.inFlight === 0,
        'nothing-held',
        () => `${plan.name} still holds room for ${stats.inFlight} deliveries on ${id}`,
        [plan.name],
      )
  }
  for (const { plan, provider } of world.providers) {
    const { running = 0, waiting = 0 } = provider?.compute.status() ?? {}
    violations.check(
      running + waiting === 0,
      'nothing-held',
      () => `${plan.name} still has ${running + waiting} tasks`,
      [plan.name],
    )
    let isFinished = provider === undefined
    void provider?.market.finish().then(() => {
      isFinished = true
    })
    await world.parts.scheduler.settle()
    violations.check(isFinished, 'nothing-held', () => `${plan.name} still waits for deliveries that nobody makes`, [
      plan.name,
    ])
  }
}
