import { EdgeSite, type FlowGraph } from './flow-graph.ts'

const NO_EDGE = -1

/**
 * Finds where ways meet that cost nearly the same, so that all of them can be billed as the dearest and none needs a
 * charge of its own. Arrays are parallel to the graph's and reused: valid until the next {@link EvenJoins.find}.
 */
export class EvenJoins {
  /** By edge: units that this way into a join is billed without having executed them. */
  readonly slackOf: number[] = []
  /** By block: the slack of the edges into it on which nothing can be written; they all have the same. */
  readonly fixedSlackOf: number[] = []

  #graph!: FlowGraph
  #slackUnitsMax = 0
  /** By block its last edge in, by edge the one before; NO_EDGE ends the list. Ways back of loops are not in it. */
  readonly #lastInOf: number[] = []
  readonly #previousInOf: number[] = []
  /** By block: units from the entry to its begin, on the dearest of the ways that are billed alike. */
  readonly #unitsTo: number[] = []

  /** @param slackUnitsMax most that one way is billed too much at one join; 0 finds nothing */
  find(graph: FlowGraph, slackUnitsMax: number): void {
    this.#graph = graph
    this.#slackUnitsMax = slackUnitsMax
    for (let block = 0; block < graph.blockCount; block++) {
      this.fixedSlackOf[block] = 0
      this.#lastInOf[block] = NO_EDGE
    }
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      this.slackOf[edge] = 0
      const to = graph.toOf[edge] as number
      if (to <= (graph.fromOf[edge] as number)) continue
      this.#previousInOf[edge] = this.#lastInOf[to] as number
      this.#lastInOf[to] = edge
    }
    if (slackUnitsMax === 0) return
    // Blocks come before those that they lead to, so all that leads to one is known.
    for (let block = 0; block < graph.blockCount; block++) this.#enter(block)
  }

  #enter(block: number): void {
    const last = this.#lastInOf[block] as number
    if (last === NO_EDGE) this.#unitsTo[block] = 0
    else if (this.#previousInOf[last] === NO_EDGE) this.#unitsTo[block] = this.#unitsBy(last)
    else this.#join(block)
  }

  /** Bills the ways into a block alike, the dearest that are much dearer excepted. */
  #join(block: number): void {
    let least = Number.POSITIVE_INFINITY
    for (const edge of this.#waysTo(block)) least = Math.min(least, this.#unitsBy(edge))
    let units = least
    for (const edge of this.#waysTo(block)) {
      const dearer = this.#unitsBy(edge)
      if (dearer <= least + this.#slackUnitsMax) units = Math.max(units, dearer)
    }
    this.#unitsTo[block] = units
    this.#level(block, units)
  }

  /** Notes what each way into a join is billed too much, unless it differs where nothing can be written. */
  #level(block: number, units: number): void {
    let fixed: number | undefined
    for (const edge of this.#waysTo(block)) {
      if (this.#graph.siteOf[edge] !== EdgeSite.none) continue
      const slack = Math.max(0, units - this.#unitsBy(edge))
      if (slack !== (fixed ?? slack)) return
      fixed = slack
    }
    this.fixedSlackOf[block] = fixed ?? 0
    for (const edge of this.#waysTo(block)) this.slackOf[edge] = Math.max(0, units - this.#unitsBy(edge))
  }

  /** Units from the entry to the end of an edge. */
  #unitsBy(edge: number): number {
    const from = this.#graph.fromOf[edge] as number
    return (this.#unitsTo[from] as number) + (this.#graph.costOf[from] as number)
  }

  *#waysTo(block: number): Iterable<number> {
    for (let edge = this.#lastInOf[block] as number; edge !== NO_EDGE; edge = this.#previousInOf[edge] as number)
      yield edge
  }
}
