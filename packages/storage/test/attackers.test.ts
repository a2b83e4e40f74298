import { type Address, address, hasCode, microUsd, type Network, type Signer } from '@stead/core'
import { marketProviderOptionsSchema } from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { type Agreement, type AgreementDriver, agreementSchema, type StorageProviderInput } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { agreementNumber, dueAt, nextAgreement, signAgreement } from '../src/agreement/agreement.ts'
import type { SetChange } from '../src/agreement/piece-set.ts'
import { slotMessageOf } from '../src/agreement/slot-message.ts'
import {
  STORAGE_PROTOCOL,
  type StorageReply,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '../src/messages.ts'
import { NetworkWorld } from './support/network-world.ts'
import { serving } from './support/serving.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
const MIB = 1_048_576
const OPERATOR: Address = address(`0x${'0f'.repeat(20)}`)
const secp256k1 = await loadSecp256k1()

type Answer = (request: StorageRequest, honest: () => Promise<StorageReply>) => Promise<StorageReply>

/** A network whose node answers about agreements in its own way. */
function answering(network: Network, answer: Answer): Network {
  return serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
    const honest = async (): Promise<StorageReply> => storageReplySchema.decodeMessage(await handler(request))
    return storageReplySchema.encodeMessage(await answer(storageRequestSchema.decodeMessage(request.payload), honest))
  })
}

/** An agreement over a mebibyte with such a node, an hour old. */
async function hourOld(answer: Answer): Promise<{ readonly world: TradeWorld; readonly driver: AgreementDriver }> {
  const world = await TradeWorld.started({ decorate: (network) => answering(network, answer) })
  const channel = await world.channel()
  const driver = await world.agreement(channel)
  await world.keep(driver, channel, pieceOf(1, MIB))
  await world.clock.advance(HOUR_MS)
  return { world, driver }
}

describe('a node that sells storage and cheats', () => {
  it('is not paid when it fetches what it has to show only when it is asked', async () => {
    let world: TradeWorld | undefined
    const late: Answer = async (request, honest) => {
      // From somebody with a slow line, when it is asked.
      if (request.settle !== undefined && world !== undefined) await world.clock.sleep(31_000)
      return await honest()
    }
    const found = await hourOld((request, honest) => late(request, honest))
    world = found.world
    const outcome = await world.within(found.driver.settle(await world.channel()))
    expect(outcome).toMatchObject({ kind: 'offline' })
    expect(await world.earned()).toBe(0n)
  })

  it('is not paid for the proof of another agreement, nor for one of another time', async () => {
    const proofs: Uint8Array[] = []
    const replaying: Answer = async (request, honest) => {
      const reply = await honest()
      if (reply.proof === undefined || request.settle === undefined) return reply
      proofs.push(reply.proof)
      return { ...reply, proof: proofs[0] ?? reply.proof }
    }
    const { world, driver } = await hourOld(replaying)
    const channel = await world.channel()
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    const paid = await world.earned()
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'lied' })
    const other = await world.agreement(channel)
    await world.keep(other, channel, pieceOf(1, MIB))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(other.settle(channel))).toMatchObject({ kind: 'lied' })
    expect(await world.earned()).toBe(paid)
    expect(proofs.length).toBeGreaterThan(2)
  })

  it('is not believed when it answers an old revision', async () => {
    const replies: StorageReply[] = []
    const { world, driver } = await hourOld(async (request, honest) => {
      const reply = await honest()
      if (request.revise !== undefined) replies.push(reply)
      return request.settle === undefined ? reply : { ...(replies[0] ?? reply) }
    })
    const before = driver.agreement
    expect(await world.within(driver.settle(await world.channel()))).toMatchObject({ kind: 'offline' })
    expect(driver.agreement).toEqual(before)
    expect(await world.earned()).toBe(0n)
  })

  it('is not paid any more when it does not let go of a piece', async () => {
    let isGreedy = false
    const { world, driver } = await hourOld(async (request, honest) => {
      if (!isGreedy || request.revise === undefined) return await honest()
      throw new RangeError('the piece stays')
    })
    const channel = await world.channel()
    isGreedy = true
    await expect(world.within(driver.agree(channel, { drop: [pieceOf(1).piece] }))).rejects.toThrow()
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'offline' })
    expect(await world.earned()).toBe(0n)
    isGreedy = false
    // It signs at last what it was asked for then; the time after is nothing that anybody owes.
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', amountMicroUsd: 954n })
  })

  it('is left out for a while when it has less room than it offers', async () => {
    const world = new NetworkWorld()
    let asked = 0
    for (let number = 0; number < 11; number++) await world.addSeller()
    await world.addSeller({
      decorate: (network) =>
        answering(network, async (request, honest) => {
          if (request.revise === undefined || request.revise.changes.length === 0) return await honest()
          asked++
          throw new RangeError('there is no room after all')
        }),
    })
    await world.startPayer()
    const { segments } = world.payer
    const key = new Uint8Array(32).fill(9)
    for (let object = 0; object < 3; object++) await world.within(segments.put(key, new Uint8Array(100_000)))
    expect(asked).toBe(1)
    const reference = await world.within(segments.put(key, new Uint8Array(1000).fill(7)))
    expect(await world.within(segments.read(reference, key, { fromByte: 999, toByte: 1000 }))).toEqual(
      new Uint8Array([7]),
    )
  })
})

/** A payer of its own make: it signs what it likes, and pays when it likes. */
class OwnPayer {
  readonly world: TradeWorld
  readonly driver: AgreementDriver
  #channel: Awaited<ReturnType<TradeWorld['channel']>>

  private constructor(world: TradeWorld, driver: AgreementDriver, channel: OwnPayer['channel']) {
    this.world = world
    this.driver = driver
    this.#channel = channel
  }

  static async started(provider: StorageProviderInput = {}): Promise<OwnPayer> {
    const world = await TradeWorld.started({ provider })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, MIB))
    const payer = new OwnPayer(world, driver, channel)
    await payer.hourPasses()
    return payer
  }

  /** Quotes hold for minutes. */
  async hourPasses(): Promise<void> {
    await this.world.clock.advance(HOUR_MS)
    this.#channel = await this.world.channel()
  }

  get channel(): Awaited<ReturnType<TradeWorld['channel']>> {
    return this.#channel
  }

  get agreement(): Agreement {
    const { agreement } = this.driver
    if (agreement === undefined) throw new Error('nothing is agreed')
    return agreement
  }

  async ask(request: StorageRequest): Promise<StorageReply> {
    const { peer } = this.world.nodeKey
    const payload = storageRequestSchema.encodeMessage(request)
    const call = this.world.payerNetwork.request(peer, STORAGE_PROTOCOL, payload, { timeoutMs: 5000 })
    return storageReplySchema.decodeMessage(await this.world.within(call))
  }

  async revise(next: Agreement, changes: readonly SetChange[] = [], by?: Signer): Promise<StorageReply> {
    const { document, payerSignature } = this.signed(next, by)
    const ask = { channel: this.#channel.id, document, payerSignature, changes: changes.map(slotMessageOf) }
    return await this.ask({ revise: ask })
  }

  async settle(next: Agreement, delivery: number): Promise<StorageReply> {
    const { document, payerSignature } = this.signed(next)
    const bill = { delivery: new Uint8Array(16).fill(delivery), maximumMicroUsd: microUsd(100_000n) }
    const seed = new Uint8Array(32).fill(delivery)
    return await this.ask({ settle: { channel: this.#channel.id, document, payerSignature, seed, ...bill } })
  }

  signed(
    next: Agreement,
    by: Signer = this.world.payerKey.signer,
  ): { readonly document: Uint8Array; readonly payerSignature: Uint8Array } {
    const document = agreementSchema.encodeDocument(next)
    return { document, payerSignature: signAgreement(by, next, document) }
  }

  billed(before: Agreement, seconds: number): Agreement {
    const { root, leaves, slots, pieces, bytes } = before
    const set = { root, leaves, slots, pieces, bytes }
    const atSecond = before.atSecond + seconds
    return nextAgreement(before, { atSecond, set, billedByteSeconds: dueAt(before, atSecond) })
  }
}

describe('a payer that buys storage and cheats', () => {
  it('is served no further when it withholds the last voucher', async () => {
    const payer = await OwnPayer.started()
    let before = payer.agreement
    let refusal: unknown
    let served = 0n
    for (let hour = 1; hour < 60 && refusal === undefined; hour++) {
      const next = payer.billed(before, 3600)
      try {
        const { amountMicroUsd = microUsd(0n) } = await payer.settle(next, hour)
        served += amountMicroUsd
        before = next
        await payer.hourPasses()
      } catch (error) {
        refusal = hasCode(error, 'NETWORK_REMOTE') ? error.details.remoteCode : error
      }
    }
    expect(refusal).toBe('MARKET_CREDIT_EXHAUSTED')
    const { channels } = await payer.world.node.market.earnings()
    const outstanding = channels.reduce((sum, each) => sum + each.outstandingMicroUsd, 0n)
    expect(outstanding).toBe(served)
    expect(served).toBeLessThanOrEqual(marketProviderOptionsSchema.parse({ operator: OPERATOR }).creditStartMicroUsd)
    // And it is not let go of what it owes: no revision comes after a bill that nobody paid and the books do not have.
    await expect(payer.revise({ ...before, revision: before.revision + 1, dueByteSeconds: 1n })).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_AGREEMENT_DIFFERS' },
    })
  })

  it('cannot have a node asked on chain about what it was free to delete', async () => {
    const payer = await OwnPayer.started({ unpaidSecondsMax: 4 * 3600 })
    const { driver, world } = payer
    const two = pieceOf(2)
    await world.keep(driver, payer.channel, two)
    // Never paid, and signed anew just before the time is over.
    for (let hour = 0; hour < 2; hour++) await payer.hourPasses()
    await world.within(driver.agree(payer.channel, { drop: [two.piece] }))
    await payer.hourPasses()
    await world.clock.advance(600_000)
    await world.clock.settle()
    const askable = await world.node.storage.answerTo(driver.id, new Uint8Array(32))
    expect(askable?.revision).toBe(driver.agreement?.revision)
    // It signs nothing more, and ends when nobody can ask any more.
    const next = await payer
      .revise({
        ...payer.agreement,
        revision: payer.agreement.revision + 1,
        atSecond: Math.floor(world.clock.now() / 1000),
        dueByteSeconds: dueAt(payer.agreement, Math.floor(world.clock.now() / 1000)),
      })
      .catch((error: unknown) => error)
    expect(next).toMatchObject({ details: { remoteCode: 'STORAGE_UNPAID' } })
    for (let hour = 0; hour < 4; hour++) await world.clock.advance(HOUR_MS)
    await world.clock.settle()
    expect(world.node.storage.status()).toMatchObject({ agreements: 0 })
  })

  it('cannot sign for less, for another time, for other pieces or at another price', async () => {
    const payer = await OwnPayer.started()
    const { agreement } = payer
    const honest = payer.billed(agreement, 3600)
    const bends: readonly Partial<Agreement>[] = [
      // Less may stay due than is due, never more.
      { dueByteSeconds: 2n ** 62n },
      { atSecond: agreement.atSecond - 1 },
      { revision: agreement.revision },
      { revision: agreement.revision + 2 },
      { root: new Uint8Array(32) },
      { leaves: honest.leaves - 1 },
      { slots: honest.slots + 1 },
      { pieces: 0 },
      { bytes: honest.bytes - 1 },
      { priceMicroUsdPerTibHour: microUsd(1n) },
    ]
    for (const bend of bends) {
      const settled = payer.settle({ ...honest, ...bend }, 1)
      await expect(settled, JSON.stringify(Object.keys(bend))).rejects.toMatchObject({
        details: { remoteCode: 'STORAGE_AGREEMENT_DIFFERS' },
      })
      await expect(payer.revise({ ...honest, ...bend })).rejects.toMatchObject({
        details: { remoteCode: 'STORAGE_AGREEMENT_DIFFERS' },
      })
    }
    await expect(payer.settle({ ...honest, atSecond: agreement.atSecond + 2 * 3600 }, 1)).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_CLOCK_AHEAD' },
    })
    const elsewhere: readonly Partial<Agreement>[] = [
      { chainId: 1 },
      { escrow: agreement.node },
      { node: agreement.payer },
      { number: agreementNumber(77) },
    ]
    for (const bend of elsewhere)
      await expect(payer.settle({ ...honest, ...bend }, 1)).rejects.toMatchObject({
        details: { remoteCode: expect.stringMatching(/STORAGE_AGREEMENT_UNKNOWN/) },
      })
    expect(await payer.settle(honest, 1)).toMatchObject({ amountMicroUsd: 954n })
  })

  it('cannot let another key sign, nor have a stranger change what is agreed', async () => {
    const payer = await OwnPayer.started()
    const stranger = createSigner(secp256k1, new Uint8Array(32).fill(99))
    const next = { ...payer.billed(payer.agreement, 3600), dueByteSeconds: 0n }
    await expect(payer.revise(next, [{ slot: 0, piece: undefined }], stranger)).rejects.toMatchObject({
      details: { remoteCode: 'PROTOCOL_SIGNATURE' },
    })
    const network = payer.world.hub.createNode(peerIdOfPublicKey(stranger.publicKey))
    await network.start()
    const send = async (request: StorageRequest): Promise<unknown> => {
      const payload = storageRequestSchema.encodeMessage(request)
      return await payer.world.within(
        network.request(payer.world.nodeKey.peer, STORAGE_PROTOCOL, payload, { timeoutMs: 5000 }),
      )
    }
    const { id } = payer.driver
    const { document, payerSignature } = payer.signed(payer.billed(payer.agreement, 3600))
    const revise = { channel: payer.channel.id, document, payerSignature, changes: [] }
    await expect(send({ revise })).rejects.toMatchObject({ details: { remoteCode: 'STORAGE_AGREEMENT_UNKNOWN' } })
    await expect(send({ standing: { agreement: id, fromSlot: 0 } })).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_AGREEMENT_UNKNOWN' },
    })
    // What anybody may: see that it is there.
    await expect(send({ audit: { agreement: id, seed: new Uint8Array(32) } })).resolves.toBeInstanceOf(Uint8Array)
  })

  it('cannot fill a slot twice, name a piece that it did not send, or promise bytes with a false root', async () => {
    const payer = await OwnPayer.started()
    const { bytes, ...piece } = pieceOf(2)
    await payer.world.within(payer.driver.put(piece, bytes))
    const attempt = async (changes: readonly SetChange[]): Promise<unknown> => {
      const { agreement, driver } = payer
      try {
        const set = driver.set.rootAfter(changes.slice(0, 1))
        await payer.revise(
          nextAgreement(agreement, { atSecond: agreement.atSecond, set, billedByteSeconds: 0n }),
          changes,
        )
        return 'taken'
      } catch (error) {
        return hasCode(error, 'NETWORK_REMOTE') ? error.details.remoteCode : error
      }
    }
    expect(
      await attempt([
        { slot: 1, piece },
        { slot: 1, piece },
      ]),
    ).toBe('STORAGE_UNSUPPORTED')
    expect(await attempt([{ slot: 1, piece: pieceOf(3) }])).toBe('STORAGE_PIECE_UNKNOWN')
    expect(await attempt([{ slot: 1, piece: { ...piece, root: pieceOf(3).root } }])).toBe('STORAGE_PIECE_DIFFERS')
    expect(await attempt([{ slot: 1, piece: { ...piece, lengthBytes: 1 } }])).toBe('STORAGE_PIECE_DIFFERS')
    expect(await attempt([{ slot: 1, piece }])).toBe('taken')
  })
})
