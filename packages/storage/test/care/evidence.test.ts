import { type Hash, microUsd } from '@stead/core'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { agreementSchema, type SignedAgreement, signAgreement } from '../../src/agreement/agreement.ts'
import { type BilledTo, type CareContext, checkCareBill } from '../../src/care/care-evidence.ts'
import { careNumber } from '../../src/care/care-terms.ts'
import { PAID_TABLE, type PaidPeriod, paidPeriodSchema } from '../../src/consumer/paid-periods.ts'
import { decodeReference, pieceNameOf } from '../../src/placement/segment-reference.ts'
import { CareWorld } from './care-world.ts'

const secp256k1 = await loadSecp256k1()
const CARETAKER = createSigner(secp256k1, new Uint8Array(32).fill(220))

/** What a caretaker that did its work has to show for one node, and what its payer holds that against. */
describe('the evidence of a caretaker', () => {
  let periods: readonly PaidPeriod[]
  let context: CareContext
  let agreement: ReturnType<typeof agreementSchema.decodeDocument>

  beforeAll(async () => {
    const cared = await CareWorld.of({ nodes: 5, profile: { dataPieces: 2, pieces: 3, enough: 3 } })
    await cared.world.closePayer()
    await cared.hours(13)
    const rows = await cared.care.store.scan(`care-${PAID_TABLE}`)
    const all = rows.map(({ value }) => paidPeriodSchema.decodeMessage(value))
    const [first] = all
    if (first === undefined) throw new Error('nothing was paid')
    agreement = agreementSchema.decodeDocument(first.after.document)
    periods = all.filter(({ after }) => agreementSchema.decodeDocument(after.document).node === agreement.node)
    expect(periods.length).toBeGreaterThan(2)
    const { segment, pieces } = decodeReference(cared.reference)
    const own = new Set<Hash>(Array.from({ length: pieces }, (_, number) => pieceNameOf(segment, number)))
    context = {
      secp256k1,
      identity: cared.world.ledger.identity,
      payer: decodeReference(cared.reference).payer,
      caretaker: CARETAKER.address,
      sharePpm: 200_000,
      priceMaxMicroUsdPerTibHour: microUsd(20_000n),
      appointedSecond: agreement.atSecond - 20 * 3600,
      isOwn: ({ piece }) => own.has(piece),
    }
  }, 120_000)

  const check = (
    changed: readonly PaidPeriod[] = periods,
    change: Partial<CareContext> = {},
    before: ReadonlyMap<Hash, BilledTo> = new Map(),
  ): ReturnType<typeof checkCareBill> =>
    checkCareBill({ ...context, ...change }, agreement.node, { periods: changed, before })

  const withFirst = (change: (period: PaidPeriod) => PaidPeriod): readonly PaidPeriod[] =>
    periods.map((period, place) => (place === 0 ? change(period) : period))

  /** The caretaker's half of a revision, made up; the node's is whatever somebody signs with that key. */
  const forged = (signed: SignedAgreement, change: object, node = CARETAKER): SignedAgreement => {
    const next = { ...agreementSchema.decodeDocument(signed.document), ...change }
    const document = agreementSchema.encodeDocument(next)
    const payerSignature = signAgreement(CARETAKER, next, document)
    return { document, payerSignature, nodeSignature: signAgreement(node, next, document) }
  }

  it('is right when it is whole, and costs a fifth more than the nodes got', () => {
    const { amountMicroUsd, byteSeconds, billedTo } = check()
    expect(byteSeconds).toBeGreaterThan(0n)
    expect(amountMicroUsd).toBeGreaterThan(0n)
    expect([...billedTo.values()]).toHaveLength(1)
  })

  it('is none without the signature of the node', () => {
    const changed = withFirst((period) => ({ ...period, after: forged(period.after, {}) }))
    expect(() => check(changed)).toThrow('not signed by both')
  })

  it('is none when its proof shows other leaves, or belongs to another revision', () => {
    const [first, second] = periods
    if (first === undefined || second === undefined) throw new Error('too few periods')
    expect(() => check(withFirst((period) => ({ ...period, proof: second.proof })))).toThrow('leaves that were drawn')
    expect(() => check(withFirst((period) => ({ ...period, proof: new Uint8Array(9) })))).toThrow('cannot be read')
  })

  it('is none for another payer, another caretaker, another node', () => {
    const { address } = createSigner(secp256k1, new Uint8Array(32).fill(99))
    expect(() => check(periods, { payer: address })).toThrow('for another payer')
    expect(() => check(periods, { caretaker: address })).toThrow('between others')
    expect(() => checkCareBill(context, address, { periods, before: new Map() })).toThrow('between others')
  })

  it('is none of a node that is the caretaker itself', () => {
    const own = { node: CARETAKER.address, number: careNumber(context.payer, 0) }
    const changed = periods.map((period) => ({
      ...period,
      before: forged(period.before, own),
      after: forged(period.after, own),
    }))
    const run = (): unknown => checkCareBill(context, CARETAKER.address, { periods: changed, before: new Map() })
    expect(run).toThrow('between others')
  })

  it('is none for pieces that the payer does not have', () => {
    expect(() => check(periods, { isOwn: () => false })).toThrow("none of this payer's")
  })

  it('is none a second time, nor out of order', () => {
    const { billedTo } = check()
    expect(() => check(periods, {}, billedTo)).toThrow('is billed after')
    expect(() => check(periods.toReversed())).toThrow('is billed after')
    expect(() => check([...periods, ...periods.slice(-1)])).toThrow('is billed after')
  })

  it('is none above the price that the payer allows', () => {
    expect(() => check(periods, { priceMaxMicroUsdPerTibHour: microUsd(4999n) })).toThrow('above the limit')
  })

  it('is none for more than can have been kept, whatever a friendly node signs to be due', () => {
    const node = createSigner(secp256k1, nodeKey())
    const [first] = periods
    if (first === undefined) throw new Error('too few periods')
    const before = agreementSchema.decodeDocument(first.before.document)
    const inflated: PaidPeriod = {
      ...first,
      before: forged(first.before, { dueByteSeconds: before.dueByteSeconds + 10n ** 15n }, node),
    }
    expect(() => check([inflated])).toThrow('can have been kept')
    expect(() => check([first])).not.toThrow()
  })

  /** Keys of the nodes of a world are their numbers. */
  function nodeKey(): Uint8Array {
    const keys = Array.from({ length: 5 }, (_, number) => new Uint8Array(32).fill(number + 1))
    const key = keys.find((each) => createSigner(secp256k1, each).address === agreement.node)
    if (key === undefined) throw new Error('the key of the node is not known')
    return key
  }
})
