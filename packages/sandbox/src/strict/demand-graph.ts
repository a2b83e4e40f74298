import { Lane, laneOf, Shape } from './float-operations.ts'

/** Node of every value whose bits are what they are: constants, loads, parameters, results of calls, integers. */
export const EXACT = 0
/** Node of every value that cannot be NaN, whatever its lanes are taken for. */
export const TAME = 1
/** Node that stands for whoever sees bits. */
export const OUTSIDE = 2

/**
 * Which values of one function come from which. A node is a result of arithmetic, a reading of a local, or a value that
 * only hands on what its sources are (locals, block results, selections). Nodes are numbers; reused from function to
 * function.
 */
export class DemandGraph {
  #count = 0
  /** Lane types that the value has been made or carried as. */
  readonly #lanes: number[] = []
  /** Lane types that arithmetic has taken it for. */
  readonly #taken: number[] = []
  /** 1 when NaNs may be in it whose bits must stay. */
  readonly #exact: number[] = []
  /** Shape of the value where code can be put behind the instruction that pushed it; else none. */
  readonly #shape: number[] = []
  readonly #position: number[] = []
  readonly #weight: number[] = []
  /** The local that a reading reads; 0 for all other nodes. */
  readonly #local: number[] = []
  readonly #demanded: number[] = []
  readonly #firstSource: number[] = []
  readonly #firstUser: number[] = []
  readonly #edgeSource: number[] = []
  readonly #edgeUser: number[] = []
  readonly #nextSource: number[] = []
  readonly #nextUser: number[] = []

  /** True when the function is too large for this analysis: what was left out makes {@link place} worthless. */
  get isTooLarge(): boolean {
    return this.#edgeSource.length >= EDGES_MAX
  }

  reset(): void {
    this.#count = 0
    this.#edgeSource.length = 0
    for (let fixed = EXACT; fixed <= OUTSIDE; fixed++) this.carried(0)
  }

  /** The result of arithmetic by the instruction at `position`. @param weight how often it runs, as a guess */
  arithmetic(shape: number, position: number, weight: number): number {
    const node = this.carried(laneOf(shape))
    this.#shape[node] = shape
    this.#position[node] = position
    this.#weight[node] = weight
    return node
  }

  /** What `local` holds when the instruction at `position` reads it. @param shape none for vectors */
  reading(local: number, shape: number, place: { readonly position: number; readonly weight: number }): number {
    const node = this.carried(0)
    this.#shape[node] = shape
    this.#position[node] = place.position
    this.#weight[node] = place.weight
    this.#local[node] = local
    this.link(node, local)
    return node
  }

  /** A value that is one of its sources, or made of their bits. @param lanes what it is taken for on the way */
  carried(lanes: number): number {
    const node = this.#count++
    this.#lanes[node] = lanes
    this.#taken[node] = 0
    this.#exact[node] = 0
    this.#shape[node] = Shape.none
    this.#position[node] = -1
    this.#weight[node] = 0
    this.#local[node] = 0
    this.#demanded[node] = 0
    this.#firstSource[node] = -1
    this.#firstUser[node] = -1
    return node
  }

  /** Says that `user` may be `source`. */
  link(user: number, source: number): void {
    if (source === TAME) return
    if (source === EXACT) {
      this.#exact[user] = 1
      return
    }
    if (this.isTooLarge) return
    const edge = this.#edgeSource.length
    this.#edgeSource[edge] = source
    this.#edgeUser[edge] = user
    this.#nextSource[edge] = this.#firstSource[user] as number
    this.#firstSource[user] = edge
    this.#nextUser[edge] = this.#firstUser[source] as number
    this.#firstUser[source] = edge
  }

  /** Says that NaNs of this node must keep their bits even where its sources' need not. */
  keepBits(node: number): void {
    if (node > OUTSIDE) this.#exact[node] = 1
  }

  /** Says that arithmetic takes the value for this lane type: other lanes' bits would show. */
  take(node: number, lane: number): void {
    if (node > OUTSIDE) this.#taken[node] = (this.#taken[node] as number) | lane
  }

  /** Says that the program sees the value's bits. */
  observe(node: number): void {
    if (node > OUTSIDE) this.link(OUTSIDE, node)
  }

  /** Writes to `plan[position]` the shape of what must be made canonical there; false when nothing must. */
  place(plan: Uint8Array): boolean {
    this.#spread()
    for (let node = OUTSIDE + 1; node < this.#count; node++) {
      const taken = this.#taken[node] as number
      const lanes = this.#lanes[node] as number
      if (taken !== 0 && ((lanes & ~taken) !== 0 || taken === (Lane.f32 | Lane.f64))) this.observe(node)
    }
    let isPlaced = false
    const put = (node: number, shape: number): void => {
      plan[this.#position[node] as number] = shape
      isPlaced = true
    }
    for (const reading of this.#decide(this.#demand(OUTSIDE))) put(reading, this.#shapeOf(reading))
    for (let node = OUTSIDE + 1; node < this.#count; node++)
      if (this.#demanded[node] === 1 && this.#isArithmetic(node)) put(node, this.#shape[node] as number)
    return isPlaced
  }

  /** Lets lanes and exactness flow from sources to users. */
  #spread(): void {
    const work: number[] = []
    for (let node = 0; node < this.#count; node++)
      if (this.#lanes[node] !== 0 || this.#exact[node] !== 0) work.push(node)
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      for (let edge = this.#firstUser[node] as number; edge >= 0; edge = this.#nextUser[edge] as number) {
        const user = this.#edgeUser[edge] as number
        const lanes = (this.#lanes[user] as number) | (this.#lanes[node] as number)
        const exact = (this.#exact[user] as number) | (this.#exact[node] as number)
        if (lanes === this.#lanes[user] && exact === this.#exact[user]) continue
        this.#lanes[user] = lanes
        this.#exact[user] = exact
        work.push(user)
      }
    }
  }

  /** Marks what the sources of `from` need; readings that could be made canonical themselves are only collected. */
  #demand(from: number): number[] {
    const deferred: number[] = []
    const work = [from]
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      for (let edge = this.#firstSource[node] as number; edge >= 0; edge = this.#nextSource[edge] as number) {
        const source = this.#edgeSource[edge] as number
        if (this.#demanded[source] === 1) continue
        this.#demanded[source] = 1
        if (this.#isLateable(source)) deferred.push(source)
        else work.push(source)
      }
    }
    return deferred
  }

  /**
   * Decides for each local that is read with its bits seen: make it canonical at these readings, or where it is made,
   * whichever runs less often. Returns the readings.
   */
  #decide(first: readonly number[]): number[] {
    const late: number[] = []
    let round = first
    while (round.length > 0) {
      const byLocal = Map.groupBy(round, (node) => this.#local[node] as number)
      const next: number[] = []
      for (const [local, readings] of byLocal) {
        if (this.#demanded[local] === 1) continue
        const weight = readings.reduce((sum, node) => sum + (this.#weight[node] as number), 0)
        if (weight < this.#weightOfMaking(local)) late.push(...readings)
        else {
          this.#demanded[local] = 1
          next.push(...this.#demand(local))
        }
      }
      round = next
    }
    // A local that was first left to its readings may have been made canonical for the sake of a later one.
    return late.filter((node) => this.#demanded[this.#local[node] as number] !== 1)
  }

  /** How often the arithmetic runs that would have to be made canonical for this node and is not yet. */
  #weightOfMaking(from: number): number {
    const seen = new Set([from])
    const work = [from]
    let weight = 0
    for (let node = work.pop(); node !== undefined; node = work.pop()) {
      if (seen.size > SOURCES_LOOKED_AT_MAX) return Number.POSITIVE_INFINITY
      for (let edge = this.#firstSource[node] as number; edge >= 0; edge = this.#nextSource[edge] as number) {
        const source = this.#edgeSource[edge] as number
        if (seen.has(source)) continue
        seen.add(source)
        if (!this.#isArithmetic(source)) work.push(source)
        else if (this.#demanded[source] !== 1) weight += this.#weight[source] as number
      }
    }
    return weight
  }

  #isArithmetic(node: number): boolean {
    return this.#position[node] !== -1 && this.#local[node] === 0
  }

  /** True for readings of which every NaN would be canonical if all arithmetic made canonical NaNs. */
  #isLateable(node: number): boolean {
    if (this.#local[node] === 0 || this.#exact[node] !== 0) return false
    const lanes = this.#lanes[node] as number
    if (lanes === (Lane.f32 | Lane.f64)) return false
    return this.#shape[node] === Shape.none || laneOf(this.#shape[node] as number) === lanes
  }

  #shapeOf(reading: number): number {
    const shape = this.#shape[reading] as number
    if (shape !== Shape.none) return shape
    return this.#lanes[reading] === Lane.f32 ? Shape.f32x4 : Shape.f64x2
  }
}

/**
 * Bounds the memory that one function takes here: ordinary code has one edge for each two bytes at the most, hostile
 * code can have a hundred for each.
 */
const EDGES_MAX = 1_000_000

/** Bounds the search for a local's origins; beyond it, making canonical late is taken for the cheaper way. */
const SOURCES_LOOKED_AT_MAX = 256
