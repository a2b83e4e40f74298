import type { CrashKind, SeededRandom } from '@stead/testkit'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Trace } from '../engine/trace.ts'
import type { SimHub } from '../world/sim-hub.ts'
import type { NodeFaults, SimNode } from '../world/sim-node.ts'
import type { FaultProfile } from './profiles.ts'

/** What the injector acts on. */
export interface FaultInjectorComponents {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly random: SeededRandom
  readonly hub: SimHub
  readonly nodes: readonly SimNode[]
  /** Brings a node back. */
  readonly restart: (node: SimNode) => void
}

const MINUTE_MS = 60_000
const NODES_PER_RATE = 10
const DISK_BAD_SHARE = 0.3
const JUMP_MS_MAX = 120_000
const SURVIVORS_MAX = 4
const AT_WRITE_SHARE = 0.5
const WRITES_MAX = 6

type Kind = 'crashes' | 'partitions' | 'cuts' | 'clogs' | 'outages' | 'badDisks' | 'jumps'
const KINDS: readonly Kind[] = ['crashes', 'partitions', 'cuts', 'clogs', 'outages', 'badDisks', 'jumps']

/** Makes things go wrong, at moments that the seed decides, until it is stopped; then everything is whole again. */
export class FaultInjector {
  readonly #components: FaultInjectorComponents
  readonly #profile: FaultProfile
  /** Nodes whose endpoint is away or whose disk is bad, each until a moment. */
  readonly #downUntilMs: Map<SimNode, number> = new Map()
  readonly #badUntilMs: Map<SimNode, number> = new Map()
  readonly #away: Set<SimNode> = new Set()
  /** Nodes that will die at one of their next writes. */
  readonly #doomed: Map<SimNode, () => void> = new Map()
  #partitionedUntilMs = 0
  #isOn = false

  constructor(components: FaultInjectorComponents, profile: FaultProfile) {
    this.#components = components
    this.#profile = profile
  }

  /** Faults of a node at this moment. */
  faultsOf(node: SimNode): NodeFaults {
    const { disk, chain } = this.#profile
    const { nowMs } = this.#components.scheduler
    const isDown = (this.#downUntilMs.get(node) ?? 0) > nowMs
    const isBad = (this.#badUntilMs.get(node) ?? 0) > nowMs
    if (!this.#isOn) return { disk: { ...disk, refusedShare: 0 }, chain: { ...chain, lostShare: 0 } }
    return { disk: isBad ? { ...disk, refusedShare: DISK_BAD_SHARE } : disk, chain: { ...chain, isDown } }
  }

  start(): void {
    this.#isOn = true
    this.#components.hub.setFaults(this.#profile.wires)
    for (const kind of KINDS) this.#next(kind)
  }

  /** Ends every fault and brings back who is away. */
  stop(): void {
    this.#isOn = false
    this.#components.hub.heal()
    for (const node of this.#components.nodes) node.mendWall()
    for (const die of [...this.#doomed.values()]) die()
    for (const node of this.#away) this.#components.restart(node)
    this.#away.clear()
  }

  /** Times are exponential: many close together, some far apart. */
  #next(kind: Kind): void {
    const { scheduler, random, nodes } = this.#components
    const rate = (this.#profile[kind] * nodes.length) / NODES_PER_RATE
    if (rate === 0) return
    const waitMs = (-Math.log(1 - random.fraction()) * MINUTE_MS) / rate
    scheduler.at(scheduler.nowMs + waitMs, () => {
      if (!this.#isOn) return
      this.#inject(kind)
      this.#next(kind)
    })
  }

  #inject(kind: Kind): void {
    const node = this.#anyNode()
    const inject: Readonly<Record<Kind, () => void>> = {
      crashes: () => this.#crash(node),
      partitions: () => this.#partition(),
      cuts: () => this.#cut(node),
      clogs: () => this.#clog(node),
      outages: () => {
        this.#tell(node, 'its endpoint of the chain is away')
        this.#downUntilMs.set(node, this.#until())
      },
      badDisks: () => {
        this.#tell(node, 'its disk refuses writes')
        this.#badUntilMs.set(node, this.#until())
      },
      jumps: () => this.#jump(node),
    }
    inject[kind]()
  }

  #jump(node: SimNode): void {
    const byMs = Math.round((this.#components.random.fraction() - 0.5) * 2 * JUMP_MS_MAX)
    this.#tell(node, `its wall clock jumps by ${byMs} ms`)
    node.jumpWall(byMs)
  }

  /** Half of all crashes come around a write: in between two steps of a journal. */
  #crash(node: SimNode): void {
    const { random } = this.#components
    if (!node.isAlive || this.#away.has(node) || this.#doomed.has(node)) return
    const kind = random.fraction() < this.#profile.powerShare ? 'power' : 'kill'
    const survivors = Math.floor(random.fraction() * SURVIVORS_MAX)
    const awayMs = random.fraction() * this.#profile.awayMsMax
    const writes = random.fraction() < AT_WRITE_SHARE ? 1 + Math.floor(random.fraction() * WRITES_MAX) : 0
    const moment = random.fraction() < 0.5 ? 'before' : 'after'
    const how = { kind, survivors, awayMs } as const
    if (writes === 0) {
      this.#end(node, how)
      return
    }
    const die = (): void => {
      // Once: it may be the write that kills it, or the end of all faults.
      if (this.#doomed.get(node) !== die) return
      this.#doomed.delete(node)
      this.#end(node, how)
    }
    this.#tell(node, `will crash ${moment} its ${writes}. write from now`)
    this.#doomed.set(node, die)
    node.store.crashAtWrite(writes, moment)
    void node.store.crashed.then(die)
  }

  #end(node: SimNode, how: { readonly kind: CrashKind; readonly survivors: number; readonly awayMs: number }): void {
    const { scheduler } = this.#components
    if (!node.isAlive || this.#away.has(node)) return
    const { kind, survivors, awayMs } = how
    this.#tell(node, `crashes (${kind}, ${survivors} unforced writes survive), away for ${Math.round(awayMs)} ms`)
    node.crash(kind, survivors)
    this.#away.add(node)
    scheduler.at(scheduler.nowMs + awayMs, () => {
      if (this.#away.delete(node)) this.#components.restart(node)
    })
  }

  #partition(): void {
    const { scheduler, random, hub, nodes } = this.#components
    if (this.#partitionedUntilMs > scheduler.nowMs) return
    const left = nodes.filter(() => random.fraction() < 0.5).map(({ plan }) => plan.peer)
    const right = nodes.map(({ plan }) => plan.peer).filter((peer) => !left.includes(peer))
    this.#partitionedUntilMs = this.#until()
    hub.partition(left, right)
    this.#tell(undefined, `falls apart: ${left.length} and ${right.length} nodes`)
    scheduler.at(this.#partitionedUntilMs, () => hub.join())
  }

  #cut(node: SimNode): void {
    const { scheduler, hub } = this.#components
    const other = this.#anyNode()
    if (other === node) return
    const [from, to] = [node.plan.peer, other.plan.peer]
    this.#tell(node, `is not heard any more by ${other.plan.name}`)
    hub.cut(from, to)
    scheduler.at(this.#until(), () => hub.uncut(from, to))
  }

  #clog(node: SimNode): void {
    const other = this.#anyNode()
    if (other === node) return
    this.#tell(node, `is heard late by ${other.plan.name}`)
    this.#components.hub.clog(node.plan.peer, other.plan.peer, this.#until())
  }

  #anyNode(): SimNode {
    const { nodes, random } = this.#components
    const node = nodes[Math.floor(random.fraction() * nodes.length)]
    if (node === undefined) throw new RangeError('a world has nodes')
    return node
  }

  #until(): number {
    const { scheduler, random } = this.#components
    return scheduler.nowMs + random.fraction() * this.#profile.lastsMsMax
  }

  #tell(node: SimNode | undefined, what: string): void {
    const { trace, scheduler } = this.#components
    trace.tell(scheduler.nowMs, node?.plan.name, `FAULT ${what}`)
  }
}
