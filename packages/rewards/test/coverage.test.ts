import { microUsd } from '@stead/core'
import {
  type CoverageParameters,
  coverageProgram,
  epochNumber,
  type NodeQuality,
  type ProgramInput,
  ppm,
  QualityTable,
  type Share,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf } from './world.ts'

const first = addressOf('operator 1')

function input(change: Partial<ProgramInput>): ProgramInput {
  const empty = { epoch: epochNumber(5), operators: [], quality: new QualityTable([]), parts: [], soldLots: [] }
  return { ...empty, budgetMicroUsd: microUsd(0n), given: new Map(), ...change }
}

function shareOf(shares: readonly Share[], operator: string): Share {
  const found = shares.find((share) => share.operator === operator)
  if (found === undefined) throw new Error(`no share of ${operator}`)
  return found
}

describe('coverage', () => {
  const parameters: CoverageParameters = {
    rateMicroUsd: microUsd(1000n),
    networksEnough: 4,
    qualityFloorPpm: ppm(500_000),
    networkMaxMicroUsd: microUsd(1500n),
    operatorMaxMicroUsd: microUsd(1200n),
    epochMaxMicroUsd: microUsd(10_000n),
    cells: ['bandwidth antarctica', 'compute antarctica', 'sensing antarctica', 'storage antarctica'],
  }
  const budgetMicroUsd = microUsd(100_000n)

  function quality(index: number, change: Partial<NodeQuality> = {}): NodeQuality {
    return {
      node: addressOf(`node ${index}`),
      operator: addressOf(`operator ${index}`),
      qualityPpm: ppm(1_000_000),
      availabilityPpm: ppm(1_000_000),
      latencyMs: 40,
      assigned: 5,
      reports: 5,
      network: `4:0a00${index.toString(16).padStart(2, '0')}`,
      region: 'antarctica',
      resources: 1,
      provenPpm: undefined,
      auditCounts: {},
      isPenalised: false,
      ...change,
    }
  }

  function run(
    nodes: readonly NodeQuality[],
    change: Partial<CoverageParameters> = {},
    budget = budgetMicroUsd,
  ): readonly Share[] {
    const operators = [...new Set(nodes.map(({ operator }) => operator))].sort()
    const given = input({ operators, quality: new QualityTable(nodes), budgetMicroUsd: budget })
    return coverageProgram.shares(given, { ...parameters, ...change })
  }

  const sum = (shares: readonly Share[]): bigint => shares.reduce((total, share) => total + share.amountUnits, 0n)

  test('pays the first in a place most, less with each neighbour, and nothing where there are enough', () => {
    const perNode = [1, 2, 3, 4, 5].map((count) => {
      const shares = run(Array.from({ length: count }, (_, index) => quality(index)))
      return shares[0]?.amountUnits
    })
    expect(perNode).toEqual([1000n, 750n, 500n, 250n, 0n])
    const crowded = run(Array.from({ length: 5 }, (_, index) => quality(index)))
    expect(crowded[0]?.reasons).toContainEqual({
      code: 'well-covered',
      about: 'compute antarctica',
      need: 4n,
      have: 5n,
    })
  })

  test('sybil operators in one /24 earn together what one honest node there earns', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat({ max: 3 }), (sybils, honest) => {
        const network = '4:c00002'
        const others = Array.from({ length: honest }, (_, index) => quality(100 + index))
        const alone = run([...others, quality(0, { network })])
        const many = run([...others, ...Array.from({ length: sybils }, (_, index) => quality(index, { network }))])
        const ofSybils = many.filter(({ operator }) => !others.some((other) => other.operator === operator))
        expect(sum(ofSybils)).toBeLessThanOrEqual(shareOf(alone, addressOf('operator 0')).amountUnits)
        // And they take nothing from those who were there.
        for (const { operator } of others) {
          expect(shareOf(many, operator).amountUnits).toBe(shareOf(alone, operator).amountUnits)
        }
      }),
    )
  })

  test('holds each cap: per network over all places, per operator over all networks, per epoch, and the deposit', () => {
    const everything = run([quality(0, { resources: 0b1111 })], { operatorMaxMicroUsd: budgetMicroUsd })
    expect(sum(everything)).toBe(1500n)
    expect(everything[0]?.reasons).toContainEqual({ code: 'capped', about: '4:0a0000', need: 4000n, have: 1500n })
    const operator = addressOf('many networks')
    const spread = [0, 1, 2].map((index) => quality(index, { operator, region: `place ${index}` }))
    const cells = Array.from({ length: 30 }, (_, index) => `compute place ${index}`).sort()
    expect(sum(run(spread, { cells }))).toBe(1200n)
    const far = Array.from({ length: 30 }, (_, index) => quality(index, { region: `place ${index}` }))
    expect(sum(run(far, { cells }))).toBe(9990n)
    const poor = run(far, { cells }, microUsd(77n))
    expect(sum(poor)).toBeLessThanOrEqual(77n)
    expect(poor[0]?.reasons).toContainEqual({ code: 'deposit-limit', about: 'epoch', need: 30_000n, have: 77n })
    expect(sum(run(far, { cells }, microUsd(0n)))).toBe(0n)
  })

  test('says why a node earns nothing', () => {
    const unknown = { qualityPpm: undefined, availabilityPpm: undefined, reports: 2 }
    const shares = run([
      quality(0, unknown),
      quality(1, { qualityPpm: ppm(499_999) }),
      quality(2, { network: undefined }),
      quality(3, { region: undefined }),
      quality(4, { resources: 0 }),
    ])
    const codes = [0, 1, 2, 3, 4].map((index) => shareOf(shares, addressOf(`operator ${index}`)).reasons[0]?.code)
    expect(codes).toEqual(['quality-unknown', 'quality', 'network-unknown', 'place-unknown', 'place-unknown'])
    const bondless = coverageProgram.shares(input({ operators: [first], budgetMicroUsd }), parameters)
    expect(bondless[0]?.reasons[0]?.code).toBe('not-bonded')
  })

  test('keeps all caps for any nodes, and gives every zero a reason', () => {
    const anyNode = fc.record({
      operator: fc.nat({ max: 6 }).map((index) => addressOf(`operator ${index}`)),
      network: fc.option(
        fc.nat({ max: 5 }).map((index) => `4:${index}`),
        { nil: undefined },
      ),
      region: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
      resources: fc.nat({ max: 15 }),
      qualityPpm: fc.option(fc.nat({ max: 1_000_000 }).map(ppm), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(anyNode, { maxLength: 40 }), fc.bigInt({ min: 0n, max: 5000n }), (list, budget) => {
        const shares = run(
          list.map((change, index) => quality(index, change)),
          {},
          microUsd(budget),
        )
        expect(sum(shares)).toBeLessThanOrEqual(budget)
        for (const { amountUnits, reasons } of shares) {
          expect(amountUnits).toBeLessThanOrEqual(parameters.operatorMaxMicroUsd)
          if (amountUnits === 0n) expect(reasons.length).toBeGreaterThan(0)
        }
      }),
    )
  })

  test('does not depend on the order of nodes', () => {
    const nodes = Array.from({ length: 9 }, (_, index) =>
      quality(index, {
        region: `place ${index % 3}`,
        network: `4:${index % 5}`,
        qualityPpm: ppm(600_000 + 1000 * index),
      }),
    )
    const plain = run(nodes, { epochMaxMicroUsd: microUsd(999n) })
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        const amounts = (shares: readonly Share[]): unknown =>
          shares.map(({ operator, amountUnits }) => [operator, amountUnits])
        expect(amounts(run(shuffled, { epochMaxMicroUsd: microUsd(999n) }))).toEqual(amounts(plain))
      }),
      { numRuns: 20 },
    )
  })

  test('pays nothing for a place that nobody asked for: inventing one is no way to be alone in it', () => {
    const names = Array.from({ length: 10 }, (_, index) => `xx${index}`)
    const inventive = names.map((region, index) => quality(1, { node: addressOf(`node ${index}`), region }))
    const greedy = quality(2, { resources: 0b1111, region: 'Antarctica ' })
    const shares = run([...inventive, greedy, quality(3)])
    expect(shareOf(shares, first)).toMatchObject({ amountUnits: 0n })
    expect(shareOf(shares, first).reasons[0]).toEqual({
      code: 'place-not-paid',
      about: 'compute xx0',
      need: 1n,
      have: 0n,
    })
    expect(shareOf(shares, addressOf('operator 2')).amountUnits).toBe(0n)
    expect(shareOf(shares, addressOf('operator 3')).amountUnits).toBe(1000n)
  })

  test.each([
    ['none', []],
    ['one twice', ['compute a', 'compute a']],
    ['without an order', ['compute b', 'compute a']],
    ['of no resource', ['gold eu-west']],
    ['of no place', ['compute ']],
  ])('refuses cells: %s', (_, cells) => {
    expect(() => coverageProgram.checkParameters?.({ ...parameters, cells })).toThrow(
      expect.objectContaining({ code: 'REWARDS_MALFORMED' }),
    )
  })
})
