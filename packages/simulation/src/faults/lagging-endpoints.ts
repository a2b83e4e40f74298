import { type LedgerView, type MemoryLedger, MemoryReplica, type SeededRandom } from '@stead/testkit'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Tally } from '../engine/tally.ts'

/** What endpoints that are behind act on. */
export interface LaggingEndpointsComponents {
  readonly scheduler: Scheduler
  readonly ledger: MemoryLedger
  readonly random: SeededRandom
  readonly tally: Tally
}

/** A public endpoint that shows the chain as it was, and catches up from time to time. */
interface Endpoint {
  readonly replica: MemoryReplica
  nextMs: number
}

/** How a node's endpoint is behind. */
interface Lag {
  readonly endpoint: number
  readonly untilMs: number
  /** Two machines answer in turn, and only one is behind: what is read goes back in time. */
  readonly isFlipping: boolean
}

const ENDPOINTS = 2
/** Some blocks of a chain that makes one in two seconds. */
const AGE_MS_MAX = 60_000
const FLIPPING_SHARE = 0.5

/** Endpoints of the chain that are some blocks behind, which many nodes share; each node uses one for a while. */
export class LaggingEndpoints<Node> {
  readonly #components: LaggingEndpointsComponents
  readonly #endpoints: (Endpoint | undefined)[] = []
  readonly #lags: Map<Node, Lag> = new Map()

  constructor(components: LaggingEndpointsComponents) {
    this.#components = components
  }

  /** A node uses such an endpoint until a moment. @returns what it is like, for the story */
  begin(node: Node, untilMs: number): string {
    const { random, tally } = this.#components
    const endpoint = Math.floor(random.fraction() * ENDPOINTS)
    const isFlipping = random.fraction() < FLIPPING_SHARE
    this.#lags.set(node, { endpoint, untilMs, isFlipping })
    this.#follow(endpoint)
    tally.add(isFlipping ? 'flippingEndpoints' : 'laggingEndpoints')
    return isFlipping ? 'every other answer of its endpoint of the chain is old' : 'its endpoint of the chain is behind'
  }

  isBehind(node: Node): boolean {
    return (this.#lags.get(node)?.untilMs ?? 0) > this.#components.scheduler.nowMs
  }

  /** What answers the next question of a node. */
  viewOf(node: Node): LedgerView {
    const { random, ledger, scheduler, tally } = this.#components
    const lag = this.#lags.get(node)
    if (lag === undefined || lag.untilMs <= scheduler.nowMs) return ledger
    if (lag.isFlipping && random.fraction() < 0.5) return ledger
    const { replica } = this.#follow(lag.endpoint)
    if (replica.blocks.head.hash !== ledger.blocks.head.hash) tally.add('old-answers')
    return replica
  }

  end(): void {
    this.#lags.clear()
  }

  /** An endpoint as it is now; it catches up when it is time. */
  #follow(number: number): Endpoint {
    const { scheduler, ledger } = this.#components
    const known = this.#endpoints[number]
    if (known === undefined) {
      const first = { replica: new MemoryReplica(ledger), nextMs: this.#next() }
      this.#endpoints[number] = first
      return first
    }
    if (known.nextMs <= scheduler.nowMs) {
      known.replica.catchUp()
      known.nextMs = this.#next()
    }
    return known
  }

  #next(): number {
    const { scheduler, random } = this.#components
    return scheduler.nowMs + random.fraction() * AGE_MS_MAX
  }
}
