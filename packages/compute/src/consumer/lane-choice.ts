import type { Address } from '@stead/core'
import type { TaskEntry } from './job-ledger.ts'
import type { Lane } from './lane.ts'

/** A lane that lost this task before is taken only when no other is free. */
const LOSS_PENALTY = 1000

/** Why nothing more is placed right now; `slots` is the good one: every node has all that it takes. */
export type PlacingHalt =
  | 'cost-cap'
  | 'no-providers'
  | 'fewer-operators'
  | 'credit'
  | 'back-off'
  | 'slots'
  | 'disk-full'

/** What a lane is chosen by. */
export interface LaneChoice {
  readonly lanes: readonly Lane[]
  readonly task: TaskEntry
  readonly nowMs: number
  /** Operators that may not get this task (again). */
  readonly exceptOperators: ReadonlySet<Address>
}

/**
 * The free lane with the best mix of rank and load; undefined when none is free. A lane twice as dear or far as the best
 * one is taken once every place of the best one is busy, one three times as dear when two wait for each place.
 */
export function chooseLane({ lanes, task, nowMs, exceptOperators }: LaneChoice): Lane | undefined {
  const owed = owedLanes({ lanes, task, nowMs, exceptOperators })
  let best: Lane | undefined
  let bestScore = Number.POSITIVE_INFINITY
  const bestRank = lanes[0]?.rank ?? 1
  for (const lane of owed.length > 0 ? owed : lanes) {
    if (exceptOperators.has(lane.operator) || !lane.isFree(lane.maximumOf(task.plan.fuelMax), nowMs)) continue
    const penalty = task.losses.length > 0 && task.losses.includes(lane.node) ? LOSS_PENALTY : 0
    const score = lane.load.utilization + lane.rank / bestRank + penalty
    if (score < bestScore) {
      best = lane
      bestScore = score
    }
  }
  return best
}

/** Lanes to nodes whose raw answers differed: busy or not, they are asked with strict floats before anybody else. */
function owedLanes({ lanes, task, nowMs, exceptOperators }: LaneChoice): readonly Lane[] {
  if (task.suspects.length === 0) return []
  return lanes.filter(
    ({ node, operator, dropped, load, channel }) =>
      task.suspects.includes(node) &&
      dropped === undefined &&
      !exceptOperators.has(operator) &&
      !task.losses.includes(node) &&
      load.backOffAt(nowMs) === undefined &&
      channel.state === 'open',
  )
}

/** The operators that have this task in flight or have answered it: a replica must not go to them. */
export function operatorsOf(task: TaskEntry, operatorOf: (node: Address) => Address | undefined): Set<Address> {
  const operators = new Set<Address>()
  for (const { node } of [...task.open, ...task.answers]) {
    const operator = operatorOf(node)
    if (operator !== undefined) operators.add(operator)
  }
  return operators
}

/** True when some lane, busy or not, could take the task with these operators left out. */
export function isPlaceable(lanes: readonly Lane[], exceptOperators: ReadonlySet<Address>): boolean {
  return lanes.some(({ dropped, operator }) => dropped === undefined && !exceptOperators.has(operator))
}

/** Why no lane takes a task that wants so many more operators. */
export function haltOf({ lanes, task, nowMs, exceptOperators }: LaneChoice, wanted: number): PlacingHalt {
  if (lanes.length === 0) return 'no-providers'
  if (new Set(lanes.map(({ operator }) => operator)).size < wanted) return 'fewer-operators'
  // Nodes that have the task already are no help to it.
  const others = lanes.filter(({ operator }) => !exceptOperators.has(operator))
  const isAwake = ({ load, channel }: Lane): boolean => load.backOffAt(nowMs) === undefined && channel.state === 'open'
  const awake = (others.length > 0 ? others : lanes).filter(isAwake)
  if (awake.length === 0) return 'back-off'
  const hasSlots = awake.filter(({ load }) => load.free > 0)
  const isBroke = (lane: Lane): boolean => lane.channel.roomMicroUsd() < lane.maximumOf(task.plan.fuelMax)
  return hasSlots.length > 0 && hasSlots.every(isBroke) ? 'credit' : 'slots'
}
