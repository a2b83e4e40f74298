import { CHARGE_BEHIND_UNITS_MAX } from '../cost-table.ts'
import type { EvenJoins } from './even-joins.ts'
import { EdgeSite, EXIT, type FlowGraph } from './flow-graph.ts'

/** How far apart the potentials of one tree may be: nothing is further behind what was executed than this. */
const SPAN_UNITS_MAX: number = CHARGE_BEHIND_UNITS_MAX
/** Where functions are called, charges are never behind, because frames add up, and at most this far ahead. */
const CALL_UNITS_MAX = 512
/** What a charge costs on an edge that needs a branch of its own, relative to one in a straight line. */
const TAKEN_WEIGHT = 1.3

/**
 * How much has been charged ahead at both ends of each block, so that as few and as rare places as possible need a
 * charge. Points are joined by a maximum spanning forest with offsets; reused from function to function.
 */
export class Potentials {
  #graph!: FlowGraph
  #even!: EvenJoins
  #paid!: PaidOnEntry
  #points = 0
  /** Union-find: parent of each point, and its potential relative to that of its parent. */
  readonly #parent: number[] = []
  readonly #offset: number[] = []
  /** By root: lowest and highest potential of its points, relative to it; and of those beside calls. */
  readonly #low: number[] = []
  readonly #high: number[] = []
  readonly #callLow: number[] = []
  readonly #callHigh: number[] = []
  /** By root, once all is joined: its absolute potential. */
  readonly #base: number[] = []

  /**
   * Finds the potentials of a function.
   * @param paid what may be paid already when the function is entered, and what is when nothing speaks for another amount
   * @returns what is paid already when the function is entered
   */
  spread(graph: FlowGraph, even: EvenJoins, paid: PaidOnEntry): number {
    this.#graph = graph
    this.#even = even
    this.#points = 2 * graph.blockCount + 1
    for (let point = 0; point < this.#points; point++) this.#addPoint(point)
    const exit = this.#points - 1
    this.#paid = paid
    if (paid.least === paid.most) this.#join(exit, 0, paid.least)
    for (let block = 0; block < graph.blockCount; block++) {
      if (!graph.callsOf[block]) continue
      this.#noteCall(2 * block)
      this.#noteCall(2 * block + 1)
    }
    this.#joinUnchargeable(exit)
    for (const arc of this.#arcs(exit)) this.#joinWithin(arc.from, arc.to, arc.difference)
    const entry = this.#root(0)
    if (this.#root(exit) !== entry) this.#join(exit, 0, this.#paidApart(entry))
    this.#setBases(exit)
    return this.#potential(0)
  }

  /** What is paid when a function is entered whose way in and way out are not joined: as near to the usual as calls allow. */
  #paidApart(entry: number): number {
    const low = this.#callLow[entry] as number
    const { least, most } = this.#paidFor(this.#relative(0), low, this.#callHigh[entry] as number)
    return Math.min(Math.max(this.#paid.usual, least), most)
  }

  /** What may be paid on entry so that the calls of a tree are between their bounds; all relative to one point. */
  #paidFor(entry: number, callLow: number, callHigh: number): { readonly least: number; readonly most: number } {
    const least = Math.max(this.#paid.least, entry - callLow)
    return { least, most: Math.min(this.#paid.most, CALL_UNITS_MAX - callHigh + entry) }
  }

  /** Units to charge whenever a block runs. */
  blockCharge(block: number): number {
    return this.#potential(2 * block + 1) - this.#potential(2 * block) + (this.#graph.costOf[block] as number)
  }

  /** Units to charge whenever an edge is taken. */
  edgeCharge(edge: number): number {
    const to = this.#graph.toOf[edge] as number
    const from = this.#graph.fromOf[edge] as number
    return this.#potential(to === EXIT ? this.#points - 1 : 2 * to) - this.#potential(2 * from + 1)
  }

  #addPoint(point: number): void {
    this.#parent[point] = point
    this.#offset[point] = 0
    this.#low[point] = 0
    this.#high[point] = 0
    this.#callLow[point] = Number.POSITIVE_INFINITY
    this.#callHigh[point] = Number.NEGATIVE_INFINITY
  }

  #noteCall(point: number): void {
    const root = this.#root(point)
    const relative = this.#relative(point)
    this.#callLow[root] = Math.min(this.#callLow[root] as number, relative)
    this.#callHigh[root] = Math.max(this.#callHigh[root] as number, relative)
  }

  /** Edges where nothing can be written have the same potential at both ends, but for what they are billed too much. */
  #joinUnchargeable(exit: number): void {
    const graph = this.#graph
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      if (graph.siteOf[edge] !== EdgeSite.none) continue
      const to = graph.toOf[edge] as number
      const difference = -(this.#even.slackOf[edge] as number)
      this.#join(2 * (graph.fromOf[edge] as number) + 1, to === EXIT ? exit : 2 * to, difference)
    }
  }

  /** All that can be charged, in the order in which it should stay uncharged. */
  #arcs(exit: number): Arc[] {
    const graph = this.#graph
    const arcs: Arc[] = []
    for (let block = 0; block < graph.blockCount; block++) {
      const weight = graph.frequencyOf[block] as number
      const cost = graph.costOf[block] as number
      arcs.push({ from: 2 * block, to: 2 * block + 1, weight, difference: -cost, isBlock: true, cost })
    }
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      const site = graph.siteOf[edge] as number
      if (site === EdgeSite.none) continue
      const block = graph.fromOf[edge] as number
      const target = graph.toOf[edge] as number
      const to = target === EXIT ? exit : 2 * target
      const weight = (graph.edgeFrequencyOf[edge] as number) * (site === EdgeSite.taken ? TAKEN_WEIGHT : 1)
      const cost = graph.costOf[block] as number
      const difference = -(this.#even.slackOf[edge] as number)
      arcs.push({ from: 2 * block + 1, to, weight, difference, isBlock: false, cost })
    }
    // Among equals blocks stay uncharged before edges, and the dearer path before the cheaper one, which is then refunded.
    return arcs.sort(
      (left, right) =>
        right.weight - left.weight || Number(right.isBlock) - Number(left.isBlock) || right.cost - left.cost,
    )
  }

  #root(point: number): number {
    let root = point
    while (this.#parent[root] !== root) root = this.#parent[root] as number
    // Path compression, offsets added up from the root down.
    let at = point
    let total = 0
    for (let next = at; next !== root; next = this.#parent[next] as number) total += this.#offset[next] as number
    while (at !== root) {
      const next = this.#parent[at] as number
      const own = this.#offset[at] as number
      this.#parent[at] = root
      this.#offset[at] = total
      total -= own
      at = next
    }
    return root
  }

  /** Potential of a point relative to its root. */
  #relative(point: number): number {
    const root = this.#root(point)
    return point === root ? 0 : (this.#offset[point] as number)
  }

  /** Makes `to` stand `difference` above `from`, unless that would spread a tree too far. */
  #joinWithin(from: number, to: number, difference: number): void {
    const [left, right] = [this.#root(from), this.#root(to)]
    if (left === right) return
    const shift = this.#relative(from) + difference - this.#relative(to)
    const low = Math.min(this.#low[left] as number, (this.#low[right] as number) + shift)
    const high = Math.max(this.#high[left] as number, (this.#high[right] as number) + shift)
    if (high - low > SPAN_UNITS_MAX) return
    const callLow = Math.min(this.#callLow[left] as number, (this.#callLow[right] as number) + shift)
    const callHigh = Math.max(this.#callHigh[left] as number, (this.#callHigh[right] as number) + shift)
    if (callHigh - callLow > CALL_UNITS_MAX) return
    const entry = this.#root(0)
    const isEntered = entry === left || entry === right
    const atEntry = isEntered ? this.#relative(0) + (entry === left ? 0 : shift) : 0
    // Only the tree of the exit has its height already.
    const exit = this.#root(this.#points - 1)
    if (exit === left || exit === right) {
      const base = exit === left ? -this.#relative(this.#points - 1) : -this.#relative(this.#points - 1) - shift
      if (base + callLow < 0 || base + callHigh > CALL_UNITS_MAX) return
      if (isEntered && (base + atEntry < this.#paid.least || base + atEntry > this.#paid.most)) return
    } else if (isEntered) {
      const { least, most } = this.#paidFor(atEntry, callLow, callHigh)
      if (least > most) return
    }
    this.#join(from, to, difference)
  }

  #join(from: number, to: number, difference: number): void {
    const [left, right] = [this.#root(from), this.#root(to)]
    if (left === right) return
    const shift = this.#relative(from) + difference - this.#relative(to)
    this.#parent[right] = left
    this.#offset[right] = shift
    this.#low[left] = Math.min(this.#low[left] as number, (this.#low[right] as number) + shift)
    this.#high[left] = Math.max(this.#high[left] as number, (this.#high[right] as number) + shift)
    this.#callLow[left] = Math.min(this.#callLow[left] as number, (this.#callLow[right] as number) + shift)
    this.#callHigh[left] = Math.max(this.#callHigh[left] as number, (this.#callHigh[right] as number) + shift)
  }

  /** The exit stands at zero; in every other tree that is the lowest point beside a call, or the lowest of all. */
  #setBases(exit: number): void {
    for (let point = 0; point < this.#points; point++) {
      const callLow = this.#callLow[point] as number
      this.#base[point] = -(Number.isFinite(callLow) ? callLow : (this.#low[point] as number))
    }
    this.#base[this.#root(exit)] = -this.#relative(exit)
  }

  #potential(point: number): number {
    return (this.#base[this.#root(point)] as number) + this.#relative(point)
  }
}

/** Units that may be paid when a function is entered. */
export interface PaidOnEntry {
  readonly least: number
  readonly most: number
  /** What it is when the function's own charges do not say. */
  readonly usual: number
}

/** A block or an edge between the points at its two ends. */
interface Arc {
  readonly from: number
  readonly to: number
  readonly weight: number
  /** Potential of `to` minus that of `from` when nothing is charged. */
  readonly difference: number
  readonly isBlock: boolean
  /** Units of the block, or of the one that the edge leaves. */
  readonly cost: number
}
