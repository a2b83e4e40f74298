import { checkStatement, isEquivocation, payloadOf, signStatement } from '@stead/protocol'
import {
  type ChainFacts,
  epochNumber,
  openProbeLog,
  type ProbeFindings,
  ProbeTally,
  probeLogSlot,
  signProbeLog,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { probeLogSchema, signedProbeLogSchema } from '../src/probes/probe-log.ts'
import { majority } from '../src/quality/score.ts'
import {
  addressOf,
  behaviourOf,
  hashOf,
  makeFacts,
  makeLog,
  makeNodes,
  makeReport,
  type Report,
  secp256k1,
  seedOf,
  testParameters,
  type WorldNode,
} from './world.ts'

const nodes = makeNodes(9)
const facts = makeFacts(nodes)
const honestLogs = nodes.map((prober) => makeLog(facts, nodes, { prober }))

function tally(logs: readonly Uint8Array[], of: ChainFacts = facts): ProbeFindings {
  const probes = new ProbeTally(secp256k1, of, testParameters)
  for (const log of logs) probes.add(log)
  return probes.findings()
}

function nodeAt(index: number, of: readonly WorldNode[] = nodes): WorldNode {
  const node = of[index]
  if (node === undefined) throw new Error(`no node ${index}`)
  return node
}

/** All logs, with the first prober's replaced. */
function withLie(report: Report): readonly Uint8Array[] {
  return [makeLog(facts, nodes, { prober: nodeAt(0), report }), ...honestLogs.slice(1)]
}

describe('probe logs', () => {
  test('of an honest network give every node its quality, place and network', () => {
    const { quality, refusals, equivocations, logs } = tally(honestLogs)
    expect({ refusals, equivocations, logs }).toEqual({ refusals: {}, equivocations: [], logs: 9 })
    for (const found of quality.nodes) {
      expect(found).toMatchObject({ qualityPpm: 1_000_000, availabilityPpm: 1_000_000, latencyMs: 40, reports: 5 })
      expect(found).toMatchObject({ region: 'eu-west', resources: 1, network: expect.stringMatching(/^4:0a00/) })
    }
  })

  test('measure the slow and the often absent lower, in the stated steps', () => {
    const changed = nodes.map((node, index) => {
      const latenciesMs = [[40], [200], [900], [40, 0], [0], [40, 40, 40, 0]][index] ?? [40]
      return { ...node, behaviour: behaviourOf(index, { latenciesMs }) }
    })
    const { quality } = tally(changed.map((prober) => makeLog(facts, changed, { prober })))
    const measured = changed.slice(0, 6).map(({ node }) => quality.of(node)?.qualityPpm)
    // Half of the probes is the floor; three of four are (750,000 - 500,000) / (950,000 - 500,000).
    expect(measured).toEqual([1_000_000, 950_000, 700_000, 0, 0, 555_555])
  })

  test('in any order and with any repetition give the same findings', () => {
    const twoFaced = [honestLogs[0], makeLog(facts, nodes, { prober: nodeAt(0), report: () => undefined })]
    const all = [...honestLogs, ...twoFaced, new Uint8Array(3)].filter((log) => log !== undefined)
    const expected = tally(all)
    expect(expected.refusals).toEqual({ equivocation: 3, malformed: 1 })
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        expect(tally(shuffled)).toEqual(expected)
      }),
      { numRuns: 15 },
    )
  })

  test('of one prober that differ are equivocation: neither counts, and the proof holds for a stranger', () => {
    const { equivocations, quality } = tally([...honestLogs, ...withLie(() => undefined)])
    const [proof] = equivocations
    if (proof === undefined) throw new Error('no proof')
    expect(equivocations).toHaveLength(1)
    expect(proof.prober).toBe(nodeAt(0).node)
    expect(isEquivocation(proof.first, proof.second)).toBe(true)
    for (const statement of [proof.first, proof.second]) checkStatement(secp256k1, proof.prober, statement)
    const probed = quality.nodes.filter(({ reports }) => reports < 5).length
    expect(probed).toBeGreaterThan(0)
  })

  test.each<readonly [string, Report]>([
    ['forged-answer', (report) => ({ ...report, latencies: report.latencies.map((_, i) => (i === 1 ? 1 : 0)) })],
    ['forged-answer', (report) => ({ ...report, signature: new Uint8Array(65).fill(27) })],
    ['forged-answer', ({ signature: _, ...report }) => report],
    ['forged-answer', (report) => ({ ...report, latencies: new Uint8Array(8) })],
    // The node's answers to the nonces of another seed, in another epoch, and to another prober.
    [
      'forged-answer',
      (report, target, log) => ({
        ...makeReport({ ...log, seed: seedOf(target.node) }, target, [1, 1, 1, 1]),
        node: report.node,
      }),
    ],
    ['forged-answer', (_, target, log) => makeReport({ ...log, epoch: epochNumber(1) }, target, [1, 1, 1, 1])],
    ['forged-answer', (_, target, log) => makeReport({ ...log, prober: nodeAt(3).node }, target, [1, 1, 1, 1])],
    ['wrong-length', (_, target, log) => makeReport(log, target, [1, 1, 1])],
    [
      'unknown-node',
      (report) => ({ ...report, node: `0x${report.node.slice(2, 30)}${'00'.repeat(6)}` as typeof report.node }),
    ],
  ])('with a report that is %s lose that report, and nothing else', (reason, report) => {
    const { refusals, quality, logs } = tally(withLie(report))
    expect(Object.keys(refusals)).toEqual([reason])
    expect(logs).toBe(9)
    for (const { qualityPpm } of quality.nodes) expect(qualityPpm).toBe(1_000_000)
  })

  test('with late answers have these uncounted', () => {
    const { refusals, quality } = tally(
      nodes.map((prober) =>
        makeLog(facts, nodes, { prober, report: (_, target, log) => makeReport(log, target, [40, 40, 40, 5001]) }),
      ),
    )
    expect(refusals).toEqual({ late: 45 })
    expect(quality.nodes[0]).toMatchObject({ availabilityPpm: 750_000, qualityPpm: 555_555, latencyMs: 40 })
  })

  test('about nodes that were not assigned, or are the prober’s own, do not count', () => {
    const same = addressOf('one operator')
    const fleet = nodes.map((node, index) => (index < 2 ? { ...node, operator: same } : node))
    const owned = makeFacts(fleet)
    const prober = nodeAt(0, fleet)
    const { chainId, escrow, epoch, beacon } = owned
    const log = { chainId, escrow, epoch, beacon, prober: prober.node, seed: seedOf(prober.node) }
    const reports = fleet.map((target) => makeReport(log, target, [1, 1, 1, 1]))
    const { refusals } = tally([signProbeLog(prober.signer, { version: 1, ...log, reports })], owned)
    expect(refusals['own-operator']).toBe(2)
    expect(refusals['not-assigned']).toBeGreaterThan(0)
  })

  test('of other epochs, beacons, chains and strangers, or signed by another, are refused and counted', () => {
    const prober = nodeAt(0)
    const stranger = { ...prober, ...makeNodes(12).at(-1) } as WorldNode
    const bytes = honestLogs[0] ?? new Uint8Array()
    const signed = signedProbeLogSchema.decodeDocument(bytes)
    const other = signedProbeLogSchema.decodeDocument(honestLogs[1] ?? bytes)
    const { refusals } = tally([
      makeLog(makeFacts(nodes, { epoch: epochNumber(1) }), nodes, { prober }),
      makeLog({ ...facts, beacon: hashOf('reorganised') }, nodes, { prober }),
      makeLog({ ...facts, chainId: 1 }, nodes, { prober }),
      makeLog({ ...facts, escrow: addressOf('other escrow') }, nodes, { prober }),
      makeLog(facts, nodes, { prober: stranger }),
      signedProbeLogSchema.encodeDocument({ document: signed.document, signature: other.signature }),
    ])
    expect(refusals).toEqual({
      'wrong-epoch': 1,
      'wrong-beacon': 1,
      'wrong-chain': 2,
      'not-bonded': 1,
      'log-signature': 1,
    })
  })

  test('that say something of one node twice, or out of order, are malformed: the last word would win', () => {
    const prober = nodeAt(0)
    const { log } = openProbeLog(secp256k1, honestLogs[0] ?? new Uint8Array())
    const [report] = log.reports
    if (report === undefined || log.reports.length < 2) throw new Error('too few reports')
    for (const reports of [[report, ...log.reports], log.reports.toReversed()]) {
      const document = probeLogSchema.encodeDocument({ ...log, reports })
      const { signature } = signStatement(prober.signer, probeLogSlot(log), payloadOf(document))
      expect(tally([signedProbeLogSchema.encodeDocument({ document, signature })]).refusals).toEqual({ malformed: 1 })
    }
  })

  test('that are too few leave quality unknown: half of the assigned is not enough, and neither are two operators', () => {
    const { quality } = tally(honestLogs.slice(0, 1))
    for (const { qualityPpm, reports } of quality.nodes) {
      expect(reports).toBeLessThan(2)
      expect(qualityPpm).toBeUndefined()
    }
    const few = nodes.slice(0, 3)
    const fewFacts = makeFacts(few)
    const { quality: ofFew } = tally(
      few.map((prober) => makeLog(fewFacts, few, { prober })),
      fewFacts,
    )
    for (const { qualityPpm, reports, assigned } of ofFew.nodes) {
      expect({ reports, assigned, qualityPpm }).toEqual({ reports: 2, assigned: 2, qualityPpm: undefined })
    }
  })

  test('made of hostile bytes never throw anything but typed errors, and never stop a tally', () => {
    const [valid = new Uint8Array()] = honestLogs
    const nested = new Uint8Array(100_000).fill(0x81)
    const mutated = fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })).map(([at, value]) => {
      const changed = valid.slice()
      changed[at] = value
      return changed
    })
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      mutated,
      fc.constant(nested),
      fc.constant(new Uint8Array(2_000_000)),
    )
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const probes = new ProbeTally(secp256k1, facts, testParameters)
        probes.add(bytes)
        expect(probes.findings().equivocations).toEqual([])
        try {
          openProbeLog(secp256k1, bytes)
        } catch (error) {
          expect(error).toMatchObject({ isSteadError: true })
        }
      }),
      { numRuns: 150 },
    )
  })
})

test('a place or network holds only when more than half agree', () => {
  expect(majority(['a', 'a', 'b'])).toBe('a')
  expect(majority(['a', 'a', 'b', 'b'])).toBeUndefined()
  expect(majority([])).toBeUndefined()
})
