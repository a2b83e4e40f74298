import { type Address, address } from '@stead/core'
import type { NodeFacts } from '@stead/storage'
import type { SeededRandom } from '@stead/testkit'
import type { RandomStreams } from '../engine/random-streams.ts'
import { type ChurnOptions, type Outage, REGIONS } from './churn-options.ts'
import type { NodeKind } from './node-kinds.ts'
import { NodeSession } from './node-session.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MONTH_MS = 30 * DAY_MS
/** So many nodes share a subnet with their neighbour: a family's two machines. */
const SAME_HOUSE_SHARE = 0.05

/** A node as it truly is; its payers see less. */
export interface ChurnNode extends NodeFacts {
  readonly number: number
  readonly region: number
  readonly session: NodeSession
  isOn: boolean
  /** It never comes back. */
  isGone: boolean
  /** Hidden by an outage until then. */
  outUntilMs: number
  /** Which disk it has: pieces are on one disk. */
  disk: number
}

/** All nodes of a network, as they come, go, fail together and leave for good. */
export class Population {
  readonly nodes: ChurnNode[] = []
  readonly #options: ChurnOptions
  readonly #streams: RandomStreams
  readonly #random: SeededRandom
  readonly #stepMs: number
  readonly #outages: Outage[]
  #living: ChurnNode[] = []

  constructor(options: ChurnOptions, streams: RandomStreams) {
    this.#options = options
    this.#streams = streams
    this.#random = streams.stream('population')
    this.#stepMs = options.stepMinutes * 60_000
    this.#outages = [...options.outages].sort((left, right) => right.atDay - left.atDay)
    for (let count = 0; count < options.nodes; count++) this.#join()
  }

  /** Those that have not left. */
  get living(): readonly ChurnNode[] {
    return this.#living
  }

  /** Goes on to a moment. */
  step(nowMs: number): void {
    const { departuresPerMonth, diskLossesPerMonth, nodes } = this.#options
    const share = this.#stepMs / MONTH_MS
    for (let next = this.#outages.at(-1); next !== undefined && next.atDay * DAY_MS <= nowMs; ) {
      this.#strike(next, nowMs)
      this.#outages.pop()
      next = this.#outages.at(-1)
    }
    for (const node of this.#living) {
      if (node.isGone) continue
      const isOn = node.session.step(nowMs, this.#stepMs)
      node.isOn = isOn && node.outUntilMs <= nowMs
      if (this.#random.fraction() < departuresPerMonth * share) this.#leave(node)
      else if (this.#random.fraction() < diskLossesPerMonth * share) node.disk++
    }
    this.#living = this.#living.filter(({ isGone }) => !isGone)
    while (this.#living.length < nodes) this.#join()
  }

  #strike({ hits, hours }: Outage, nowMs: number): void {
    for (const node of this.#living) {
      const isHit = 'region' in hits ? node.region === hits.region : this.#random.fraction() < hits.share
      if (!isHit) continue
      if (hours === Number.POSITIVE_INFINITY) this.#leave(node)
      else node.outUntilMs = nowMs + hours * HOUR_MS
    }
  }

  #leave(node: ChurnNode): void {
    node.isGone = true
    node.isOn = false
  }

  #join(): void {
    const number = this.nodes.length
    const random = this.#streams.stream(`node ${number}`)
    const region = Math.floor(random.fraction() * REGIONS)
    const { rhythm } = kindOf(this.#options.kinds, random.fraction())
    const house = random.fraction() < SAME_HOUSE_SHARE && number > 0 ? number - 1 : number
    const session = new NodeSession(rhythm, random, (region * DAY_MS) / REGIONS)
    const name = addressOf(number)
    const node: ChurnNode = {
      number,
      node: name,
      operator: name,
      subnets: [`house ${house}`],
      region,
      session,
      isOn: false,
      isGone: false,
      outUntilMs: 0,
      disk: 0,
    }
    this.nodes.push(node)
    this.#living.push(node)
  }
}

function kindOf(kinds: readonly NodeKind[], drawn: number): NodeKind {
  let left = drawn
  for (const kind of kinds) {
    if (left < kind.share) return kind
    left -= kind.share
  }
  const last = kinds.at(-1)
  if (last === undefined) throw new RangeError('a network needs nodes of some kind')
  return last
}

function addressOf(number: number): Address {
  return address(`0x${number.toString(16).padStart(40, '0')}`)
}
