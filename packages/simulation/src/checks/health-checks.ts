import { isFinal, type JobHandle } from '@stead/compute'
import { isSteadError } from '@stead/core'
import { HAND_NEED } from '../byzantine/hand-task.ts'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** Longer than the life of an offer: by then everybody has heard of everybody again. */
const OFFERS_MINUTES_MAX = 6
const PROBE_MINUTES_MAX = 5
/** Longer than a payer takes to look after its purses, and their transaction for its block. */
const LOCKED_MINUTES_MAX = 3
const ASK_TIMEOUT_MS = 20_000

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
    OFFERS_MINUTES_MAX,
    look,
  )
  for (const node of world.payers) {
    const { payer } = node
    if (payer === undefined) continue
    const unknown = unknownTo(world, node)
    const { name } = node.plan
    violations.check(unknown.length === 0, 'all-known', () => `${name} does not know of ${unknown.join(', ')}`, [
      name,
      ...unknown,
    ])
    await checkReach(world, { node, payer }, violations, look)
    await checkProbe(world, { node, payer }, violations, look)
  }
}

/** What a payer takes for locked is locked, whichever fork of the chain won. */
async function checkLocked(world: World, violations: Violations, look: () => void): Promise<void> {
  const missing = async (): Promise<readonly string[]> => {
    const names: string[] = []
    for (const { plan, payer } of world.payers) {
      const purses = (await payer?.market.purses()) ?? []
      const { escrow } = world.parts.ledger
      if (purses.some(({ purse, stage }) => stage === 'funded' && escrow.purse(purse) === undefined))
        names.push(plan.name)
    }
    return names
  }
  await world.healPhase(async () => (await missing()).length === 0, LOCKED_MINUTES_MAX, look)
  const names = await missing()
  violations.check(names.length === 0, 'purses-locked', () => `${names} have purses that are not on chain`, names)
}

/** Honest providers of which a payer has no offer. */
export function unknownTo(world: World, { payer }: SimNode): readonly string[] {
  const known = new Set(payer?.offers.list('compute').map(({ peer }) => peer))
  return world.providers.filter(({ plan }) => !known.has(plan.peer)).map(({ plan }) => plan.name)
}

interface Sides {
  readonly node: SimNode
  readonly payer: LivePayer
}

async function checkReach(
  world: World,
  { node, payer }: Sides,
  violations: Violations,
  look: () => void,
): Promise<void> {
  const honest = new Set(world.providers.map(({ plan }) => plan.peer))
  const providers = payer.offers.list('compute').filter(({ peer }) => honest.has(peer))
  const asked = payer.market.quotes({ resource: 'compute', need: HAND_NEED, providers, timeoutMs: ASK_TIMEOUT_MS })
  await isAnswered(world, 1, asked, look)
  for (const answer of await asked) {
    const provider = world.nodes.find(({ plan }) => plan.peer === answer.provider.peer)?.plan.name ?? ''
    violations.check(
      answer.kind !== 'failure',
      'all-reachable',
      () => `${node.plan.name} cannot reach ${provider}: ${answer.kind === 'failure' ? answer.error.code : ''}`,
      [node.plan.name, provider],
    )
  }
}

async function checkProbe(
  world: World,
  { node, payer }: Sides,
  violations: Violations,
  look: () => void,
): Promise<void> {
  const { name } = node.plan
  const before = new Set((await payer.compute.jobs()).map(({ id }) => id))
  await isAnswered(world, 1, world.workload.probe(node, payer), look)
  const job = (await payer.compute.jobs()).find(({ id }) => !before.has(id))
  violations.check(job !== undefined, 'serves-again', () => `${name} takes no job`, [name])
  if (job === undefined) return
  const handle: JobHandle = await payer.compute.job(job.id)
  await world.healPhase(async () => isFinal(handle.status().state), PROBE_MINUTES_MAX, look)
  const { state, unfinished } = handle.status()
  const sellers = world.nodes.filter(({ plan }) => plan.role === 'provider').length
  // Where every third one lies, there may be no majority.
  const isHealthy = world.providers.length * 3 >= sellers * 2
  violations.check(
    state === 'complete' || !isHealthy,
    'serves-again',
    () =>
      `a job of ${name} is ${state} ${PROBE_MINUTES_MAX} minutes after all is mended: ${JSON.stringify(unfinished)}`,
    [name],
  )
}

/** After the last job nothing is held any more: no room, no place, no delivery in flight. */
export async function checkIdle(world: World, violations: Violations): Promise<void> {
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
