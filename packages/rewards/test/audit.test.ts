import { type ContentId, microUsd } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import {
  auditEpoch,
  type ChainFacts,
  type ComputedEpoch,
  describeDifference,
  EMPTY_ROOT,
  type EpochAuditInput,
  epochNumber,
  evidenceDigest,
  rewardUnits,
  tokenUnits,
} from '@stead/rewards'
import { beforeAll, describe, expect, test } from 'vitest'
import { type EpochResult, encodeResult } from '../src/epoch/result.ts'
import { addressOf, hashOf, makeFacts, makeLog, makeNodes, Shelf, secp256k1 } from './world.ts'

const nodes = makeNodes(7)
const shelf = new Shelf()
const components = { secp256k1, programs: shelf.programs, load: shelf.load }
const fees = nodes.map(({ node, operator }) => ({
  node,
  operator,
  grossMicroUsd: microUsd(2000n),
  feeMicroUsd: microUsd(100n),
}))
const factsOf = (epoch: number, change: Partial<ChainFacts> = {}): ChainFacts =>
  makeFacts(nodes, { epoch: epochNumber(epoch), fees, ...change })
const sales = [
  { lot: epochNumber(0), burnedTokenUnits: tokenUnits(70_000n), saleFeesMicroUsd: microUsd(700n), kappaBps: 8000 },
]

let before: ComputedEpoch
let honest: ComputedEpoch

async function propose(facts: ChainFacts, logs?: readonly Uint8Array[]): Promise<ComputedEpoch> {
  const all = nodes.map((prober) => makeLog(facts, nodes, { prober }))
  const gathered = { facts, logs: logs ?? all }
  const evidence = shelf.gather(facts.epoch === 0 ? gathered : { ...gathered, previous: before.resultDocument.id })
  return shelf.compute(evidence)
}

beforeAll(async () => {
  before = await propose(factsOf(0))
  honest = await propose(factsOf(1, { sales }))
})

function inputOf(proposed: ComputedEpoch, change: Partial<EpochAuditInput> = {}): EpochAuditInput {
  const { epoch, root, evidence } = proposed.result
  return {
    proposal: { epoch, root, evidence: evidenceDigest(evidence) },
    facts: honest.facts,
    previous: before.resultDocument.id,
    seenLogs: honest.evidence.logs,
    publishedResult: proposed.resultDocument.bytes,
    ...change,
  }
}

async function difference(input: EpochAuditInput): Promise<object> {
  const audit = await auditEpoch(components, input)
  if (audit.kind === 'match') throw new Error('a lie was not found')
  expect(audit.message).toBe(describeDifference(audit.difference))
  expect(audit.message.length).toBeGreaterThan(10)
  return audit.difference
}

describe('auditing an epoch', () => {
  test('says MATCH for an honest proposal, from documents and chain alone', async () => {
    const audit = await auditEpoch(components, inputOf(honest))
    expect(audit.kind).toBe('match')
    expect(audit.computed?.result).toEqual(honest.result)
    const { seenLogs: _, publishedResult: __, ...least } = inputOf(honest)
    expect((await auditEpoch(components, least)).kind).toBe('match')
  })

  test('names the first chain fact that is false, with both numbers', async () => {
    const [first] = nodes
    const [fee, ...rest] = fees
    if (first === undefined || fee === undefined) throw new Error('no nodes')
    const thief = addressOf('thief')
    const lies: readonly (readonly [Partial<ChainFacts>, object])[] = [
      [
        { beacon: hashOf('chosen') },
        { what: 'facts', field: 'beacon', need: honest.facts.beacon, have: hashOf('chosen') },
      ],
      [{ toBlock: 198n }, { what: 'facts', field: 'toBlock', need: '199', have: '198' }],
      [
        { nodes: honest.facts.nodes.filter(({ node }) => node !== first.node) },
        { what: 'facts-node', node: first.node, need: first.operator, have: undefined },
      ],
      [
        { nodes: [...honest.facts.nodes, { node: thief, operator: thief }] },
        { what: 'facts-node', node: thief, need: undefined, have: thief },
      ],
      [
        { fees: [{ ...fee, feeMicroUsd: microUsd(101n) }, ...rest], feeTotalMicroUsd: microUsd(701n) },
        {
          what: 'facts-fees',
          operator: fee.operator,
          node: fee.node,
          field: 'fee',
          needMicroUsd: 100n,
          haveMicroUsd: 101n,
        },
      ],
      [
        { fees: rest, feeTotalMicroUsd: microUsd(600n) },
        {
          what: 'facts-fees',
          operator: fee.operator,
          node: fee.node,
          field: 'gross',
          needMicroUsd: 2000n,
          haveMicroUsd: 0n,
        },
      ],
      [
        { sales: sales.map((sale) => ({ ...sale, burnedTokenUnits: tokenUnits(80_000n) })) },
        { what: 'facts-sale', lot: 0, field: 'burned', need: 70_000n, have: 80_000n },
      ],
      [
        { sales: sales.map((sale) => ({ ...sale, saleFeesMicroUsd: microUsd(701n) })) },
        { what: 'facts-sale', lot: 0, field: 'fees', need: 700n, have: 701n },
      ],
      [
        { sales: sales.map((sale) => ({ ...sale, kappaBps: 9000 })) },
        { what: 'facts-sale', lot: 0, field: 'kappa', need: 8000n, have: 9000n },
      ],
    ]
    for (const [change, expected] of lies) {
      const proposed = await propose(factsOf(1, { sales, ...change }))
      expect(await difference(inputOf(proposed))).toEqual(expected)
    }
    const unsold = {
      lot: epochNumber(9),
      burnedTokenUnits: tokenUnits(0n),
      saleFeesMicroUsd: microUsd(0n),
      kappaBps: 0,
    }
    const withSale = { ...honest.facts, sales: [...sales, unsold] }
    const field = 'sale of lot 9'
    expect(await difference(inputOf(honest, { facts: withSale }))).toEqual({
      what: 'facts',
      field,
      need: 'sold',
      have: 'none',
    })
    const unknown = hashOf('program')
    const withProgram = { ...honest.facts, programs: [{ program: unknown, depositedMicroUsd: microUsd(5n) }] }
    expect(await difference(inputOf(honest, { facts: withProgram }))).toEqual({
      what: 'facts-program',
      program: unknown,
      needMicroUsd: 5n,
      haveMicroUsd: undefined,
    })
  })

  test('names logs that were left out, another history, and another epoch', async () => {
    const [dropped, ...kept] = nodes.map((prober) => makeLog(honest.facts, nodes, { prober }))
    if (dropped === undefined) throw new Error('no logs')
    const censored = await propose(honest.facts, kept)
    const first = contentIdOf('dag-cbor', dropped)
    expect(await difference(inputOf(censored))).toEqual({ what: 'log-left-out', first, count: 1 })
    const other = contentIdOf('dag-cbor', new Uint8Array([7]))
    const previous = { what: 'previous', need: other, have: before.resultDocument.id }
    expect(await difference(inputOf(honest, { previous: other }))).toEqual(previous)
    const wrong = inputOf(before)
    const proposal = { ...wrong.proposal, epoch: epochNumber(1) }
    expect(await difference({ ...wrong, proposal })).toEqual({ what: 'epoch', need: 1, have: 0 })
  })

  test('names the line in which a published result differs, and the root where there is none', async () => {
    const { lines } = honest.result
    const thief = addressOf('thief')
    const publish = (change: Partial<EpochResult>): Uint8Array => encodeResult({ ...honest.result, ...change })
    const root = hashOf('absurd root')
    const lie = (publishedResult?: Uint8Array): EpochAuditInput => {
      const input = inputOf(honest)
      const proposal = { ...input.proposal, root }
      return publishedResult === undefined ? { ...input, proposal } : { ...input, proposal, publishedResult }
    }
    const [line, ...rest] = lines
    if (line === undefined) throw new Error('no lines')
    const about = { what: 'line', program: line.program, operator: line.operator }
    const greedy = { ...line, cumulativeUnits: rewardUnits(1n << 90n) }
    expect(await difference(lie(publish({ lines: [greedy, ...rest] })))).toEqual({
      ...about,
      field: 'cumulative',
      need: String(line.cumulativeUnits),
      have: String(1n << 90n),
    })
    expect(await difference(lie(publish({ lines: rest })))).toMatchObject({ ...about, field: 'share', have: 'none' })
    const added = { ...line, operator: thief }
    const sorted = [...lines, added].sort((left, right) => (left.operator < right.operator ? -1 : 1))
    expect(await difference(lie(publish({ lines: sorted })))).toMatchObject({ operator: thief, need: 'none' })
    expect(await difference(lie(publish({ openLots: [] })))).toMatchObject({
      what: 'open-lot',
      lot: 1,
      have: undefined,
    })
    expect(await difference(lie())).toEqual({ what: 'root', need: honest.result.root, have: root })
    const junk = await difference(lie(new Uint8Array([1, 2, 3])))
    expect(junk).toMatchObject({ what: 'malformed', document: expect.stringContaining('published result') })
    expect(honest.result.root).not.toBe(EMPTY_ROOT)
  })

  test('says what is missing or malformed instead of failing', async () => {
    const input = inputOf(honest)
    const empty = { ...components, load: async () => undefined }
    const audit = await auditEpoch(empty, input)
    expect(audit).toMatchObject({ kind: 'difference', difference: { what: 'missing', document: 'evidence' } })
    for (const [document, id] of [
      ['chain facts', honest.evidence.facts],
      ['probe log', honest.evidence.logs[3]],
      ['previous result', honest.evidence.previous],
      ['quality sheet', before.sheetDocument?.id],
    ] as const) {
      const without = {
        ...components,
        load: async (wanted: ContentId) => (wanted === id ? undefined : shelf.load(wanted)),
      }
      const found = await auditEpoch(without, input)
      expect(found).toMatchObject({ kind: 'difference', difference: { what: 'missing', document, id } })
    }
    const junk = shelf.put(new Uint8Array([0x81, 0x01]))
    const proposal = { ...input.proposal, evidence: evidenceDigest(junk) }
    expect(await difference({ ...input, proposal })).toMatchObject({ what: 'malformed', document: 'evidence' })
  })
})
