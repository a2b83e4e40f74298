import type { CrashKind, LedgerView, MemoryLedger, SeededRandom } from '@stead/testkit'
import type { RandomStreams } from '../engine/random-streams.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Tally } from '../engine/tally.ts'
import type { Trace } from '../engine/trace.ts'
import type { SimHub } from '../world/sim-hub.ts'
import type { NodeFaults, SimNode } from '../world/sim-node.ts'
import { ChainForks } from './chain-forks.ts'
import { GasFaults } from './gas-faults.ts'
import { LaggingEndpoints } from './lagging-endpoints.ts'
import type { FaultProfile } from './profiles.ts'

/** What the injector acts on. */
export interface FaultInjectorComponents {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly random: SeededRandom
  readonly streams: RandomStreams
  readonly hub: SimHub
  readonly ledger: MemoryLedger
  readonly tally: Tally
  readonly nodes: readonly SimNode[]
  /** Brings a node back. */
  readonly restart: (node: SimNode) => void
}

const MINUTE_MS = 60_000
const NODES_PER_RATE = 10
const DISK_BAD_SHARE = 0.3
const SILENT_SHARE = 0.3
const ROT_CRASH_SHARE = 0.5
const JUMP_MS_MAX = 120_000
const SURVIVORS_MAX = 4
const AT_WRITE_SHARE = 0.5
const WRITES_MAX = 6
const DISK_MOMENTS = ['before', 'within', 'after'] as const
/** An endpoint stays behind longer than other faults last: a node asks the chain only now and then. */
const LAG_FACTOR = 4

/** Most that a slow disk takes to have a write; one that is to outlive a loss of power takes ten times as long. */
const SLOW_WRITE_MS_MAX = 400

/** What comes to single nodes, more often in larger worlds. */
const NODE_KINDS = [
  'crashes',
  'partitions',
  'silences',
  'cuts',
  'clogs',
  'outages',
  'lags',
  'badDisks',
  'slowDisks',
  'fullDisks',
  'rottenRows',
  'rottenPieces',
  'gasDrains',
  'jumps',
] as const
/** What comes to the one chain. */
const CHAIN_KINDS = ['reorgs', 'gasSpikes'] as const

type Kind = (typeof NODE_KINDS)[number] | (typeof CHAIN_KINDS)[number]
type LastingKind = 'outages' | 'badDisks' | 'slowDisks' | 'fullDisks'

const TOLD: Readonly<Record<LastingKind, string>> = {
  outages: 'its endpoint of the chain is away',
  badDisks: 'its disk refuses writes',
  slowDisks: 'its disk takes its time',
  fullDisks: 'its disk is full',
}

/** Makes things go wrong, at moments that the seed decides, until it is stopped; then everything is whole again. */
export class FaultInjector {
  readonly #components: FaultInjectorComponents
  readonly #profile: FaultProfile
  /** Nodes whose endpoint is away or whose disk is bad in some way, each until a moment. */
  readonly #untilMs: Readonly<Record<LastingKind, Map<SimNode, number>>> = {
    outages: new Map(),
    badDisks: new Map(),
    slowDisks: new Map(),
    fullDisks: new Map(),
  }
  readonly #forks: ChainForks
  readonly #gas: GasFaults
  readonly #lagging: LaggingEndpoints<SimNode>
  readonly #away: Set<SimNode> = new Set()
  /** Nodes that will die at one of their next writes. */
  readonly #doomed: Map<SimNode, () => void> = new Map()
  #partitionedUntilMs = 0
  #isOn = false

  constructor(components: FaultInjectorComponents, profile: FaultProfile) {
    this.#components = components
    this.#profile = profile
    const tell = (what: string): void => this.#tell(undefined, what)
    this.#forks = new ChainForks({ ...components, tell })
    this.#gas = new GasFaults({ ...components, tell })
    this.#lagging = new LaggingEndpoints({ ...components, random: components.streams.stream('lags') })
  }

  /** Faults of a node at this moment. */
  faultsOf(node: SimNode): NodeFaults {
    const { disk, chain } = this.#profile
    if (!this.#isOn) return { disk, chain: { ...chain, lostShare: 0 } }
    const { writeMsMax } = disk
    return {
      disk: {
        refusedShare: this.#has('badDisks', node) ? DISK_BAD_SHARE : 0,
        writeMsMax: this.#has('slowDisks', node) ? Math.max(writeMsMax, SLOW_WRITE_MS_MAX) : writeMsMax,
        isFull: this.#has('fullDisks', node),
      },
      chain: { ...chain, isDown: this.#has('outages', node), isBehind: this.#lagging.isBehind(node) },
    }
  }

  /** What the chain looks like to a node: what answers its next question. */
  viewOf(node: SimNode): LedgerView {
    return this.#lagging.viewOf(node)
  }

  start(): void {
    this.#isOn = true
    this.#components.hub.setFaults(this.#profile.wires)
    for (const kind of [...NODE_KINDS, ...CHAIN_KINDS]) this.#next(kind)
  }

  /** Ends every fault and brings back who is away. */
  stop(): void {
    this.#isOn = false
    this.#components.hub.heal()
    for (const node of this.#components.nodes) node.mendWall()
    this.#gas.end()
    this.#lagging.end()
    for (const die of [...this.#doomed.values()]) die()
    for (const node of this.#away) this.#components.restart(node)
    this.#away.clear()
    for (const node of this.#components.nodes) this.#repair(node)
  }

  /** Times are exponential: many close together, some far apart. */
  #next(kind: Kind): void {
    const { scheduler, random, nodes } = this.#components
    const isOfChain = CHAIN_KINDS.some((name) => name === kind)
    const rate = this.#profile[kind] * (isOfChain ? 1 : nodes.length / NODES_PER_RATE)
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
      silences: () => this.#silence(),
      outages: () => this.#last('outages', node),
      lags: () => this.#lag(node),
      badDisks: () => this.#last('badDisks', node),
      slowDisks: () => this.#last('slowDisks', node),
      fullDisks: () => this.#last('fullDisks', node),
      rottenRows: () => this.#rot(node),
      rottenPieces: () => this.#rotPiece(node),
      gasDrains: () => this.#drain(node),
      reorgs: () => this.#forks.inject(),
      gasSpikes: () => this.#spike(),
      jumps: () => this.#jump(node),
    }
    inject[kind]()
  }

  #has(kind: LastingKind, node: SimNode): boolean {
    return (this.#untilMs[kind].get(node) ?? 0) > this.#components.scheduler.nowMs
  }

  #last(kind: LastingKind, node: SimNode): void {
    this.#components.tally.add(kind)
    this.#tell(node, TOLD[kind])
    this.#untilMs[kind].set(node, this.#until())
  }

  /** A row rots, and its operator brings it back from a backup some time later. */
  #rot(node: SimNode): void {
    const { scheduler, random, tally } = this.#components
    const row = node.store.rot(() => random.fraction())
    if (row === undefined) return
    tally.add('rottenRows')
    this.#tell(node, `a row of its disk rots: ${row.table} ${row.key}`)
    scheduler.at(this.#until() + this.#profile.awayMsMax, () => this.#repair(node))
    // Most rows are read when the process starts: at once, before the backup is there.
    if (random.fraction() < ROT_CRASH_SHARE)
      this.#end(node, { kind: 'kill', survivors: 0, awayMs: random.fraction() * this.#profile.awayMsMax })
  }

  #rotPiece(node: SimNode): void {
    const { random, tally } = this.#components
    if (!node.rotPiece(() => random.fraction())) return
    tally.add('rottenPieces')
    this.#tell(node, 'a bit of its piece logs flips')
  }

  /** The operator stops the node, puts the backup back and starts it again. */
  #repair(node: SimNode): void {
    if (!node.store.isRotten) return
    node.store.repair()
    if (!node.isAlive || this.#away.has(node)) return
    this.#tell(node, 'has its rows back and starts again')
    this.#doomed.delete(node)
    node.crash('kill', 0)
    this.#components.restart(node)
  }

  #lag(node: SimNode): void {
    this.#tell(node, this.#lagging.begin(node, this.#until(LAG_FACTOR)))
  }

  #drain(node: SimNode): void {
    const { account } = node
    this.#tell(node, 'its account runs out of gas')
    this.#gas.drain(account)
    this.#components.scheduler.at(this.#until(), () => this.#gas.refill(account))
  }

  #spike(): void {
    this.#gas.spike()
    this.#components.scheduler.at(this.#until(), () => this.#gas.endSpike())
  }

  /** Some nodes hear all others and are heard by none of them. */
  #silence(): void {
    const { scheduler, random, hub, nodes, tally } = this.#components
    const muted = nodes.filter(() => random.fraction() < SILENT_SHARE).map(({ plan }) => plan.peer)
    if (muted.length === 0) return
    tally.add('silences')
    this.#tell(undefined, `${muted.length} nodes are not heard any more by the others`)
    hub.mute(muted)
    scheduler.at(this.#until(), () => hub.unmute())
  }

  #jump(node: SimNode): void {
    const byMs = Math.round((this.#components.random.fraction() - 0.5) * 2 * JUMP_MS_MAX)
    this.#tell(node, `its wall clock jumps by ${byMs} ms`)
    this.#components.tally.add('jumps')
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
    // Of those that keep pieces, half die at a step of the disk that has them.
    if (node.provider?.storage !== undefined && random.fraction() < 0.5) {
      node.disk.crashAtStep(writes, DISK_MOMENTS[Math.floor(random.fraction() * DISK_MOMENTS.length)] ?? 'before')
      void node.disk.crashed.then(die)
      return
    }
    node.store.crashAtWrite(writes, moment)
    void node.store.crashed.then(die)
  }

  #end(node: SimNode, how: { readonly kind: CrashKind; readonly survivors: number; readonly awayMs: number }): void {
    const { scheduler, tally } = this.#components
    if (!node.isAlive || this.#away.has(node)) return
    const { kind, survivors, awayMs } = how
    tally.add(kind === 'power' ? 'power-losses' : 'crashes')
    this.#tell(node, `crashes (${kind}, ${survivors} unforced writes survive), away for ${Math.round(awayMs)} ms`)
    node.crash(kind, survivors)
    this.#away.add(node)
    scheduler.at(scheduler.nowMs + awayMs, () => {
      if (this.#away.delete(node)) this.#components.restart(node)
    })
  }

  #partition(): void {
    const { scheduler, random, hub, nodes, tally } = this.#components
    if (this.#partitionedUntilMs > scheduler.nowMs) return
    tally.add('partitions')
    const left = nodes.filter(() => random.fraction() < 0.5).map(({ plan }) => plan.peer)
    const right = nodes.map(({ plan }) => plan.peer).filter((peer) => !left.includes(peer))
    this.#partitionedUntilMs = this.#until()
    hub.partition(left, right)
    this.#tell(undefined, `falls apart: ${left.length} and ${right.length} nodes`)
    scheduler.at(this.#partitionedUntilMs, () => hub.join())
  }

  #cut(node: SimNode): void {
    const { scheduler, hub, tally } = this.#components
    const other = this.#anyNode()
    if (other === node) return
    tally.add('cuts')
    const [from, to] = [node.plan.peer, other.plan.peer]
    this.#tell(node, `is not heard any more by ${other.plan.name}`)
    hub.cut(from, to)
    scheduler.at(this.#until(), () => hub.uncut(from, to))
  }

  #clog(node: SimNode): void {
    const other = this.#anyNode()
    if (other === node) return
    this.#components.tally.add('clogs')
    this.#tell(node, `is heard late by ${other.plan.name}`)
    this.#components.hub.clog(node.plan.peer, other.plan.peer, this.#until())
  }

  #anyNode(): SimNode {
    const { nodes, random } = this.#components
    const node = nodes[Math.floor(random.fraction() * nodes.length)]
    if (node === undefined) throw new RangeError('a world has nodes')
    return node
  }

  #until(factor = 1): number {
    const { scheduler, random } = this.#components
    return scheduler.nowMs + random.fraction() * this.#profile.lastsMsMax * factor
  }

  #tell(node: SimNode | undefined, what: string): void {
    const { trace, scheduler } = this.#components
    trace.tell(scheduler.nowMs, node?.plan.name, `FAULT ${what}`)
  }
}
