import type { Network, RequestHandler } from '@stead/core'
import { microUsd } from '@stead/core'
import { addressOfPeerId, publicKeyOfPeerId } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import {
  CARE_PROTOCOL,
  type CareReply,
  type CareRequest,
  careReplySchema,
  careRequestSchema,
} from '../../src/care/care-messages.ts'
import { StorageError } from '../../src/errors.ts'
import { STORAGE_PROTOCOL, storageRequestSchema } from '../../src/messages.ts'
import { NetworkWorld } from '../support/network-world.ts'
import { serving } from '../support/serving.ts'
import { CareWorld, type CareWorldOptions, HOUR_MS, KEY } from './care-world.ts'

const FIVE: CareWorldOptions = { nodes: 5, profile: { dataPieces: 2, pieces: 3, enough: 3 } }

/** A caretaker that hears or answers something else than it should. */
function bent(change: {
  readonly asked?: (request: CareRequest) => CareRequest
  readonly answered?: (reply: CareReply) => CareReply
}): (network: Network) => Network {
  const { asked = (request) => request, answered = (reply) => reply } = change
  return (network) =>
    serving(network, CARE_PROTOCOL, (handler: RequestHandler) => async (request) => {
      const payload = careRequestSchema.encodeMessage(asked(careRequestSchema.decodeMessage(request.payload)))
      return careReplySchema.encodeMessage(
        answered(careReplySchema.decodeMessage(await handler({ ...request, payload }))),
      )
    })
}

async function absence(cared: CareWorld, hours: number): Promise<void> {
  await cared.world.closePayer()
  await cared.hours(hours)
  await cared.world.restartPayer(cared.world.payerStore.reopen())
}

describe('the appointment of a caretaker', () => {
  it('is refused where nobody offers care, and does not say to try the same again', async () => {
    const world = await NetworkWorld.of(3)
    const wish = { budgetMicroUsd: microUsd(1000n), perDayMicroUsd: microUsd(100n) }
    const refused = await world.within(world.payer.consumer.care.appoint(wish).catch((error: unknown) => error))
    expect(refused).toMatchObject({ code: 'STORAGE_CARE_NOT_OFFERED', message: expect.stringContaining('no node') })
    expect(refused).toMatchObject({ next: expect.not.stringContaining('caretaker set') })
  })

  it('can be thought over: who sells care, and for what share, is told before', async () => {
    const { world, care: running } = await CareWorld.of(FIVE)
    const { care } = world.payer.consumer
    expect(await world.within(care.offers())).toEqual([
      {
        node: running.node,
        operator: expect.stringMatching(/^0x(ca)+$/i),
        sharePpm: care.appointed?.sharePpm,
        segmentsMax: expect.any(Number),
        absentSeconds: expect.any(Number),
        expiresAt: expect.any(Number),
      },
    ])
    const nobody = await NetworkWorld.of(3)
    expect(await nobody.within(nobody.payer.consumer.care.offers())).toEqual([])
  })

  it('says who offers care where the named node does not', async () => {
    const { world } = await CareWorld.of(FIVE)
    const { care } = world.payer.consumer
    const node = care.appointed?.node
    const other = world.payer.market.channels().find(({ terms }) => terms.node !== node)?.terms.node
    if (other === undefined) throw new Error('no other node')
    const wish = { budgetMicroUsd: microUsd(1000n), perDayMicroUsd: microUsd(100n), node: other }
    const refused = await world.within(care.appoint(wish).catch((error: unknown) => error))
    expect(refused).toMatchObject({
      code: 'STORAGE_CARE_NOT_OFFERED',
      message: expect.stringContaining(`these do: ${node}`),
      next: `Appoint one that does: stead caretaker set ${node}`,
    })
  }, 60_000)
})

describe('a payer that is looked after', () => {
  it('makes no room for itself by dropping segments that it never handed over', async () => {
    const cared = await CareWorld.of(FIVE)
    const segmentsOf = (): number | undefined =>
      cared.care.caretaker.sizes().find(({ what }) => what.startsWith('segments of one payer'))?.have
    await cared.world.closePayer()
    expect(segmentsOf()).toBe(1)
    const strange = [1, 2, 3].map((byte) => new Uint8Array(16).fill(byte))
    await cared.orderInPayersName({ drop: strange })
    expect(segmentsOf()).toBe(1)
    await cared.orderInPayersName({ drop: [cared.segment, cared.segment] })
    expect(segmentsOf()).toBe(0)
  }, 60_000)
})

describe('a bad caretaker', () => {
  it('that takes the budget and does nothing has taken the budget, and no more', async () => {
    const cared = await CareWorld.of({ ...FIVE, budgetMicroUsd: 5000n, care: { roundEveryMs: 999 * HOUR_MS } })
    await cared.world.closePayer()
    await cared.hours(10, { isWorking: false })
    await cared.world.restartPayer(cared.world.payerStore.reopen())
    for (let round = 0; round < 2; round++) await cared.payerRound()
    const { care } = cared.world.payer.consumer
    expect(care.appointed).toMatchObject({ acceptedMicroUsd: 0n })
    const paid = cared.world.payer.market.channels().filter(({ quote }) => quote.resource === 'care')
    expect(paid.map((channel) => channel.stats().paidMicroUsd)).toEqual([5000n])
    await cared.world.within(care.dismiss())
    expect(care.appointed).toBeUndefined()
    await expect(cared.world.within(care.dismiss())).rejects.toMatchObject({ code: 'STORAGE_CARE_UNKNOWN' })
  }, 60_000)

  it('cannot spend more than was paid ahead, nor more in a day than it may', async () => {
    const poor = await CareWorld.of({ ...FIVE, budgetMicroUsd: 12n })
    await poor.world.closePayer()
    for (let part = 0; part < 6; part++) {
      await poor.hours(8)
      expect(poor.status.spentMicroUsd).toBeLessThanOrEqual(12n)
    }
    expect(poor.status.spentMicroUsd).toBeGreaterThan(0n)
    const stingy = await CareWorld.of({ ...FIVE, perDayMicroUsd: 0n })
    await stingy.world.closePayer()
    await stingy.hours(10)
    expect(stingy.status).toMatchObject({ pieces: 0, spentMicroUsd: 0n })
  }, 120_000)

  it('that spends more in a day than it may is not paid for it', async () => {
    const cared = await CareWorld.of({
      ...FIVE,
      perDayMicroUsd: 2n,
      prepare: (world) => {
        world.decorateCaretaker = bent({
          asked: ({ hand, ...rest }) =>
            hand === undefined ? rest : { ...rest, hand: { ...hand, perDayMicroUsd: 10_000n as never } },
        })
      },
    })
    await absence(cared, 14)
    const { spentMicroUsd } = cared.status
    expect(spentMicroUsd).toBeGreaterThan(4n)
    await cared.payerRound()
    const { appointed } = cared.world.payer.consumer.care
    expect(appointed?.acceptedMicroUsd).toBeLessThanOrEqual(2n)
    expect(appointed?.refusedMicroUsd).toBeGreaterThan(0n)
    expect(appointed?.refusal).toContain('may be spent until now')
  }, 60_000)

  it('that bills one period again and again is paid for it once', async () => {
    let first: CareReply['periods'] = []
    const cared = await CareWorld.of({
      ...FIVE,
      prepare: (world) => {
        world.decorateCaretaker = bent({
          answered: (reply) => {
            if (first.length === 0) first = reply.periods
            return reply.periods.length === 0 ? reply : { ...reply, periods: first }
          },
        })
      },
    })
    await absence(cared, 14)
    await cared.payerRound()
    const { appointed } = cared.world.payer.consumer.care
    expect(first.length).toBeGreaterThan(0)
    expect(appointed?.acceptedMicroUsd).toBeLessThan(cared.status.spentMicroUsd)
    expect(appointed?.refusal).toMatch(/is billed after|between others/)
  }, 60_000)

  it('whose nodes do not show the pieces that it bills is not paid for them', async () => {
    const hidden = { isHiding: false }
    const cared = await CareWorld.of({
      ...FIVE,
      decorate: () => (network) =>
        serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
          const { audit } = storageRequestSchema.decodeMessage(request.payload)
          if (audit !== undefined && hidden.isHiding)
            throw new StorageError('STORAGE_PIECE_UNKNOWN', 'there is no such piece')
          return await handler(request)
        }),
    })
    await absence(cared, 14)
    hidden.isHiding = true
    await cared.payerRound()
    const { appointed } = cared.world.payer.consumer.care
    expect(appointed).toMatchObject({ acceptedMicroUsd: 0n })
    expect(appointed?.refusal).toContain('does not show it')
    expect(appointed?.refusedMicroUsd).toBeGreaterThan(0n)
  }, 60_000)

  it('that drops pieces while it bills for them is not paid for the time before', async () => {
    const cared = await CareWorld.of(FIVE)
    await cared.world.closePayer()
    await cared.hours(14)
    // It hears that the payer does not want the segment any more, which the payer never said.
    await cared.orderInPayersName({ drop: [cared.segment] })
    await cared.hours(1)
    expect(cared.status.pieces).toBe(0)
    await cared.world.restartPayer(cared.world.payerStore.reopen())
    await cared.payerRound()
    const { appointed } = cared.world.payer.consumer.care
    expect(appointed?.refusal).toContain('bytes, ')
    expect(appointed?.acceptedMicroUsd).toBe(0n)
  }, 60_000)

  it('that tells false places keeps nobody from reading', async () => {
    const falsePeer = { key: new Uint8Array(0) as Uint8Array }
    const cared = await CareWorld.of({
      ...FIVE,
      nodes: 6,
      prepare: (world) => {
        world.decorateCaretaker = bent({
          answered: (reply) => ({ ...reply, places: reply.places.map((place) => ({ ...place, node: falsePeer.key })) }),
        })
      },
    })
    const { world } = cared
    const [first, second] = world.sellers
    if (first === undefined || second === undefined) throw new Error('no nodes')
    falsePeer.key = publicKeyOfPeerId(first.peer)
    const reader = await world.within(world.addReader())
    expect(await world.within(reader.read(cared.reference, KEY, cared.all))).toEqual(cared.plaintext)
    // With one node gone two of three are enough, whatever the caretaker says of the third.
    cared.kill((await cared.holders()).filter(({ node }) => node !== first.node).slice(0, 1))
    expect(await world.within(reader.read(cared.reference, KEY, cared.all))).toEqual(cared.plaintext)
    expect(addressOfPeerId(first.peer)).toBe(first.node)
  }, 60_000)

  it('is none of a stranger: who was not paid ahead looks after nothing', async () => {
    const cared = await CareWorld.of(FIVE)
    const stranger = cared.world.hub.createNode(cared.world.strangerPeer)
    await stranger.start()
    await cared.world.within(stranger.connect(cared.care.peer, 5000))
    const ask = async (request: CareRequest): Promise<CareReply> => {
      const payload = careRequestSchema.encodeMessage(request)
      return careReplySchema.decodeMessage(
        await cared.world.within(stranger.request(cared.care.peer, CARE_PROTOCOL, payload, { timeoutMs: 5000 })),
      )
    }
    await expect(ask({ standing: true })).rejects.toMatchObject({ details: { remoteCode: 'STORAGE_CARE_UNKNOWN' } })
    const hand = { ...cared.handOf(), put: [{ reference: cared.reference, places: [] }] }
    await expect(ask({ hand })).rejects.toMatchObject({ details: { remoteCode: 'MARKET_CHANNEL_UNKNOWN' } })
    // Who knows the segment's name is told where it is.
    expect((await ask({ places: { segment: cared.segment } })).places).toHaveLength(3)
    expect((await ask({ places: { segment: new Uint8Array(16) } })).places).toEqual([])
  }, 60_000)
})
