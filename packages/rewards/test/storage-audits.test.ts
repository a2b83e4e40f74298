import { type Address, microUsd, type Signer } from '@stead/core'
import {
  Assignment,
  type AuditOutcome,
  type AuditReport,
  auditEvidenceSchema,
  auditSeed,
  type ChainFacts,
  drawClaimant,
  epochNumber,
  type NodeQuality,
  ProbeTally,
} from '@stead/rewards'
import { describe, expect, test } from 'vitest'
import { KeptPieces } from './kept-pieces.ts'
import {
  addressOf,
  makeFacts,
  makeLog,
  makeNodes,
  Shelf,
  secp256k1,
  seedOf,
  signerOf,
  testParameters,
  type WorldNode,
} from './world.ts'

const nodes = makeNodes(9)
const [payer, sybil] = [signerOf('payer'), signerOf('sybil')]
const DAY = 86_400

/** The node that keeps something for the payer, and is looked at. */
const keeper = nodeAt(0)

function nodeAt(index: number): WorldNode {
  const node = nodes[index]
  if (node === undefined) throw new Error(`no node ${index}`)
  return node
}

function factsOf(
  paid: readonly (readonly [payer: Address, microUsd: number])[] = [[payer.address, 1000]],
  change: Partial<ChainFacts> = {},
): ChainFacts {
  const claimants = paid.map(([by, amount]) => ({
    node: keeper.node,
    payer: by,
    grossMicroUsd: microUsd(BigInt(amount)),
  }))
  return makeFacts(nodes, { audits: { claimants }, ...change })
}

function auditorsOf(facts: ChainFacts): readonly WorldNode[] {
  const assignment = new Assignment(facts.beacon, facts.nodes, testParameters.probersPerNode)
  const probers = assignment.probersOf(assignment.indexOf(keeper.node) ?? -1)
  return probers.flatMap((place) => nodes.filter(({ node }) => node === assignment.nodes[place]?.node))
}

function keptFor(by: Signer, facts: ChainFacts, pieces = 3): KeptPieces {
  return new KeptPieces(by, keeper.signer, { pieces, atSecond: facts.beginsAtSeconds + 600 })
}

/** What an honest auditor reports when it found this. */
async function reportOf(auditor: WorldNode, kept: KeptPieces, outcome: AuditOutcome): Promise<AuditReport> {
  const { node } = keeper
  const seed = auditSeed(seedOf(auditor.node), node)
  const shown = outcome === 'proven' ? { proof: await kept.prove(seed) } : {}
  const evidence = auditEvidenceSchema.encodeDocument({ agreement: kept.signed, ...shown })
  return { node, outcome, tookMs: 40, evidence }
}

type Say = (auditor: WorldNode, place: number) => AuditReport | undefined | Promise<AuditReport | undefined>

async function logsOf(facts: ChainFacts, say: Say): Promise<readonly Uint8Array[]> {
  const auditors = auditorsOf(facts)
  return await Promise.all(
    nodes.map(async (prober) => {
      const place = auditors.indexOf(prober)
      const said = place < 0 ? undefined : await say(prober, place)
      return makeLog(facts, nodes, { prober, audits: said === undefined ? [] : [said] })
    }),
  )
}

async function found(
  facts: ChainFacts,
  say: Say,
): Promise<{ readonly keeper: NodeQuality | undefined; readonly refusals: object }> {
  const tally = new ProbeTally(secp256k1, facts, testParameters)
  for (const log of await logsOf(facts, say)) tally.add(log)
  const { quality, refusals } = tally.findings()
  return { keeper: quality.of(keeper.node), refusals }
}

describe('audits of a node that keeps pieces', () => {
  const facts = factsOf()
  const kept = keptFor(payer, facts)

  test('that shows its leaves in time find it proven', async () => {
    const { keeper: quality, refusals } = await found(facts, (auditor) => reportOf(auditor, kept, 'proven'))
    expect(quality).toMatchObject({ provenPpm: 1_000_000, auditCounts: { proven: 5 }, isPenalised: false })
    expect(refusals).toEqual({})
  })

  test.each(['offline', 'lost', 'late', 'lied'] as const)(
    'by auditors of whom a minority says that it is %s find it proven: slander moves no median',
    async (outcome) => {
      for (const liars of [1, 2]) {
        const said = await found(facts, (auditor, place) => reportOf(auditor, kept, place < liars ? outcome : 'proven'))
        expect(said.keeper?.provenPpm).toBe(1_000_000)
      }
    },
  )

  test('that has lost them find it unproven, whatever its friends among the auditors say', async () => {
    const proven = await Promise.all(auditorsOf(facts).map((auditor) => reportOf(auditor, kept, 'proven')))
    for (const friends of [0, 1, 2]) {
      const said = await found(facts, (auditor, place) =>
        place < friends ? (proven[place] ?? reportOf(auditor, kept, 'lost')) : reportOf(auditor, kept, 'lost'),
      )
      expect(said.keeper).toMatchObject({ provenPpm: 0, auditCounts: { lost: 5 - friends } })
    }
  })

  test('that fetches its leaves from elsewhere are late, whatever the auditor calls it', async () => {
    const tookMs = (testParameters.audits?.answerMaxMs ?? 0) + 1
    const { keeper: quality } = await found(facts, async (auditor) => ({
      ...(await reportOf(auditor, kept, 'proven')),
      tookMs,
    }))
    expect(quality).toMatchObject({ provenPpm: 0, auditCounts: { late: 5 } })
  })

  const otherNode = new KeptPieces(payer, nodeAt(1).signer, { atSecond: facts.beginsAtSeconds })
  const old = new KeptPieces(payer, keeper.signer, { atSecond: facts.beginsAtSeconds - 4 * DAY })
  const empty = new KeptPieces(payer, keeper.signer, { atSecond: facts.beginsAtSeconds, pieces: 0 })
  const elsewhere = new KeptPieces(payer, keeper.signer, {
    atSecond: facts.beginsAtSeconds,
    change: { escrow: addressOf('another escrow') },
  })
  const unsigned = {
    ...kept.signed,
    nodeSignature: kept.signed.payerSignature,
  }
  test.each<readonly [string, (auditor: WorldNode) => Promise<AuditReport>]>([
    ['of an agreement of the node with itself', (by) => reportOf(by, keptFor(sybil, facts), 'proven')],
    ['of another node', (by) => reportOf(by, otherNode, 'proven')],
    ['of a revision that has been replaced since', (by) => reportOf(by, old, 'proven')],
    ['of nothing', (by) => reportOf(by, empty, 'proven')],
    ['of another network', (by) => reportOf(by, elsewhere, 'proven')],
    ['without a proof', async (by) => ({ ...(await reportOf(by, kept, 'lost')), outcome: 'proven' })],
    ['without evidence', async () => ({ node: keeper.node, outcome: 'proven', tookMs: 1 })],
    [
      'of other leaves',
      async () => {
        const evidence = { agreement: kept.signed, proof: await kept.prove(new Uint8Array(32)) }
        const outcome = 'proven' as const
        return { node: keeper.node, outcome, tookMs: 1, evidence: auditEvidenceSchema.encodeDocument(evidence) }
      },
    ],
    [
      'that the node never signed',
      async (by) => {
        const { evidence: _, ...report } = await reportOf(by, kept, 'lost')
        return { ...report, evidence: auditEvidenceSchema.encodeDocument({ agreement: unsigned }) }
      },
    ],
    ['of garbage', async (by) => ({ ...(await reportOf(by, kept, 'proven')), evidence: Uint8Array.of(1, 2) })],
  ])('cannot be made up by all auditors together %s', async (_, say) => {
    const said = await found(facts, say)
    expect(said.keeper).toMatchObject({ provenPpm: undefined, auditCounts: {} })
    expect(said.refusals).toEqual({ 'forged-audit': 5 })
  })

  test('that keeps nothing for who was drawn are no fault of it: a channel may have paid for something else', async () => {
    const none = await found(facts, () => ({ node: keeper.node, outcome: 'none', tookMs: 5 }))
    expect(none.keeper).toMatchObject({ provenPpm: undefined, auditCounts: { none: 5 } })
    const slander = await found(facts, () => ({ node: keeper.node, outcome: 'offline', tookMs: 0 }))
    expect(slander.keeper).toMatchObject({ provenPpm: undefined, qualityPpm: 1_000_000 })
  })

  test('whom nobody paid by vouchers count nothing, and those by others than its auditors neither', async () => {
    const unpaid = factsOf([])
    const said = await found(unpaid, (auditor) => reportOf(auditor, kept, 'proven'))
    expect(said.refusals).toEqual({ 'not-claimed': 5 })
    const auditors = auditorsOf(facts)
    const stranger = nodes.find((node) => node !== keeper && !auditors.includes(node)) ?? keeper
    const tally = new ProbeTally(secp256k1, facts, testParameters)
    tally.add(makeLog(facts, nodes, { prober: stranger, audits: [await reportOf(stranger, kept, 'lost')] }))
    expect(tally.findings().refusals).toEqual({ 'not-auditor': 1 })
  })

  test('by one that signs two logs count no more than its probes', async () => {
    const [first] = auditorsOf(facts)
    if (first === undefined) throw new Error('no auditor')
    const logs = await logsOf(facts, (auditor) => reportOf(auditor, kept, 'proven'))
    const tally = new ProbeTally(secp256k1, facts, testParameters)
    for (const log of [...logs, makeLog(facts, nodes, { prober: first, audits: [] })]) tally.add(log)
    expect(tally.findings().quality.of(keeper.node)?.auditCounts).toEqual({ proven: 4 })
  })
})

describe('whose pieces a node is asked for', () => {
  test('is drawn by what was claimed: a small deal with oneself is a small share of all audits', () => {
    const { audits } = factsOf([
      [payer.address, 900],
      [sybil.address, 100],
    ])
    const draws = Array.from({ length: 2000 }, (_, index) =>
      drawClaimant(seedOf(addressOf(`auditor ${index}`)), keeper.node, audits?.claimants ?? []),
    )
    const own = draws.filter((drawn) => drawn?.payer === sybil.address).length
    expect(own).toBeGreaterThan(140)
    expect(own).toBeLessThan(260)
  })

  test('is nobody where nothing was claimed, and the only one where there is one', () => {
    expect(drawClaimant(seedOf(payer.address), keeper.node, [])).toBeUndefined()
    const [claimant] = factsOf().audits?.claimants ?? []
    expect(drawClaimant(seedOf(payer.address), keeper.node, claimant === undefined ? [] : [claimant])).toBe(claimant)
  })
})

describe('a node that is not proven', () => {
  const fees = [
    { operator: keeper.operator, node: keeper.node, grossMicroUsd: microUsd(1000n), feeMicroUsd: microUsd(50n) },
  ]

  test('is warned first, and loses a part of q when it is not proven in a later epoch either', async () => {
    const shelf = new Shelf()
    let previous: Awaited<ReturnType<Shelf['compute']>> | undefined
    const qualities: (number | undefined)[] = []
    const warned: boolean[] = []
    const reasons: string[] = []
    for (const [epoch, outcome] of (['lost', 'none', 'late', 'proven', 'offline'] as const).entries()) {
      const facts = factsOf(undefined, {
        epoch: epochNumber(epoch),
        fees,
        sales: epoch === 0 ? [] : [{ lot: epochNumber(epoch - 1), ...SALE }],
      })
      const kept = keptFor(payer, facts)
      const logs = await logsOf(facts, (auditor) => reportOf(auditor, kept, outcome))
      const before = previous === undefined ? {} : { previous: previous.resultDocument.id }
      previous = await shelf.compute(shelf.gather({ facts, logs, ...before }))
      qualities.push(previous.findings.quality.of(keeper.node)?.qualityPpm)
      warned.push(previous.result.audits?.unproven.includes(keeper.node) ?? false)
      const line = previous.result.lines.find(({ operator }) => operator === keeper.operator)
      reasons.push(...(line?.reasons ?? []).map(({ code, about }) => `${epoch} ${code} ${about}`))
    }
    expect(qualities).toEqual([1_000_000, 1_000_000, 500_000, 1_000_000, 1_000_000])
    expect(warned).toEqual([true, true, true, false, true])
    expect(reasons.filter((reason) => reason.includes('storage'))).toEqual(['3 storage-unproven lot 2'])
  })

  test('cannot be told by facts that do not say who paid it, where the policy asks for audits', async () => {
    const { audits: _, ...facts } = factsOf()
    const shelf = new Shelf()
    const evidence = shelf.gather({ facts, logs: [] })
    await expect(shelf.compute(evidence)).rejects.toMatchObject({ code: 'REWARDS_MALFORMED' })
  })
})

const SALE = {
  burnedTokenUnits: 10_000n as never,
  saleFeesMicroUsd: microUsd(50n),
  kappaBps: 8000,
}
