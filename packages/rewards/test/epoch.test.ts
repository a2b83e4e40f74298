import { type ContentId, microUsd } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import {
  type ChainFacts,
  type ComputedEpoch,
  coverageProgram,
  encodeChainFacts,
  encodeEvidence,
  encodePolicy,
  epochNumber,
  evidenceDigest,
  evidenceIdOf,
  explainEarnings,
  firstUtilityProgram,
  type LotSale,
  openEvidence,
  openResult,
  openSheet,
  policyId,
  ppm,
  rootOfBranch,
  tokenUnits,
  treeOfResult,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeResult } from '../src/epoch/result.ts'
import {
  addressOf,
  behaviourOf,
  makeFacts,
  makeLog,
  makeNodes,
  Shelf,
  testParameters,
  utilityPolicy,
  type WorldNode,
} from './world.ts'

const nodes: readonly WorldNode[] = makeNodes(7).map((node, index) =>
  index === 1 ? { ...node, behaviour: behaviourOf(1, { latenciesMs: [200] }) } : node,
)

const coveragePolicy = encodePolicy(coverageProgram, {
  rateMicroUsd: microUsd(1000n),
  networksEnough: 10,
  qualityFloorPpm: ppm(900_000),
  networkMaxMicroUsd: microUsd(5000n),
  operatorMaxMicroUsd: microUsd(5000n),
  epochMaxMicroUsd: microUsd(6000n),
  cells: ['compute eu-west'],
})
const COVERAGE = policyId(coveragePolicy)
const policies = [utilityPolicy, coveragePolicy]

function feesOf(amounts: readonly number[]): ChainFacts['fees'] {
  return amounts.flatMap((fee, index) => {
    const at = nodes[index]
    if (at === undefined || fee === 0) return []
    const { node, operator } = at
    return [{ node, operator, grossMicroUsd: microUsd(20n * BigInt(fee)), feeMicroUsd: microUsd(BigInt(fee)) }]
  })
}

function sale(lot: number, burned: bigint, fees: number): LotSale {
  return {
    lot: epochNumber(lot),
    burnedTokenUnits: tokenUnits(burned),
    saleFeesMicroUsd: microUsd(BigInt(fees)),
    kappaBps: 8000,
  }
}

function factsOf(epoch: number, change: Partial<ChainFacts> = {}): ChainFacts {
  const programs = [{ program: COVERAGE, depositedMicroUsd: microUsd(15_000n) }]
  return makeFacts(nodes, { epoch: epochNumber(epoch), programs, ...change })
}

const logsOf = (facts: ChainFacts): readonly Uint8Array[] => nodes.map((prober) => makeLog(facts, nodes, { prober }))

async function next(shelf: Shelf, facts: ChainFacts, before?: ComputedEpoch): Promise<ComputedEpoch> {
  const previous = before?.resultDocument.id
  const gathered = { facts, logs: logsOf(facts), policies }
  return shelf.compute(shelf.gather(previous === undefined ? gathered : { ...gathered, previous }))
}

function lineOf(
  { result, facts }: ComputedEpoch,
  operator: string,
  program = facts.utility,
): readonly [bigint, bigint, readonly string[]] {
  const line = result.lines.find((entry) => entry.program === program && entry.operator === operator)
  if (line === undefined) throw new Error(`no line of ${operator}`)
  return [line.shareUnits, line.cumulativeUnits, line.reasons.map(({ code }) => code)]
}

const operator = (index: number): string => nodes[index]?.operator ?? ''

const absentId = contentIdOf('dag-cbor', new Uint8Array([1]))

describe('epochs', () => {
  test('pay a lot when it is sold, by the quality of the epoch whose fees it holds, and carry what is not', async () => {
    const shelf = new Shelf()
    const zero = await next(shelf, factsOf(0, { fees: feesOf([600, 400]) }))
    expect(lineOf(zero, operator(0))).toEqual([0n, 0n, ['unsold-lot']])
    expect(lineOf(zero, operator(2))).toEqual([0n, 0n, ['no-fees']])
    expect(zero.result.openLots.map(({ lot }) => lot)).toEqual([0])
    const one = await next(shelf, factsOf(1, { fees: feesOf([0, 0, 500]) }), zero)
    expect(one.result.openLots.map(({ lot }) => lot)).toEqual([0, 1])
    // Both lots are sold at once, in parts by their fees; operator 1 has meanwhile no node any more.
    const gone = nodes.filter((_, index) => index !== 1).map(({ node, operator: owner }) => ({ node, operator: owner }))
    const two = await next(
      shelf,
      factsOf(2, { nodes: gone, sales: [sale(0, 15_000n, 1500), sale(1, 15_000n, 1500)] }),
      one,
    )
    expect(lineOf(two, operator(0))).toEqual([4800n, 4800n, ['no-fees']])
    expect(lineOf(two, operator(1))).toEqual([3040n, 3040n, ['quality', 'no-fees']])
    expect(lineOf(two, operator(2))).toEqual([4000n, 4000n, ['no-fees']])
    expect(two.result.openLots).toEqual([])
    const three = await next(shelf, factsOf(3), two)
    expect(lineOf(three, operator(0))).toEqual([0n, 4800n, ['no-fees']])
    const minted = three.result.lines.filter(({ program }) => program === three.facts.utility)
    expect(minted.reduce((sum, line) => sum + line.cumulativeUnits, 0n)).toBeLessThanOrEqual(12_000n)
  })

  test('give a sponsored program no more than its deposit over all epochs, and the branch of each line claims it', async () => {
    const shelf = new Shelf()
    let computed: ComputedEpoch | undefined
    const paid: bigint[] = []
    for (let epoch = 0; epoch < 4; epoch++) {
      computed = await next(shelf, factsOf(epoch), computed)
      const lines = computed.result.lines.filter(({ program }) => program === COVERAGE)
      paid.push(lines.reduce((sum, line) => sum + line.shareUnits, 0n))
    }
    // 7 networks at rate × 4/10 each but for the slower one's 95 %: 2,780 an epoch, until the deposit of 15,000 is short.
    expect(paid).toEqual([2780n, 2780n, 2780n, 2780n])
    if (computed === undefined) throw new Error('no epoch')
    const tree = treeOfResult(computed.result)
    for (const line of computed.result.lines.filter(({ cumulativeUnits }) => cumulativeUnits > 0n)) {
      expect(rootOfBranch(line, tree.branch(line))).toBe(computed.result.root)
    }
    const short = { programs: [{ program: COVERAGE, depositedMicroUsd: microUsd(12_000n) }] }
    const last = await next(shelf, factsOf(4, short), computed)
    const given = last.result.lines.filter(({ program }) => program === COVERAGE)
    expect(given.reduce((sum, line) => sum + line.cumulativeUnits, 0n)).toBeLessThanOrEqual(12_000n)
    expect(given[0]?.reasons.map(({ code }) => code)).toContain('deposit-limit')
    const spent = { programs: [{ program: COVERAGE, depositedMicroUsd: microUsd(1n) }] }
    const dry = await next(shelf, factsOf(5, spent), last)
    expect(lineOf(dry, operator(0), COVERAGE)).toEqual([0n, lineOf(last, operator(0), COVERAGE)[1], ['deposit-limit']])
    const ended = await next(shelf, factsOf(6, { programs: [] }), dry)
    expect(lineOf(ended, operator(0), COVERAGE)).toEqual([0n, lineOf(dry, operator(0), COVERAGE)[1], ['program-ended']])
  })

  test('give the same bytes for every order in which their evidence was gathered', async () => {
    const facts = factsOf(0, { fees: feesOf([600, 400, 1]) })
    const logs = logsOf(facts)
    const plain = new Shelf()
    const expected = await plain.compute(plain.gather({ facts, logs, policies }))
    expect(expected.resultDocument.id).toBe('bafyreiegrmvwm7mvvvp6naid2dn7qqbmp6a4cfllxbrzxaqckcdgeyf7mm')
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...logs], { minLength: logs.length }),
        fc.shuffledSubarray([...facts.fees], { minLength: facts.fees.length }),
        fc.shuffledSubarray([...facts.nodes], { minLength: facts.nodes.length }),
        fc.subarray([...logs]),
        async (someLogs, fees, bonded, again) => {
          const shelf = new Shelf()
          const shuffled = { ...facts, fees, nodes: bonded }
          const evidence = shelf.gather({
            facts: shuffled,
            logs: [...someLogs, ...again],
            policies: policies.toReversed(),
          })
          const computed = await shelf.compute(evidence)
          expect(computed.resultDocument).toEqual(expected.resultDocument)
        },
      ),
      { numRuns: 8 },
    )
  })

  test('of a policy from before there were audits are what they were then', async () => {
    const { audits: _, ...quality } = testParameters
    const policy = encodePolicy(firstUtilityProgram, { quality })
    const { audits: __, ...facts } = factsOf(0, { fees: feesOf([600, 400, 1]), utility: policyId(policy) })
    const shelf = new Shelf()
    const computed = await shelf.compute(
      shelf.gather({ facts, logs: logsOf(facts), policies: [policy, coveragePolicy] }),
    )
    expect(computed.resultDocument.id).toBe('bafyreianhaiv2ns3hetaewzgj4reipw73gupzi5srppzxdoou2bcnldvpu')
  })

  test('are told apart by their documents: order, references and epochs that do not fit are refused', async () => {
    const shelf = new Shelf()
    const zero = await next(shelf, factsOf(0, { fees: feesOf([10]) }))
    const refused = async (evidence: ContentId, code: string): Promise<void> => {
      await expect(shelf.compute(evidence)).rejects.toMatchObject({ code })
    }
    const previous = zero.resultDocument.id
    const gather = (facts: ChainFacts, change: object = {}): ContentId =>
      shelf.gather({ facts, logs: [], policies, ...change })
    await refused(gather(factsOf(1)), 'REWARDS_OUT_OF_ORDER')
    await refused(gather(factsOf(0), { previous }), 'REWARDS_OUT_OF_ORDER')
    await refused(gather(factsOf(2), { previous }), 'REWARDS_OUT_OF_ORDER')
    await refused(gather(factsOf(1, { sales: [sale(1, 1n, 10)] }), { previous }), 'REWARDS_MALFORMED')
    await refused(gather(factsOf(1), { previous, policies: [utilityPolicy] }), 'REWARDS_POLICY_UNKNOWN')
    await refused(gather(factsOf(1, { utility: COVERAGE }), { previous }), 'REWARDS_POLICY_UNKNOWN')
    await refused(
      gather(factsOf(1, { programs: [{ program: zero.facts.utility, depositedMicroUsd: microUsd(1n) }] }), {
        previous,
      }),
      'REWARDS_POLICY_UNKNOWN',
    )
    const absent = absentId
    await refused(absent, 'REWARDS_MISSING')
    await refused(gather(factsOf(1), { previous: absent }), 'REWARDS_MISSING')
    const facts = shelf.put(encodeChainFacts(factsOf(3)))
    const wrongEpoch = encodeEvidence({ version: 1, epoch: epochNumber(1), facts, previous, policies, logs: [] })
    await refused(shelf.put(wrongEpoch), 'REWARDS_MALFORMED')
    shelf.documents.set(absent, new Uint8Array([2]))
    await refused(absent, 'PROTOCOL_CONTENT')
  })

  test('pay no lot by the sheet of another', async () => {
    const shelf = new Shelf()
    const zero = await next(shelf, factsOf(0, { fees: feesOf([600]) }))
    const one = await next(shelf, factsOf(1, { fees: feesOf([0, 500]) }), zero)
    const swapped = one.result.openLots.map(({ lot }, index, lots) => ({
      lot,
      sheet: lots.at(-1 - index)?.sheet ?? absentId,
    }))
    const previous = shelf.put(encodeResult({ ...one.result, openLots: swapped }))
    const facts = factsOf(2, { sales: [sale(0, 10_000n, 1100)] })
    await expect(shelf.compute(shelf.gather({ facts, logs: [], policies, previous }))).rejects.toMatchObject({
      code: 'REWARDS_MALFORMED',
      details: { what: 'sheet of lot 0', need: 0, have: 1 },
    })
  })

  test('measure a node that changed hands for the operator that had it bonded, and for no other', async () => {
    const shelf = new Shelf()
    const [fee] = feesOf([600])
    if (fee === undefined) throw new Error('no fees')
    const buyer = addressOf('buyer')
    const { sheetDocument } = await next(shelf, factsOf(0, { fees: [{ ...fee, operator: buyer }] }))
    const sheet = openSheet(sheetDocument?.bytes ?? new Uint8Array())
    expect(sheet.parts).toEqual([{ operator: buyer, feeMicroUsd: 600n, qualityPpm: 0, reason: 'not-bonded' }])
  })

  test('ignore garbage among the logs, counted', async () => {
    const shelf = new Shelf()
    const facts = factsOf(0, { fees: feesOf([600]) })
    const garbage = [new Uint8Array([0xa0]), new Uint8Array(50).fill(0xff)]
    const computed = await shelf.compute(shelf.gather({ facts, logs: [...logsOf(facts), ...garbage], policies }))
    expect(computed.findings.refusals).toEqual({ malformed: 2 })
    expect(computed.findings.quality.nodes.every(({ qualityPpm }) => qualityPpm !== undefined)).toBe(true)
  })

  test('explain an operator’s earnings with a reason for every zero', async () => {
    const shelf = new Shelf()
    const zero = await next(shelf, factsOf(0, { fees: feesOf([600, 400]) }))
    const one = await next(shelf, factsOf(1, { sales: [sale(0, 10_000n, 1000)] }), zero)
    const [before, after] = [...explainEarnings(nodes[1]?.operator ?? addressOf('nobody'), [zero, one])]
    expect(before).toMatchObject({
      epoch: 0,
      grossMicroUsd: 8000n,
      feeMicroUsd: 400n,
      netMicroUsd: 7600n,
      mintedTokenUnits: 0n,
    })
    expect(before?.programs[0]?.reasons).toEqual([{ code: 'unsold-lot', about: 'lot 0', need: 400n, have: 0n }])
    expect(after).toMatchObject({ epoch: 1, grossMicroUsd: 0n, mintedTokenUnits: 3040n, sponsoredMicroUsd: 380n })
    expect(after?.programs[0]?.reasons[0]).toEqual({ code: 'quality', about: 'lot 0', need: 3200n, have: 3040n })
    for (const earnings of explainEarnings(addressOf('nobody'), [zero, one])) {
      expect(earnings.programs.map(({ reasons }) => reasons[0]?.code)).toEqual(['not-bonded', 'not-bonded'])
    }
  })
})

test('documents of hostile bytes are refused by a typed error, and named evidence is found again', async () => {
  const shelf = new Shelf()
  const { evidence, resultDocument, sheetDocument } = await next(shelf, factsOf(0, { fees: feesOf([600, 400]) }))
  if (sheetDocument === undefined) throw new Error('no sheet')
  const evidenceBytes = encodeEvidence(evidence)
  expect(evidenceIdOf(evidenceDigest(contentIdOf('dag-cbor', evidenceBytes)))).toBe(
    contentIdOf('dag-cbor', evidenceBytes),
  )
  const openers = [
    [openEvidence, evidenceBytes],
    [openResult, resultDocument.bytes],
    [openSheet, sheetDocument.bytes],
  ] as const
  for (const [open, valid] of openers) {
    fc.assert(
      fc.property(
        fc.nat({ max: valid.length - 1 }),
        fc.nat({ max: 255 }),
        fc.uint8Array({ maxLength: 64 }),
        (at, value, junk) => {
          const changed = valid.slice()
          changed[at] = value
          for (const bytes of [changed, junk, valid.subarray(0, at), new Uint8Array(50_000).fill(0x9f)]) {
            try {
              open(bytes)
            } catch (error) {
              expect(error).toMatchObject({ isSteadError: true })
            }
          }
        },
      ),
      { numRuns: 100 },
    )
  }
})
