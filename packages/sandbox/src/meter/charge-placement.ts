import type { FunctionCode } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'
import { Op } from '../binary/opcodes.ts'
import { CALL_PREPAY_UNITS, CALL_PREPAY_UNITS_MAX } from '../cost-table.ts'
import { UNCHECKED_UNITS } from './call-graph.ts'
import { type ChargePlan, ChargeSite } from './charge-plan.ts'
import { takeCountedLoops } from './counted-loops.ts'
import { EvenJoins } from './even-joins.ts'
import { EdgeSite, EXIT, FlowGraph, NONE } from './flow-graph.ts'
import { InstructionUnits } from './instruction-units.ts'
import { Potentials } from './potentials.ts'

/** What a placement knows of the function whose charges it places. */
export interface PlacedFunction {
  readonly view: ModuleView
  readonly type: FunctionType
  readonly code: FunctionCode
  /** The function must look at the fuel before it does much; see CallGraph. */
  readonly checksFuel: boolean
  /** Units that the call at an instruction may cost in functions that do not look at the fuel; 0 when it is none. */
  readonly uncheckedUnits: (index: number) => number
  /** Units that the call at an instruction pays ahead for its callee; 0 when it is none. */
  readonly prepaidUnits: (index: number) => number
  /** Units that the function finds paid when it is entered; undefined when the placement may choose. */
  readonly entryUnits: number | undefined
}

/** Fills a plan with the charges of one function. */
export interface ChargePlacement {
  /** Units that a function finds paid when it is entered by whoever cannot know how many it wants. */
  readonly prepayUnits: number
  /** @returns units that the function finds paid when it is entered */
  place(plan: ChargePlan, target: PlacedFunction): number
}

/** How exactly {@link FlowPlacement} keeps to the sum of what is executed. */
interface FlowPlacementOptions {
  /** Refunds of up to this many units are not given; 0 gives all. */
  readonly refundUnitsMin: number
  /** Units that a call pays ahead for a callee that has not chosen, and most that one may choose. */
  readonly prepayUnits: number
  readonly prepayUnitsMax: number
}

/**
 * Places charges on as few and as rare edges of the flow graph as possible. Fuel is a potential: at each point of the
 * function stands how much has been charged ahead of what was executed. Edges of a maximum spanning tree, weighted by
 * how often they run, need no charge; each other edge is charged (or refunded) the difference of its ends. So a
 * function that returns has paid exactly what it executed, on every path, plus the refunds that were too small to give.
 * Sources: Knuth, Fundamental Algorithms 2.3.4.1; Ball and Larus, Optimally profiling and tracing programs, 1994.
 */
class FlowPlacement implements ChargePlacement {
  readonly prepayUnits: number
  readonly #prepayUnitsMax: number
  readonly #refundUnitsMin: number
  readonly #graph = new FlowGraph()
  readonly #even = new EvenJoins()
  readonly #potentials = new Potentials()
  readonly #units = new InstructionUnits()

  constructor(options: FlowPlacementOptions) {
    this.prepayUnits = options.prepayUnits
    this.#prepayUnitsMax = options.prepayUnitsMax
    this.#refundUnitsMin = options.refundUnitsMin
  }

  place(plan: ChargePlan, target: PlacedFunction): number {
    const { view, type, code } = target
    const graph = this.#graph
    plan.clear()
    graph.build(view, type, code, this.#pricesOf(target))
    plan.countedLoops = takeCountedLoops(graph, code)
    this.#even.find(graph, this.#refundUnitsMin)
    const least = target.entryUnits ?? 0
    const most = target.entryUnits ?? this.#prepayUnitsMax
    const entryUnits = this.#potentials.spread(graph, this.#even, { least, most, usual: this.prepayUnits })
    for (let block = 0; block < graph.blockCount; block++) this.#chargeBlock(plan, block)
    for (let edge = 0; edge < graph.edgeCount; edge++) this.#chargeEdge(plan, edge)
    if (target.checksFuel) {
      this.#checkFuel(plan)
      this.#checkCallees(plan, target)
    }
    plan.sort()
    plan.noteLoops(graph.callFree)
    return entryUnits
  }

  /** Looks at the fuel where calls are paid for if that covers all of them, or else where the function begins. */
  #checkFuel(plan: ChargePlan): void {
    const graph = this.#graph
    const positions = new Set<number>()
    for (let block = 0; block < graph.blockCount; block++) {
      if (!graph.callsOf[block]) continue
      if (this.#potentials.blockCharge(block) <= 0 || positions.size === CHECKS_AT_CALLS_MAX) {
        plan.checkEntry()
        return
      }
      positions.add(graph.firstOf[block] as number)
    }
    if (positions.size === 0) plan.checkEntry()
    else plan.checkAt(positions)
  }

  /** Looks at the fuel also between calls, where functions that do not look may do much one after the other. */
  #checkCallees(plan: ChargePlan, { code, uncheckedUnits }: PlacedFunction): void {
    let block = NONE
    let units = 0
    for (let index = 0; index < code.count; index++) {
      const work = uncheckedUnits(index)
      if (work === 0) continue
      const at = this.#graph.blockAt[index] as number
      if (at !== block) units = 0
      block = at
      units += work
      if (block === NONE || units <= UNCHECKED_UNITS) continue
      plan.charge(ChargeSite.before, index, 0, true)
      units = work
    }
  }

  #pricesOf({ view, type, code, prepaidUnits }: PlacedFunction): Int32Array {
    const prices = this.#units.read(view, type, code)
    for (let index = 0; index < code.count; index++)
      if (isGuestCall(view, code, index)) prices[index] = (prices[index] as number) + prepaidUnits(index)
    return prices
  }

  #chargeBlock(plan: ChargePlan, block: number): void {
    const graph = this.#graph
    const header = graph.headerOf[block] as number
    const isChecked = block === header || this.#checksPasses(header)
    const first = graph.firstOf[block] as number
    this.#add(plan, ChargeSite.before, first, this.#potentials.blockCharge(block), isChecked)
    const slack = this.#even.fixedSlackOf[block] as number
    if (slack > 0) plan.keepRefund(ChargeSite.before, first, slack)
  }

  #chargeEdge(plan: ChargePlan, edge: number): void {
    const graph = this.#graph
    const site = graph.siteOf[edge] as number
    if (site === EdgeSite.none) return
    const from = graph.fromOf[edge] as number
    const to = graph.toOf[edge] as number
    // The loop that both ends are in: an edge that enters or leaves one belongs to the next one out.
    const isInner = to !== EXIT && (graph.loopDepthOf[to] as number) <= (graph.loopDepthOf[from] as number)
    const header = to === EXIT ? NONE : (graph.headerOf[isInner ? to : from] as number)
    const position = graph.positionOf[edge] as number
    this.#add(plan, planSites[site] as number, position, this.#potentials.edgeCharge(edge), this.#checksPasses(header))
    // The block counts this slack on every way into it, also on those where it could be written.
    const slack = to === EXIT ? 0 : (this.#even.fixedSlackOf[to] as number)
    if (slack > 0) plan.keepRefund(planSites[site] as number, position, -slack)
  }

  /**
   * True when every charge in the loop must look at the fuel. All its cycles pass its first block: where that is charged,
   * it looks for all of them; else each cycle has some other place where it is charged more than nothing.
   */
  #checksPasses(header: number): boolean {
    return header !== NONE && this.#potentials.blockCharge(header) <= 0
  }

  #add(plan: ChargePlan, site: number, position: number, units: number, isChecked: boolean): void {
    if (units === 0) return
    if (units < 0 && -units <= this.#refundUnitsMin) plan.keepRefund(site, position, -units)
    else plan.charge(site, position, units, isChecked && units > 0)
  }
}

/** More blocks with calls than this, and one look on entry is cheaper. */
const CHECKS_AT_CALLS_MAX = 2

const planSites: readonly number[] = [ChargeSite.before, ChargeSite.before, ChargeSite.taken, ChargeSite.otherwise]

/** True for a call of a function of the module; its price includes the prepayment. */
export function isGuestCall(view: ModuleView, code: FunctionCode, index: number): boolean {
  const operation = code.operations[index]
  return (
    operation === Op.callIndirect || (operation === Op.call && (code.first[index] as number) >= view.imports.length)
  )
}

/** Every path pays exactly what it executes. */
export const exactPlacement = (): ChargePlacement =>
  new FlowPlacement({ refundUnitsMin: 0, prepayUnits: 0, prepayUnitsMax: 0 })

/** What bills are made with: small refunds are not given, and calls pay for their callee's first instructions. */
export const billingPlacement = (): ChargePlacement =>
  new FlowPlacement({ refundUnitsMin: 64, prepayUnits: CALL_PREPAY_UNITS, prepayUnitsMax: CALL_PREPAY_UNITS_MAX })
