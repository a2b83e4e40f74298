import type { PeerId } from '@stead/core'
import type { Trace } from '../engine/trace.ts'
import type { SimHub } from './sim-hub.ts'
import type { SimNode } from './sim-node.ts'

/**
 * Keeps one honest payer among cheats: as long as faults go on it reaches nobody else, and after that it has one honest
 * neighbour beside them. In worlds without such cheats it does nothing.
 */
export class Eclipse {
  readonly #hub: SimHub
  readonly #trace: Trace
  readonly #gang: readonly PeerId[]
  readonly #others: readonly PeerId[]
  readonly #honest: PeerId | undefined
  /** Whom it is about; undefined in most worlds. */
  readonly victim: SimNode | undefined
  #isOver = false

  constructor(components: { readonly hub: SimHub; readonly trace: Trace }, nodes: readonly SimNode[]) {
    this.#hub = components.hub
    this.#trace = components.trace
    const peerOf = ({ plan }: SimNode): PeerId => plan.peer
    this.#gang = nodes.filter(({ plan }) => plan.cheat === 'eclipses').map(peerOf)
    const isNeeded = this.#gang.length > 0
    this.victim = isNeeded ? nodes.find(({ plan, isHonest }) => isHonest && plan.role === 'payer') : undefined
    const others = nodes.filter((node) => node !== this.victim && node.plan.cheat !== 'eclipses')
    this.#others = others.map(peerOf)
    this.#honest = others.find(({ plan, isHonest }) => isHonest && plan.role === 'provider')?.plan.peer
  }

  begin(nowMs: number): void {
    if (this.victim === undefined) return
    this.#trace.tell(nowMs, this.victim.plan.name, `FAULT knows nobody but ${this.#gang.length} cheats`)
    this.#hub.partition([this.victim.plan.peer, ...this.#gang], this.#others)
  }

  end(nowMs: number): void {
    if (this.victim === undefined) return
    this.#isOver = true
    this.#hub.join()
    this.#trace.tell(nowMs, this.victim.plan.name, 'has one honest neighbour from now on')
  }

  /** Whom a node connects to, instead of the usual ones. */
  neighboursOf(node: SimNode, usual: readonly PeerId[]): readonly PeerId[] {
    const { victim } = this
    if (victim === undefined) return usual
    if (node !== victim) return usual.filter((peer) => peer !== victim.plan.peer)
    return this.#isOver && this.#honest !== undefined ? [this.#honest, ...this.#gang] : this.#gang
  }
}
