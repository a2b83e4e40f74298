import { expect, test } from 'vitest'
import { FunctionReader } from '../src/binary/function-reader.ts'
import { readModule } from '../src/binary/module-reader.ts'
import { CALL_PREPAY_UNITS, CALL_PREPAY_UNITS_MAX, CHARGE_BEHIND_UNITS_MAX } from '../src/cost-table.ts'
import { functionTypeAt } from '../src/meter/block-types.ts'
import { EvenJoins } from '../src/meter/even-joins.ts'
import { EdgeSite, EXIT, FlowGraph } from '../src/meter/flow-graph.ts'
import { InstructionUnits } from '../src/meter/instruction-units.ts'
import { Potentials } from '../src/meter/potentials.ts'
import { randomProgram } from './random-program.ts'

interface Spread {
  readonly graph: FlowGraph
  readonly potentials: Potentials
  readonly even: EvenJoins
  readonly entryUnits: number
}

/** Charged ahead at the two ends of each block, found by following all paths from the entry. */
function follow({ graph, potentials, even, entryUnits }: Spread): readonly (readonly [enter: number, leave: number])[] {
  const ends: [number, number][] = []
  const enter = (block: number, potential: number): void => {
    const known = ends[block]
    // Whatever the path, as much has been charged ahead.
    if (known !== undefined) expect(known[0]).toBe(potential)
    else ends[block] = [potential, potential + potentials.blockCharge(block) - (graph.costOf[block] as number)]
  }
  enter(0, entryUnits)
  // Blocks come before those that they lead to, but for loops, which lead back to what is known.
  for (let from = 0; from < graph.blockCount; from++) {
    for (let edge = 0; edge < graph.edgeCount; edge++) {
      if (graph.fromOf[edge] !== from) continue
      const charge = potentials.edgeCharge(edge)
      if (graph.siteOf[edge] === EdgeSite.none) expect(charge).toBe(0 - (even.slackOf[edge] as number))
      const to = graph.toOf[edge] as number
      const arriving = (ends[from] as [number, number])[1] + charge
      if (to === EXIT) expect(arriving).toBe(0)
      else enter(to, arriving)
    }
  }
  return ends
}

/** In a frame that waits for a call, as CHARGE_AHEAD_UNITS_MAX is made of. */
const AHEAD_AT_CALLS_MAX = 512

test('charges keep within their bounds of what is executed, on every path, whatever instructions cost', () => {
  const graph = new FlowGraph()
  const potentials = new Potentials()
  const units = new InstructionUnits()
  const even = new EvenJoins()
  let widest = 0
  for (let seed = 1; seed <= 300; seed++) {
    const view = readModule(randomProgram(seed))
    const reader = new FunctionReader(view.bytes)
    view.bodies.forEach((range, body) => {
      const code = reader.read(range)
      const type = functionTypeAt(view, view.imports.length + body)
      // Dearer than they are, so that the bounds are met.
      const prices = units.read(view, type, code).map((price) => price * (1 + (seed % 40)))
      graph.build(view, type, code, prices)
      // Every other function chooses what its callers pay ahead.
      const isFree = (seed + body) % 2 === 0
      const paid = isFree ? { least: 0, most: CALL_PREPAY_UNITS_MAX } : { least: 64, most: 64 }
      even.find(graph, 64)
      const entryUnits = potentials.spread(graph, even, { ...paid, usual: CALL_PREPAY_UNITS })
      expect(entryUnits).toBeGreaterThanOrEqual(paid.least)
      expect(entryUnits).toBeLessThanOrEqual(paid.most)
      const ends = follow({ graph, potentials, even, entryUnits })
      ends.forEach((potential, block) => {
        for (const value of potential) {
          expect(Math.abs(value)).toBeLessThanOrEqual(CHARGE_BEHIND_UNITS_MAX + AHEAD_AT_CALLS_MAX)
          expect(value).toBeGreaterThanOrEqual(-CHARGE_BEHIND_UNITS_MAX)
          if (graph.callsOf[block] !== true) continue
          expect(value).toBeGreaterThanOrEqual(0)
          expect(value).toBeLessThanOrEqual(AHEAD_AT_CALLS_MAX)
        }
        widest = Math.max(widest, ...potential.map(Math.abs))
      })
    })
  }
  expect(widest).toBeGreaterThan(CHARGE_BEHIND_UNITS_MAX / 2)
})
