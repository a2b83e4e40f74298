import type { FunctionCode } from '../binary/function-reader.ts'
import { ValueType } from '../whitelist.ts'
import { type DemandGraph, EXACT } from './demand-graph.ts'
import { Shape } from './float-operations.ts'

/** A local that can hold a NaN. */
export interface FloatLocal {
  readonly node: number
  /** Shape of what it holds; none for vectors, whose lanes depend on what is put in. */
  readonly shape: number
}

/** The float and vector locals of one function, with a node for each that its code names. */
export class LocalNodes {
  readonly #graph: DemandGraph
  readonly #known: Map<number, FloatLocal | undefined> = new Map()
  #parameters: readonly number[] = []
  #runs: FunctionCode['localRuns'] = []
  /** Index of the first local behind each run. */
  readonly #ends: number[] = []

  constructor(graph: DemandGraph) {
    this.#graph = graph
  }

  reset(parameters: readonly number[], runs: FunctionCode['localRuns']): void {
    this.#known.clear()
    this.#parameters = parameters
    this.#runs = runs
    this.#ends.length = 0
    let end = parameters.length
    for (const run of runs) {
      end += run.count
      this.#ends.push(end)
    }
  }

  /** Undefined for locals of other types. */
  of(index: number): FloatLocal | undefined {
    const known = this.#known.get(index)
    if (known !== undefined || this.#known.has(index)) return known
    const local = this.#make(index)
    this.#known.set(index, local)
    return local
  }

  #make(index: number): FloatLocal | undefined {
    const isParameter = index < this.#parameters.length
    const shape = shapeOfType(isParameter ? this.#parameters[index] : this.#declaredType(index))
    if (shape === undefined) return undefined
    const node = this.#graph.carried(0)
    // Parameters hold what the caller made of them; declared locals begin as zero, which is no NaN.
    if (isParameter) this.#graph.link(node, EXACT)
    return { node, shape }
  }

  #declaredType(index: number): number | undefined {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ends[middle] as number) > index) high = middle
      else low = middle + 1
    }
    return this.#runs[low]?.type
  }
}

function shapeOfType(type: number | undefined): number | undefined {
  if (type === ValueType.f32) return Shape.f32
  if (type === ValueType.f64) return Shape.f64
  return type === ValueType.v128 ? Shape.none : undefined
}
