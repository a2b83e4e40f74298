import { Assignment, type NodeQuality, ProbeTally, type QualityParameters } from '@stead/rewards'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lowerMedian } from '../src/quality/score.ts'
import { makeFacts, makeLog, makeNodes, makeReport, secp256k1, testParameters } from './world.ts'

const nodes = makeNodes(14)
const facts = makeFacts(nodes)
const latency = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5000 }))
const latencies = fc.array(latency, {
  minLength: testParameters.probesPerEpoch,
  maxLength: testParameters.probesPerEpoch,
})

interface Said {
  readonly isLiar: boolean
  /** undefined: this prober publishes nothing about the node. */
  readonly latenciesMs: readonly number[] | undefined
}

/** The quality of one node whose probers say these things; the node helps the liars by signing whatever they want. */
function qualityBy(said: readonly Said[], parameters: QualityParameters): NodeQuality {
  const assignment = new Assignment(facts.beacon, facts.nodes, parameters.probersPerNode)
  const target = assignment.nodes.findIndex(({ node }) => node === nodes[0]?.node)
  const tally = new ProbeTally(secp256k1, facts, parameters)
  for (const [position, place] of assignment.probersOf(target).entries()) {
    const prober = nodes.find(({ node }) => node === assignment.nodes[place]?.node)
    const times = said[position]?.latenciesMs
    if (prober === undefined || times === undefined) continue
    const only = (report: ReturnType<typeof makeReport>): boolean => report.node === nodes[0]?.node
    tally.add(
      makeLog(facts, nodes.slice(0, 1), {
        prober,
        parameters,
        assignment,
        report: (report, node, log) => (only(report) ? makeReport(log, node, times) : undefined),
      }),
    )
  }
  const found = tally.findings().quality.of(nodes[0]?.node ?? facts.escrow)
  if (found === undefined) throw new Error('the node is not bonded')
  return found
}

test.each([3, 4, 5, 10])(
  'with fewer than half of %d probers lying, q and availability stay within what the honest ones measured',
  (probersPerNode) => {
    const parameters = { ...testParameters, probersPerNode }
    const liarsMax = Math.ceil(probersPerNode / 2) - 1
    const anySaid = fc
      .nat({ max: liarsMax })
      .chain((liars) =>
        fc.tuple(
          fc.array(fc.option(latencies, { nil: undefined }), { minLength: liars, maxLength: liars }),
          fc.array(latencies, { minLength: probersPerNode - liars, maxLength: probersPerNode - liars }),
        ),
      )
    fc.assert(
      fc.property(anySaid, fc.nat(), ([lies, truths], turn) => {
        const all: Said[] = [
          ...lies.map((latenciesMs) => ({ isLiar: true, latenciesMs })),
          ...truths.map((latenciesMs) => ({ isLiar: false, latenciesMs })),
        ]
        const turned = [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)]
        const found = qualityBy(turned, parameters)
        // What each honest prober alone would have said.
        const alone = { ...parameters, probersPerNode: 1, probersMin: 1 }
        const honest = truths.map((latenciesMs) => qualityBy([{ isLiar: false, latenciesMs }], alone))
        const range = (values: readonly (number | undefined)[]): readonly [number, number] => {
          const known = values.filter((value) => value !== undefined)
          return [Math.min(...known), Math.max(...known)]
        }
        const [low, high] = range(honest.map(({ qualityPpm }) => qualityPpm))
        expect(found.qualityPpm).toBeGreaterThanOrEqual(low)
        expect(found.qualityPpm).toBeLessThanOrEqual(high)
        const [rare, often] = range(honest.map(({ availabilityPpm }) => availabilityPpm))
        expect(found.availabilityPpm).toBeGreaterThanOrEqual(rare)
        expect(found.availabilityPpm).toBeLessThanOrEqual(often)
      }),
      { numRuns: 40 },
    )
  },
)

test('the lower median of honest and lying values is an honest one’s neighbour while liars are fewer', () => {
  const anyValues = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(anyValues, fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 29 }), (honest, lies) => {
      const fewer = lies.slice(0, honest.length - 1)
      const median = lowerMedian([...honest, ...fewer]) ?? -1
      expect(median).toBeGreaterThanOrEqual(Math.min(...honest))
      expect(median).toBeLessThanOrEqual(Math.max(...honest))
    }),
  )
})

test('with half of the probers lying the bound is gone, as it is stated', () => {
  const parameters = { ...testParameters, probersPerNode: 4 }
  const lie: Said = { isLiar: true, latenciesMs: [0, 0, 0, 0] }
  const truth: Said = { isLiar: false, latenciesMs: [40, 40, 40, 40] }
  expect(qualityBy([lie, truth, truth, truth], parameters).qualityPpm).toBe(1_000_000)
  expect(qualityBy([lie, lie, truth, truth], parameters).qualityPpm).toBe(0)
})

test('liars that keep silent to make a node unknown need half of its probers', () => {
  const parameters = { ...testParameters, probersPerNode: 5 }
  const silent: Said = { isLiar: true, latenciesMs: undefined }
  const truth: Said = { isLiar: false, latenciesMs: [40, 40, 40, 40] }
  expect(qualityBy([silent, silent, truth, truth, truth], parameters).qualityPpm).toBe(1_000_000)
  expect(qualityBy([silent, silent, silent, truth, truth], parameters).qualityPpm).toBeUndefined()
  const even = { ...parameters, probersPerNode: 4 }
  expect(qualityBy([silent, silent, truth, truth], even)).toMatchObject({ qualityPpm: undefined, reports: 2 })
})
