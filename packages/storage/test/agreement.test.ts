import { CoreError, hasCode, microUsd, type Network, type UnixMs } from '@stead/core'
import { type Agreement, AgreementDriver, agreementSchema, decodePossession, encodePossession } from '@stead/storage'
import { decorated } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { agreementNumber, dueAt, nextAgreement, signAgreement } from '../src/agreement/agreement.ts'
import { BOUGHT_TABLE, type BoughtRow, decodeBoughtRow } from '../src/consumer/bought-rows.ts'
import { readBlocks } from '../src/consumer/read-blocks.ts'
import {
  STORAGE_PROTOCOL,
  type StorageReply,
  type StorageRequest,
  storageReplySchema,
  storageRequestSchema,
} from '../src/messages.ts'
import { serving } from './support/serving.ts'
import { hasher, pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000

describe('an agreement', () => {
  it('keeps pieces, proves them and is paid for the time', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1), pieceOf(2, 100_000))
    expect(driver.agreement).toMatchObject({ revision: 1, pieces: 2, bytes: 104_096 })
    await world.clock.advance(HOUR_MS)
    const outcome = await world.within(driver.settle(channel))
    // 104,096 bytes for an hour at 1,000 dollars a tebibyte-hour: 94.67 micro-dollars, rounded up.
    expect(outcome).toMatchObject({ kind: 'paid', amountMicroUsd: 95n, isWhole: true })
    expect(await world.earned()).toBe(95n)
    expect(await world.within(driver.settle(channel))).toEqual({ kind: 'nothing-due' })
  })

  it('bills each second once, whatever is added and dropped between', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    const [first, second] = [pieceOf(1, 1_048_576), pieceOf(2, 524_288)]
    await world.keep(driver, channel, first)
    await world.clock.advance(HOUR_MS)
    await world.keep(driver, channel, second)
    await world.clock.advance(HOUR_MS)
    await world.within(driver.agree(channel, { drop: [first.piece] }))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    // 1 MiB for an hour, 1.5 MiB for one, 0.5 MiB for one.
    const exact = (3 * 10 ** 9 * 2 ** 20) / 2 ** 40
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(exact)
    expect(Number(await world.earned())).toBeLessThan(exact * 1.001 + 1)
    expect(world.node.storage.status()).toMatchObject({ agreedBytes: 524_288 })
  })

  it('is paid also by a payer whose clock is ahead: by the time of the node', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const first = await world.agreement(channel)
    await world.keep(first, channel, pieceOf(1, 1_048_576))
    const clock = decorated(world.clock, { now: () => (world.clock.now() + 10 * 60_000) as UnixMs })
    const driver = await AgreementDriver.load(
      { ...world.driverParts(), clock },
      first.id,
      await boughtRow(world, first),
    )
    for (let round = 0; round < 3; round++) {
      await world.clock.advance(HOUR_MS)
      expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
      expect(driver.agreement?.atSecond).toBe(Math.floor(world.clock.now() / 1000))
    }
    // The own clock is right again, and used again.
    await world.clock.advance(HOUR_MS)
    const right = await AgreementDriver.load(world.driverParts(), first.id, await boughtRow(world, first))
    expect(await world.within(right.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
  })

  it('takes no piece that the payer did not send, and none that is another one', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    const { bytes, ...sent } = pieceOf(1)
    const missing = await world.within(refusal(driver.agree(channel, { add: [sent] })))
    expect(missing).toBe('STORAGE_PIECE_UNKNOWN')
    await world.within(driver.put(sent, bytes))
    const other = { ...sent, root: pieceOf(2).root }
    const driver2 = await world.agreement(channel)
    await world.within(driver2.put(sent, bytes))
    expect(await world.within(refusal(driver2.agree(channel, { add: [other] })))).toBe('STORAGE_PIECE_DIFFERS')
  })

  it('goes on after both sides were killed, with the same books', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1), pieceOf(2))
    await world.restartNode('power')
    await world.restartPayer()
    const row = await world.payerStore.get(BOUGHT_TABLE, driver.id.slice(2))
    if (row === undefined) throw new Error('the agreement is gone')
    await world.clock.advance(HOUR_MS)
    const again = await world.channel()
    expect(again.id).toBe(channel.id)
    const back = await AgreementDriver.load(world.driverParts(), driver.id, decodeBoughtRow(row))
    expect(await world.within(back.settle(again))).toMatchObject({ kind: 'paid' })
    expect(back.set.root).toEqual(driver.set.root)
  })

  it('is found again by a payer that lost its power, also where it was about more pieces than the payer knows of', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.clock.advance(HOUR_MS)
    await world.within(driver.settle(channel))
    const known = driver.agreement
    const more = [2, 3, 4, 5, 6].map((number) => pieceOf(number))
    await world.keep(driver, channel, ...more)
    await world.within(driver.agree(channel, { drop: more.map(({ piece }) => piece) }))
    await world.restartPayer('power')
    const row = await world.payerStore.get(BOUGHT_TABLE, driver.id.slice(2))
    if (row === undefined) throw new Error('the agreement is gone')
    const back = await AgreementDriver.load(world.driverParts(), driver.id, decodeBoughtRow(row))
    expect(back.agreement?.revision).toBeLessThanOrEqual(known?.revision ?? 0)
    const again = await world.channel()
    // What was lost is a bill as well: it is paid again, and then the newest revision is taken from the node.
    for (let round = 0; round < 3; round++) await world.within(back.settle(again))
    await world.keep(back, again, pieceOf(7))
    expect(back.agreement).toMatchObject({ pieces: 2 })
    await world.clock.advance(HOUR_MS)
    expect(await world.within(back.settle(again))).toMatchObject({ kind: 'paid', isWhole: true })
  })

  it('pays a period once when the answer was lost, and the payer asks again', async () => {
    let lost = 0
    const world = await TradeWorld.started({
      decorate: (network) => dropping(network, (isSettle) => isSettle && lost++ === 0),
    })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'offline' })
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    const price = Number(await world.earned())
    expect(price).toBeGreaterThan(900)
    expect(price).toBeLessThan(1000)
    expect(lost).toBe(2)
  })

  it('pays a period once, whichever of its own writes the disk refuses', async () => {
    for (let nth = 1; nth <= 6; nth++) {
      const world = await TradeWorld.started()
      const channel = await world.channel()
      const driver = await world.agreement(channel)
      await world.keep(driver, channel, pieceOf(1, 1_048_576))
      await world.clock.advance(HOUR_MS)
      world.payerStore.failWrite(nth)
      await world.within(driver.settle(channel)).catch(() => undefined)
      await world.within(driver.settle(channel)).catch(() => undefined)
      const revision = driver.agreement?.revision
      // What was kept back goes to the disk with the next payment, and nothing older comes over it.
      await world.clock.advance(HOUR_MS)
      expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
      // Two hours, and the seconds in which it waits for room.
      const earned = Number(await world.earned())
      expect([nth, earned >= 1908 && earned < 1930]).toEqual([nth, true])
      expect(driver.agreement?.revision).toBe((revision ?? 0) + 1)
      await world.restartPayer()
      const row = await world.payerStore.get(BOUGHT_TABLE, driver.id.slice(2))
      if (row === undefined) throw new Error('the agreement is gone')
      const again = await AgreementDriver.load(world.driverParts(), driver.id, decodeBoughtRow(row))
      expect(again.agreement).toEqual(driver.agreement)
    }
  })

  it('is paid for a period that was answered just before the node lost its power', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(await world.channel()))).toMatchObject({ kind: 'paid' })
    await world.restartNode('power')
    expect(await world.earned()).toBe(954n)
    await world.clock.advance(HOUR_MS)
    await world.keep(driver, await world.channel(), pieceOf(2))
    expect(await world.within(driver.settle(await world.channel()))).toMatchObject({ kind: 'paid' })
  })

  it('does not pay for leaves that are not shown', async () => {
    const world = await TradeWorld.started({ decorate: lyingAboutLeaves })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'lied' })
    expect(await world.earned()).toBe(0n)
  })

  it('is told which piece is lost, pays for the others, and drops it', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    const [first, second] = [pieceOf(1, 65_536), pieceOf(2, 65_536)]
    await world.keep(driver, channel, first, second)
    await world.rot(driver.id, first.piece)
    await world.clock.advance(HOUR_MS)
    const outcomes = []
    for (let round = 0; round < 20; round++) outcomes.push(await world.within(driver.settle(channel)))
    const lost = outcomes.find(({ kind }) => kind === 'lost')
    expect(lost).toEqual({ kind: 'lost', piece: first.piece })
    await world.within(driver.agree(channel, { drop: [first.piece] }))
    expect(driver.agreement).toMatchObject({ pieces: 1, bytes: 65_536 })
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
  })

  it('is told which pieces a scrub found rotten, before a challenge happens to draw them', async () => {
    const world = await TradeWorld.started({ provider: { scrubMs: 60_000 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    const [large, small] = [pieceOf(1, 1_048_576), pieceOf(2, 4096)]
    await world.keep(driver, channel, large, small)
    await world.rot(driver.id, small.piece)
    await world.clock.advance(HOUR_MS)
    await world.clock.settle()
    const outcome = await world.within(driver.settle(channel))
    expect(outcome).toMatchObject({ kind: 'paid', damaged: [small.piece] })
    await world.within(driver.agree(channel, { drop: [small.piece] }))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', damaged: [] })
  })

  it('reads blocks of a piece by its name, checked against its root', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    const piece = pieceOf(1, 200_000)
    await world.keep(driver, channel, piece)
    const placed = { ...piece, peer: world.nodeKey.peer, agreement: driver.id }
    const parts = { network: world.payerNetwork, clock: world.clock, hasher }
    const part = await world.within(readBlocks(parts, placed, { firstBlock: 1, blocks: 2 }))
    expect(part).toEqual(piece.bytes.slice(65_536, 3 * 65_536))
  })

  it('deletes what nobody agreed on, and keeps what somebody did', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.within(driver.put(pieceOf(2), pieceOf(2).bytes))
    expect(await world.pieceCount()).toBe(2)
    await world.clock.advance(700_000)
    await world.clock.settle()
    expect(await world.pieceCount()).toBe(1)
  })

  it('deletes what nobody agreed on after a restart as well', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.within(driver.put(pieceOf(2), pieceOf(2).bytes))
    await world.restartNode()
    expect(await world.pieceCount()).toBe(2)
    await world.clock.advance(700_000)
    await world.clock.settle()
    expect(await world.pieceCount()).toBe(1)
  })

  it('ends when nobody pays for it, and says so', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 7200 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.clock.advance(2 * HOUR_MS + 120_000)
    await world.clock.settle()
    expect(world.node.storage.status()).toMatchObject({ agreements: 0, agreedBytes: 0 })
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'ended' })
  })

  it('owes nothing for the time in which it was about no piece', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 4 * 3600 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    for (let hour = 0; hour < 3; hour++) await world.clock.advance(HOUR_MS)
    await world.keep(driver, channel, pieceOf(1))
    for (let hour = 0; hour < 2; hour++) await world.clock.advance(HOUR_MS)
    await world.keep(driver, channel, pieceOf(2))
    expect(world.node.storage.status()).toMatchObject({ agreements: 1 })
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
  })

  it('never begins again under the name that it had, and its node signs no second first revision', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 7200 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    await world.clock.advance(2 * HOUR_MS + 120_000)
    await world.clock.settle()
    const parts = { ...world.ledger.identity, number: agreementNumber(0), priceMicroUsdPerTibHour: microUsd(10n ** 9n) }
    await world.restartNode('power')
    const again = await AgreementDriver.draft(world.driverParts(), channel, parts)
    expect(again.id).toBe(driver.id)
    await expect(world.within(again.open(channel))).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_AGREEMENT_ENDED' },
    })
    const next = await AgreementDriver.draft(world.driverParts(), channel, { ...parts, number: agreementNumber(1) })
    expect(await world.within(next.open(channel))).toMatchObject({ revision: 0 })
  })

  it('is paid in parts where more is due than the channel has room for', async () => {
    const world = await TradeWorld.started({ provider: { priceMicroUsdPerTibHour: 10n ** 12n } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 100_000))
    await world.clock.advance(HOUR_MS)
    // What is due goes with the next revision: there is no earlier second until which it could be paid.
    await world.keep(driver, channel, pieceOf(2))
    expect(channel.largestMicroUsd()).toBeLessThan(90_000n)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(driver.agreement?.dueByteSeconds).toBe(0n)
    expect(await world.earned()).toBeGreaterThan(90_000n)
  })

  it('is paid up again when more is unpaid than may be, however little credit there is', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 4 * 3600 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(4 * HOUR_MS - 60_000)
    await world.keep(driver, channel, pieceOf(2))
    await world.clock.advance(HOUR_MS)
    // 954 micro-dollars an hour are due.
    const largest = microUsd(500n)
    const small = decorated(channel, {
      largestMicroUsd: () => largest,
      roomMicroUsd: () => largest,
      reserve: (maximum) => (maximum > largest ? undefined : channel.reserve(maximum)),
    })
    expect(await world.within(driver.settle(small))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(4.9 * 953)
    await world.keep(driver, channel, pieceOf(3))
  })

  it('is paid up again also where more was agreed on before than the node takes unpaid', async () => {
    const world = await TradeWorld.started({ provider: { unpaidSecondsMax: 4 * 3600 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(4 * HOUR_MS - 60_000)
    await world.keep(driver, channel, pieceOf(2))
    await world.clock.advance(HOUR_MS)
    await expect(world.keep(driver, channel, pieceOf(3))).rejects.toMatchObject({
      details: { remoteCode: 'STORAGE_UNPAID' },
    })
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(4.9 * 953)
    await world.keep(driver, channel, pieceOf(3))
    expect(driver.agreement).toMatchObject({ pieces: 3 })
  })

  it('does not wait for all of the credit when it asks again for what it did not hear of', async () => {
    let lost = 0
    const world = await TradeWorld.started({
      decorate: (network) => dropping(network, (isSettle) => isSettle && lost++ === 0),
    })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(2 * HOUR_MS)
    // 1,908 micro-dollars are due, and something else takes a little of the credit from then on.
    const largest = microUsd(900n)
    let room = largest
    const small = decorated(channel, {
      largestMicroUsd: () => largest,
      roomMicroUsd: () => room,
      reserve: (maximum) => (maximum > room ? undefined : channel.reserve(maximum)),
    })
    expect(await world.within(driver.settle(small))).toMatchObject({ kind: 'offline' })
    room = microUsd(893n)
    expect(await world.within(driver.settle(small))).toMatchObject({ kind: 'paid', isWhole: true })
    expect(Number(await world.earned())).toBeGreaterThanOrEqual(1_907)
  })

  it('has a bill due again that the node kept off its books and no channel has room for any more', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(HOUR_MS)
    // The revision is written, its delivery is not.
    world.nodeStore.failWrite(3)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'offline' })
    // From now on it gives less credit than that bill costs.
    const largest = microUsd(500n)
    const small = decorated(channel, {
      largestMicroUsd: () => largest,
      roomMicroUsd: () => largest,
      reserve: (maximum) => (maximum > largest ? undefined : channel.reserve(maximum)),
    })
    for (let part = 0; part < 3; part++) await world.within(driver.settle(small, { isFresh: true }))
    const earned = Number(await world.earned())
    expect(earned).toBeGreaterThanOrEqual(954)
    expect(earned).toBeLessThan(980)
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(await world.channel()))).toMatchObject({ kind: 'paid', isWhole: true })
  })

  it('goes on when the node never had a piece that a revision names', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1))
    const { bytes: _never, ...missing } = pieceOf(2)
    const asked = world.within(driver.agree(channel, { add: [missing] }))
    await expect(asked).rejects.toMatchObject({ details: { remoteCode: 'STORAGE_PIECE_UNKNOWN' } })
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid', isWhole: true })
    await world.keep(driver, channel, pieceOf(3))
    expect(driver.agreement?.pieces).toBe(2)
  })

  it('has each piece in one slot, however often it is added', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1), pieceOf(1))
    expect(driver.agreement).toMatchObject({ pieces: 1, bytes: 4096 })
  })

  it('deletes what was given up while the disk was full, and after a restart', async () => {
    const world = await TradeWorld.started({ provider: { pendingMs: 60_000 } })
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1), pieceOf(2))
    world.disk.setFull(true)
    await world.within(driver.agree(channel, { drop: [pieceOf(1).piece] }))
    expect(await world.pieceCount()).toBe(2)
    world.disk.setFull(false)
    await world.restartNode()
    await world.clock.advance(200_000)
    await world.clock.settle()
    expect(await world.pieceCount()).toBe(1)
  })

  it('bills a period that a full disk kept off the books before it signs another revision', async () => {
    const world = await TradeWorld.started()
    const channel = await world.channel()
    const driver = await world.agreement(channel)
    await world.keep(driver, channel, pieceOf(1, 1_048_576))
    await world.clock.advance(HOUR_MS)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    await world.clock.advance(HOUR_MS)
    // A payer of its own make, which hopes that the node forgets.
    const { signer } = world.payerKey
    const ask = async (request: StorageRequest): Promise<StorageReply> => {
      const payload = storageRequestSchema.encodeMessage(request)
      const { peer } = world.nodeKey
      const call = world.payerNetwork.request(peer, STORAGE_PROTOCOL, payload, { timeoutMs: 5000 })
      return storageReplySchema.decodeMessage(await world.within(call))
    }
    const signed = (next: Agreement): { readonly document: Uint8Array; readonly payerSignature: Uint8Array } => {
      const document = agreementSchema.encodeDocument(next)
      return { document, payerSignature: signAgreement(signer, next, document) }
    }
    const before = driver.agreement
    if (before === undefined) throw new Error('nothing is agreed')
    const terms = { set: driver.set.root }
    const atSecond = before.atSecond + 3600
    const billed = nextAgreement(before, { ...terms, atSecond, billedByteSeconds: dueAt(before, atSecond) })
    const again = await world.channel()
    const settle = {
      ...signed(billed),
      channel: again.id,
      delivery: new Uint8Array(16).fill(7),
      maximumMicroUsd: microUsd(2000n),
      seed: new Uint8Array(32),
    }
    // The revision is written, its delivery is not.
    world.nodeStore.failWrite(2)
    await expect(ask({ settle })).rejects.toMatchObject({ details: { remoteCode: 'STORE_FAILED' } })
    const next = nextAgreement(billed, { ...terms, atSecond: billed.atSecond, billedByteSeconds: 0n })
    const revise = { ...signed(next), channel: again.id, changes: [] }
    await expect(ask({ revise })).rejects.toMatchObject({ details: { remoteCode: 'STORAGE_UNPAID' } })
    await expect(ask({ settle })).rejects.toMatchObject({ details: { remoteCode: 'MARKET_DELIVERY_REPEATED' } })
    await ask({ settle: { ...settle, delivery: new Uint8Array(16).fill(8) } })
    await ask({ revise })
    const { channels } = await world.node.market.earnings()
    expect(channels.reduce((sum, { outstandingMicroUsd }) => sum + outstandingMicroUsd, 0n)).toBe(954n)
  })

  it('asks for money that lasts before it takes more', async () => {
    const world = await TradeWorld.started({ provider: { runwaySecondsMin: 86_400 * 30 } })
    const channel = await world.channel(1000n)
    const driver = await world.agreement(channel)
    const { bytes, ...piece } = pieceOf(1, 1_048_576)
    await world.within(driver.put(piece, bytes))
    expect(await world.within(refusal(driver.agree(channel, { add: [piece] })))).toBe('STORAGE_RUNWAY')
  })
})

/** The code that a node answered with. */
async function refusal(call: Promise<unknown>): Promise<unknown> {
  try {
    await call
    return 'none'
  } catch (error) {
    return hasCode(error, 'NETWORK_REMOTE') ? error.details.remoteCode : error
  }
}

/** Does what it is asked, and its answer does not arrive. */
function dropping(network: Network, isDropped: (isSettle: boolean) => boolean): Network {
  return serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
    const answer = await handler(request)
    if (isDropped(storageRequestSchema.decodeMessage(request.payload).settle !== undefined))
      throw new CoreError('NETWORK_TIMEOUT', 'the answer is lost')
    return answer
  })
}

/** Shows another leaf than the one that it was asked for. */
function lyingAboutLeaves(network: Network): Network {
  return serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
    const answer = storageReplySchema.decodeMessage(await handler(request))
    if (answer.proof === undefined) return storageReplySchema.encodeMessage(answer)
    const proof = decodePossession(answer.proof)
    const [first] = proof.leaves
    const bent = first === undefined ? [] : proof.leaves.map(() => first)
    return storageReplySchema.encodeMessage({ ...answer, proof: encodePossession({ ...proof, leaves: bent }) })
  })
}

async function boughtRow(world: TradeWorld, { id }: AgreementDriver): Promise<BoughtRow> {
  const row = await world.payerStore.get(BOUGHT_TABLE, id.slice(2))
  if (row === undefined) throw new Error('the payer has no agreement on its disk')
  return decodeBoughtRow(row)
}
