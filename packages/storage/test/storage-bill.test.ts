import { microUsd } from '@stead/core'
import { bundleReceipts, type ReceiptChainEvidence } from '@stead/market'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementSchema,
  nextPaidNode,
  type PaidPeriod,
  paidPeriodsOf,
  recomputeStorageBill,
  type SignedAgreement,
  type StorageBillAudit,
} from '@stead/storage'
import { beforeAll, describe, expect, it } from 'vitest'
import { signAgreement } from '../src/agreement/agreement.ts'
import { EVIDENCE_SECONDS, forgetPeriods } from '../src/consumer/paid-periods.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
const secp256k1 = await loadSecp256k1()

interface Evidence {
  readonly periods: readonly PaidPeriod[]
  readonly channels: readonly ReceiptChainEvidence[]
}

async function evidenceOf(world: TradeWorld): Promise<Evidence> {
  await world.within(world.payer.settle())
  const { channels } = bundleReceipts(world.ledger.identity, await world.payer.receipts({}))
  return { periods: await paidPeriodsOf(world.payerStore, world.nodeKey.signer.address), channels }
}

function audit(world: TradeWorld, evidence: Evidence): StorageBillAudit {
  return recomputeStorageBill({ secp256k1, chain: world.ledger.identity, ...evidence })
}

/** A node that keeps something else each hour, and is paid each hour. */
async function paidWorld(hours: number): Promise<TradeWorld> {
  const world = await TradeWorld.started()
  const channel = await world.channel()
  const driver = await world.agreement(channel)
  await world.keep(driver, channel, pieceOf(1, 65_536))
  for (let hour = 0; hour < hours; hour++) {
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    await world.keep(driver, channel, pieceOf(10 + hour, 4096))
  }
  return world
}

describe('a bill of storage', () => {
  let world: TradeWorld
  let evidence: Evidence
  beforeAll(async () => {
    world = await paidWorld(3)
    evidence = await evidenceOf(world)
  })

  it('follows from revisions, proofs and receipts alone', async () => {
    const found = audit(world, evidence)
    expect(found).toMatchObject({ kind: 'match', periods: 3, waiting: 0, older: { entries: 0, amountMicroUsd: 0n } })
    const paid = found.kind === 'match' ? found.amountMicroUsd : 0n
    expect(paid).toBe(await world.earned())
    expect(paid).toBeGreaterThan(0n)
  })

  it('is kept by node', async () => {
    const { address } = world.nodeKey.signer
    expect(await nextPaidNode(world.payerStore)).toBe(address)
    expect(await nextPaidNode(world.payerStore, address)).toBeUndefined()
  })

  it('differs when a revision says something else', () => {
    const bends: Record<string, [(agreement: Agreement) => Agreement, string]> = {
      price: [(a) => ({ ...a, priceMicroUsdPerTibHour: microUsd(a.priceMicroUsdPerTibHour * 2n) }), 'revision'],
      time: [(a) => ({ ...a, atSecond: a.atSecond + 1 }), 'overlap'],
      bytes: [(a) => ({ ...a, bytes: a.bytes + 1 }), 'revision'],
      due: [(a) => ({ ...a, dueByteSeconds: 2n ** 62n }), 'revision'],
      // A part may stay due; it is not the revision that is on the bill.
      part: [(a) => ({ ...a, dueByteSeconds: 1n }), 'item'],
      node: [(a) => ({ ...a, node: world.payerKey.signer.address }), 'signature'],
    }
    for (const [name, [bend, what]] of Object.entries(bends)) {
      const bent = withPeriod(evidence, 1, (period) => ({ ...period, after: signedAgain(world, period.after, bend) }))
      const found = audit(world, bent)
      expect([name, found.kind === 'difference' ? found.what : found.kind]).toEqual([name, expect.stringMatching(what)])
    }
  })

  it('differs when both sign a later end than they billed', () => {
    const later = (agreement: Agreement): Agreement => ({ ...agreement, dueByteSeconds: agreement.dueByteSeconds + 7n })
    const bent = withPeriod(evidence, 1, (period) => ({ ...period, before: signedAgain(world, period.before, later) }))
    expect(audit(world, bent)).toMatchObject({ kind: 'difference', what: 'quantity' })
  })

  it('differs when a stranger signed, and when nobody did', () => {
    const stranger = createSigner(secp256k1, new Uint8Array(32).fill(9))
    const other = (signed: SignedAgreement): SignedAgreement => {
      const { document } = signed
      return {
        ...signed,
        nodeSignature: signAgreement(stranger, agreementSchema.decodeDocument(document), document),
      }
    }
    const forged = withPeriod(evidence, 0, (period) => ({ ...period, after: other(period.after) }))
    expect(audit(world, forged)).toMatchObject({ kind: 'difference', what: 'signature' })
    const unsigned = withPeriod(evidence, 0, (period) => ({
      ...period,
      before: { ...period.before, payerSignature: new Uint8Array(65) },
    }))
    expect(audit(world, unsigned)).toMatchObject({ kind: 'difference', what: 'signature' })
  })

  it('differs when a proof is of another period, or none', () => {
    const [first] = evidence.periods
    if (first === undefined) throw new Error('no period')
    const swapped = withPeriod(evidence, 1, (period) => ({ ...period, proof: first.proof }))
    expect(audit(world, swapped)).toMatchObject({ kind: 'difference', what: 'proof' })
    const empty = withPeriod(evidence, 1, (period) => ({ ...period, proof: new Uint8Array(0) }))
    expect(audit(world, empty)).toMatchObject({ kind: 'difference', what: 'proof' })
  })

  it('differs when a period is shown twice, or hidden', () => {
    const { periods } = evidence
    const again = audit(world, { ...evidence, periods: [...periods, ...periods.slice(1, 2)] })
    expect(again).toMatchObject({ kind: 'difference', what: 'overlap' })
    const hidden = audit(world, { ...evidence, periods: periods.filter((_, index) => index !== 1) })
    expect(hidden).toMatchObject({ kind: 'difference', what: 'no-evidence' })
  })

  it('differs when a receipt is bent', () => {
    const [channel] = evidence.channels
    if (channel === undefined) throw new Error('no channel')
    const receipts = channel.receipts.map((receipt, index) => {
      if (index !== 1) return receipt
      const providerSignature = receipt.providerSignature.slice()
      providerSignature[5] = (providerSignature[5] ?? 0) ^ 1
      return { ...receipt, providerSignature }
    })
    const bent = { ...evidence, channels: [{ ...channel, receipts }, ...evidence.channels.slice(1)] }
    expect(audit(world, bent)).toMatchObject({ kind: 'difference', what: 'receipts' })
    expect(audit(world, { ...evidence, channels: [] })).toMatchObject({ kind: 'difference', what: 'receipts' })
  })

  it('counts what waits for its receipt, and misses one that later ones overtook', () => {
    const cut = (from: number, to: number): Evidence => ({
      ...evidence,
      channels: evidence.channels.map((channel) => ({ ...channel, receipts: channel.receipts.slice(from, to) })),
    })
    const entries = evidence.channels.flatMap(({ receipts }) => receipts).length
    expect(entries).toBeGreaterThan(1)
    const waiting = audit(world, cut(0, -1))
    expect(waiting).toMatchObject({ kind: 'match', waiting: expect.toSatisfy((count) => count > 0) })
    expect(audit(world, cut(1, entries))).toMatchObject({ kind: 'difference', what: 'receipts' })
  })
})

describe('the evidence of a bill', () => {
  it('is kept for a month, and what is older is told as such', async () => {
    const world = await TradeWorld.started()
    const driver = await world.agreement(await world.channel())
    await world.keep(driver, await world.channel(), pieceOf(1, 32_768))
    const weeks = 8
    for (let week = 0; week < weeks; week++) {
      await world.clock.advance(7 * 24 * HOUR_MS)
      expect(await world.within(driver.settle(await world.channel()))).toMatchObject({ kind: 'paid' })
      await forgetPeriods(world.payerStore, Math.floor(world.clock.now() / 1000) - EVIDENCE_SECONDS)
    }
    const evidence = await evidenceOf(world)
    const kept = 1 + Math.floor(EVIDENCE_SECONDS / (7 * 86_400))
    expect(evidence.periods).toHaveLength(kept)
    const old = evidence.channels.find(({ channel }) => evidence.periods.every((period) => period.channel !== channel))
    if (old === undefined) throw new Error('all channels have evidence')
    const elsewhere = withPeriod(evidence, 1, (period) => ({ ...period, channel: old.channel }))
    expect(audit(world, elsewhere)).toMatchObject({ kind: 'difference', what: 'parties' })
    expect(audit(world, evidence)).toMatchObject({ kind: 'match', periods: kept, older: { entries: weeks - kept } })
  }, 120_000)

  it('goes from its oldest end, a few of each agreement at a time, and what is left is still a bill', async () => {
    const world = await paidWorld(6)
    const { address } = world.nodeKey.signer
    const kept = async () => (await paidPeriodsOf(world.payerStore, address)).length
    const nowSecond = Math.floor(world.clock.now() / 1000)
    await forgetPeriods(world.payerStore, nowSecond - 5400)
    expect(await kept()).toBe(2)
    expect(audit(world, await evidenceOf(world))).toMatchObject({ kind: 'match', periods: 2, older: { entries: 4 } })
    await forgetPeriods(world.payerStore, nowSecond + 1)
    expect(await kept()).toBe(0)
    expect(audit(world, await evidenceOf(world))).toMatchObject({ kind: 'match', periods: 0, older: { entries: 6 } })
  })
})

function withPeriod(evidence: Evidence, place: number, change: (period: PaidPeriod) => PaidPeriod): Evidence {
  return { ...evidence, periods: evidence.periods.map((period, index) => (index === place ? change(period) : period)) }
}

/** Both sign something else. */
function signedAgain(
  world: TradeWorld,
  { document }: SignedAgreement,
  change: (agreement: Agreement) => Agreement,
): SignedAgreement {
  const agreement = change(agreementSchema.decodeDocument(document))
  const again = agreementSchema.encodeDocument(agreement)
  return {
    document: again,
    payerSignature: signAgreement(world.payerKey.signer, agreement, again),
    nodeSignature: signAgreement(world.nodeKey.signer, agreement, again),
  }
}
