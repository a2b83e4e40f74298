import { Assignment, type BondedNode } from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BeaconDraw } from '../src/probes/beacon-draw.ts'
import { addressOf, hashOf } from './world.ts'

/** `sizes[i]` nodes of operator i. */
function fleet(sizes: readonly number[]): BondedNode[] {
  return sizes.flatMap((size, operator) =>
    Array.from({ length: size }, (_, index) => ({
      node: addressOf(`node ${operator} ${index}`),
      operator: addressOf(`operator ${operator}`),
    })),
  )
}

const anySizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 })
const anyBeacon = fc.string({ minLength: 1, maxLength: 8 }).map(hashOf)

describe('assignment of probers', () => {
  test('draws distinct operators, never the own one, and as many as there are', () => {
    fc.assert(
      fc.property(anySizes, anyBeacon, fc.integer({ min: 1, max: 8 }), (sizes, beacon, count) => {
        const assignment = new Assignment(beacon, fleet(sizes), count)
        for (const [target, { operator }] of assignment.nodes.entries()) {
          const probers = assignment.probersOf(target)
          const operators = probers.map((prober) => assignment.nodes[prober]?.operator)
          expect(new Set([operator, ...operators]).size).toBe(probers.length + 1)
          expect(probers.length).toBe(Math.min(count, sizes.length - 1))
          for (const [position, prober] of probers.entries()) {
            expect(assignment.positionOf(target, prober)).toBe(position)
            expect(assignment.targetsOf(prober)).toContain(target)
          }
        }
      }),
      { numRuns: 100 },
    )
  })

  test('is the same for every order of the nodes, and another for another beacon', () => {
    const nodes = fleet([1, 2, 3, 1, 1, 2])
    const drawn = (list: readonly BondedNode[], beacon = hashOf('beacon')): string => {
      const assignment = new Assignment(beacon, list, 3)
      return assignment.nodes.map(({ node }, i) => `${node} ${assignment.probersOf(i)}`).join('\n')
    }
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        expect(drawn(shuffled)).toBe(drawn(nodes))
      }),
      { numRuns: 20 },
    )
    expect(drawn(nodes, hashOf('other'))).not.toBe(drawn(nodes))
  })

  test('one draw of a node does not depend on the other nodes’ draws: a known answer', () => {
    const assignment = new Assignment(hashOf('beacon'), fleet([1, 1, 1, 1, 1, 1, 1, 1]), 3)
    const drawn = assignment.nodes.map((_, target) => assignment.probersOf(target).join(' '))
    expect(drawn).toEqual(['6 5 1', '4 7 2', '1 6 3', '1 7 0', '1 0 2', '1 6 4', '2 0 1', '3 1 6'])
  })

  test('gives every node of other operators the same chance, however operators are cut (chi-square)', () => {
    const nodes = fleet([1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    const draws = 3000
    const counts = new Map<number, number>()
    const assignmentOf = (round: number): Assignment => new Assignment(hashOf(`beacon ${round}`), nodes, 3)
    const { nodes: sorted } = assignmentOf(0)
    for (let round = 0; round < draws; round++) {
      const target = sorted.findIndex(({ node }) => node === addressOf('node 4 0'))
      for (const prober of assignmentOf(round).probersOf(target)) counts.set(prober, (counts.get(prober) ?? 0) + 1)
    }
    expect(counts.size).toBe(9)
    const expected = (draws * 3) / 9
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    // 8 degrees of freedom: above 26.1 once in a thousand. The beacons are fixed, so this never flickers.
    expect(chiSquare).toBeLessThan(26.1)
  })

  test('makes an operator likelier by its bonded nodes, not by its number of names', () => {
    // Ten nodes of one operator against ten operators of one node each: the first prober is of either side equally often.
    const nodes = fleet([1, 10, ...Array.from({ length: 10 }, () => 1)])
    let ofTheOne = 0
    const rounds = 2000
    for (let round = 0; round < rounds; round++) {
      const assignment = new Assignment(hashOf(`beacon ${round}`), nodes, 1)
      const target = assignment.indexOf(addressOf('node 0 0')) ?? -1
      const [prober = -1] = assignment.probersOf(target)
      if (assignment.nodes[prober]?.operator === addressOf('operator 1')) ofTheOne++
    }
    // Half of 2,000 within four standard deviations (22 each).
    expect(Math.abs(ofTheOne - rounds / 2)).toBeLessThan(90)
  })

  test('spreads the work: no prober of 400 gets more than thrice its share', () => {
    const assignment = new Assignment(hashOf('load'), fleet(Array.from({ length: 400 }, () => 1)), 10)
    const loads = assignment.nodes.map((_, prober) => assignment.targetsOf(prober).length)
    expect(loads.reduce((sum, load) => sum + load, 0)).toBe(4000)
    expect(Math.max(...loads)).toBeLessThan(30)
  })
})

test('numbers drawn are below their bound, reach every value and refuse senseless bounds', () => {
  const draw = new BeaconDraw(new Uint8Array(32))
  const seen = new Set(Array.from({ length: 500 }, () => draw.below(7)))
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(draw.below(1)).toBe(0)
  for (const bound of [0, -1, 1.5, 2 ** 33]) expect(() => draw.below(bound)).toThrow(RangeError)
})
