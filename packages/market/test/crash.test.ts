import { CoreError, microUsd } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import { type CrashMoment, type MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { bundleReceipts, type StoredReceipt, verifyReceiptChain } from '../src/index.ts'
import { entryOf, FUNDS, OPERATOR, PAYER_ACCOUNT, secp256k1, World } from './world.ts'

type Side = 'payer' | 'provider'

/** What the test itself saw happen, against which both journals are held at the end. */
interface Witness {
  /** Deliveries that the payer accepted, with their amounts. */
  readonly accepted: Map<string, bigint>
  readonly rejected: Set<string>
  /** Receipts that the payer had complete at some time. */
  readonly receipted: Set<string>
}

const DELIVERIES = 14

function newWorld(): World {
  return new World({ payer: { payEntriesMax: 4, lostAfterMs: 2_000 }, provider: { claimCheckMs: 600_000 } })
}

/** Runs a call until it ends or a side dies; what died is started again. */
async function attempt(world: World, call: () => Promise<unknown>): Promise<void> {
  let isDone = false
  const done = (): void => {
    isDone = true
  }
  call().then(done, done)
  await world.clock.settle()
  for (let passed = 0; !isDone && passed < 60_000 && !isCrashed(world); passed += 100) await world.clock.advance(100)
  await revive(world)
}

function isCrashed(world: World): boolean {
  return world.payerStore.isCrashed || world.providerStore.isCrashed
}

/** Starts what died; a start may die as well. */
async function revive(world: World): Promise<void> {
  for (let tries = 0; tries < 10 && isCrashed(world); tries++) {
    const restart = world.payerStore.isCrashed ? world.restartPayer() : world.restartProvider()
    let isDone = false
    restart.then(
      () => {
        isDone = true
      },
      () => undefined,
    )
    for (let passed = 0; !isDone && !isCrashed(world) && passed < 5_000; passed += 100) await world.clock.advance(100)
  }
}

/** One delivery, accepted or now and then rejected. */
async function deliver(world: World, witness: Witness, number: number): Promise<void> {
  const channel = world.payer.channels().find(({ state }) => state === 'open')
  const reservation = channel?.reserve(microUsd(900n))
  if (channel === undefined || reservation === undefined) {
    await world.clock.advance(500)
    return
  }
  const { delivery } = reservation
  const request = { peer: world.payerKey.peer, channel: channel.id, delivery, maximumMicroUsd: microUsd(900n) }
  const admission = world.provider.admit(request)
  const entry = entryOf(delivery, 400 + number * 7, number)
  await admission.deliver(entry)
  const name = bytesToHex(delivery)
  if (number % 5 === 4) {
    reservation.reject('wrong-result')
    witness.rejected.add(name)
    return
  }
  reservation.accept(entry)
  // An acceptance counts once its turn is over: then the journal has it.
  await Promise.resolve()
  await Promise.resolve()
  if (!isCrashed(world)) witness.accepted.set(name, entry.amountMicroUsd)
}

async function noteReceipts(world: World, witness: Witness): Promise<void> {
  if (isCrashed(world)) return
  for (const receipt of await world.payer.receipts({ completeOnly: true })) witness.receipted.add(nameOf(receipt))
}

function nameOf({ evidence, increment }: StoredReceipt): string {
  return `${evidence.channel} ${increment.index}`
}

async function open(world: World): Promise<void> {
  if (world.payer.channels().some(({ state }) => state === 'open' || state === 'opening')) return
  const quote = await world.quote()
  await world.payer.openChannels([{ quote, allocationMicroUsd: microUsd(100_000n) }])
}

/** The whole story, whoever dies in the middle of it. */
async function story(world: World): Promise<Witness> {
  const witness: Witness = { accepted: new Map(), rejected: new Set(), receipted: new Set() }
  await attempt(world, () => world.start())
  for (let tries = 0; tries < 5 && !world.payer.channels().some(({ state }) => state === 'open'); tries++) {
    await attempt(world, () => open(world))
    await world.clock.advance(1_000)
  }
  for (let number = 0; number < DELIVERIES; number++) {
    await attempt(world, () => deliver(world, witness, number))
    if (number === 8) await attempt(world, () => world.provider.settle())
    await attempt(world, () => noteReceipts(world, witness))
  }
  for (let tries = 0; tries < 5; tries++) {
    await attempt(world, () => world.payer.settle({ timeoutMs: 5_000 }))
    await world.clock.advance(1_000)
  }
  return witness
}

/** Both sides start again from what they kept, and come to the same books. */
async function check(world: World, witness: Witness): Promise<void> {
  world.onReopen = () => undefined
  await revive(world)
  const before = await world.payer.receipts({})
  await world.restartPayer()
  await world.restartProvider()
  await world.clock.advance(5_000)
  const report = await world.within(world.payer.settle({ timeoutMs: 10_000 }))
  expect(report.unsettled).toEqual([])

  const ours = await world.payer.receipts({})
  const theirs = await world.provider.receipts({})
  expect(ours.length).toBeGreaterThanOrEqual(before.length)
  expect(ours.every(({ providerSignature }) => providerSignature !== undefined)).toBe(true)
  expect(ours.map(nameOf)).toEqual(theirs.map(nameOf))
  expect(ours.map((r) => [r.incrementBytes, r.voucherSignature, r.providerSignature])).toEqual(
    theirs.map((r) => [r.incrementBytes, r.voucherSignature, r.providerSignature]),
  )
  for (const name of witness.receipted) expect(ours.map(nameOf)).toContain(name)

  const billed = ours.flatMap(({ increment }) => increment.entries)
  const names = billed.map(({ delivery }) => bytesToHex(delivery))
  expect(new Set(names).size).toBe(names.length)
  for (const [name, amount] of witness.accepted) {
    expect(billed.find(({ delivery }) => bytesToHex(delivery) === name)?.amountMicroUsd).toBe(amount)
  }
  for (const name of witness.rejected) expect(names).not.toContain(name)

  const bundle = bundleReceipts(world.ledger.identity, ours)
  let owed = 0n
  for (const chain of bundle.channels) {
    const verdict = verifyReceiptChain(secp256k1, world.ledger.identity, chain)
    expect(verdict).toMatchObject({ ok: true })
    if (!verdict.ok) continue
    // A prepayment that nothing was delivered for is the payer's whole loss, and it is 10 micro-dollars.
    expect(verdict.sums.cumulativeMicroUsd - verdict.sums.deliveredMicroUsd).toBeLessThanOrEqual(10n)
    owed += verdict.sums.cumulativeMicroUsd
  }
  await closeBooks(world, owed)
}

async function closeBooks(world: World, owed: bigint): Promise<void> {
  const settled = await world.within(world.provider.settle())
  expect(settled.failed).toEqual([])
  const earnings = await world.provider.earnings()
  expect(earnings).toMatchObject({ paidMicroUsd: owed, grossMicroUsd: owed, claimableMicroUsd: 0n, unpaidMicroUsd: 0n })
  expect(earnings.netMicroUsd).toBe(owed - earnings.feeMicroUsd - earnings.gasMicroUsd)
  const { escrow } = world.ledger
  expect(escrow.owedMicroUsd(OPERATOR) + escrow.feesHeldMicroUsd).toBe(owed)
  // Every dollar that left the account is in a purse that the payer knows.
  const locked = (await world.payer.purses())
    .filter(({ stage }) => stage === 'funded')
    .reduce((sum, { seed }) => sum + seed.totalMicroUsd, 0n)
  expect(world.ledger.balances(PAYER_ACCOUNT).dollarMicroUsd).toBe(FUNDS - locked)
  expect(escrow.heldMicroUsd).toBe(locked)
}

describe('a process that dies at any step of its journal', () => {
  it('leaves equal books on both sides when nobody dies', async () => {
    const world = newWorld()
    const witness = await story(world)
    expect(witness.accepted.size).toBe(DELIVERIES - witness.rejected.size)
    expect(witness.rejected.size).toBeGreaterThan(0)
    await check(world, witness)
  })

  const moments: readonly CrashMoment[] = ['before', 'after']
  const sides: readonly Side[] = ['payer', 'provider']
  const cases = sides.flatMap((side) => moments.map((moment) => [side, moment] as const))
  it.each(cases)(
    'loses no receipt and pays nothing twice: %s, %s each write',
    async (side, moment) => {
      const calm = newWorld()
      await story(calm)
      const writes = side === 'payer' ? calm.payerStore.writeCount : calm.providerStore.writeCount
      expect(writes).toBeGreaterThan(20)
      for (let nth = 1; nth <= writes; nth++) {
        const world = newWorld()
        const store = side === 'payer' ? world.payerStore : world.providerStore
        store.crashAtWrite(nth, moment)
        const witness = await story(world)
        try {
          await check(world, witness)
        } catch (error) {
          throw new Error(`after a crash of the ${side} ${moment} write ${nth}`, { cause: error })
        }
      }
    },
    60_000,
  )

  it('comes to equal books after many deaths of both sides at random', async () => {
    let all = 0
    for (let seed = 1; seed <= 25; seed++) {
      const random = new SeededRandom(seed)
      const world = newWorld()
      let deaths = 0
      world.onReopen = (store) => {
        deaths += 1
        const moment = random.fraction() < 0.5 ? 'before' : 'after'
        if (deaths < 20) store.crashAtWrite(1 + Math.floor(random.fraction() * 12), moment)
      }
      world.payerStore.crashAtWrite(1 + Math.floor(random.fraction() * 12), 'after')
      world.providerStore.crashAtWrite(1 + Math.floor(random.fraction() * 12), 'after')
      const witness = await story(world)
      all += deaths
      try {
        await check(world, witness)
      } catch (error) {
        throw new Error(`with seed ${seed}`, { cause: error })
      }
    }
    expect(all).toBeGreaterThan(150)
  }, 60_000)
})

const RECEIPTS_TABLE = 'market-payer-receipts'
const LATE_MS = 500
const PAYMENTS = 6

/** A disk on which receipts take long, and which refuses one of them in the end. */
function refuseLate(world: World, store: MemoryStore, refusedReceipt: number): void {
  const write = store.write.bind(store)
  let receipts = 0
  store.write = async (batch, durability) => {
    const [only] = batch
    const isReceipt = batch.length === 1 && only?.kind === 'put' && only.table === RECEIPTS_TABLE && receipts++ >= 0
    if (!isReceipt) return write(batch, durability)
    const isRefused = receipts === refusedReceipt
    const applied = isRefused ? Promise.resolve() : write(batch, durability)
    await world.clock.sleep(LATE_MS)
    await applied
    if (isRefused) throw new CoreError('STORE_FAILED', 'the disk refused a receipt, late')
  }
}

/** Payments so close to each other that the next is signed before the disk has said what became of the last receipt. */
async function payFast(world: World): Promise<void> {
  await attempt(world, () => world.start())
  await attempt(world, () => open(world))
  for (let number = 0; number < PAYMENTS && !isCrashed(world); number++) {
    await world.deliver(100, 100, number)
    await world.clock.advance(200)
  }
  await world.clock.advance(2 * LATE_MS)
}

describe('a receipt that the disk refuses when the next increment is signed already', () => {
  const newFastWorld = (): World => new World({ payer: { payAfterMs: 50 }, provider: { claimCheckMs: 600_000 } })

  it.each<CrashMoment>(['before', 'after'])(
    'is in the bill for a stranger, though the payer dies %s any later write',
    async (moment) => {
      const calm = newFastWorld()
      refuseLate(calm, calm.payerStore, 2)
      await payFast(calm)
      const writes = calm.payerStore.writeCount
      expect((await calm.payer.receipts({})).length).toBeGreaterThan(PAYMENTS - 2)
      for (let nth = 1; nth <= writes; nth++) {
        const world = newFastWorld()
        refuseLate(world, world.payerStore, 2)
        world.payerStore.crashAtWrite(nth, moment)
        await payFast(world)
        await revive(world)
        await world.clock.advance(5_000)
        await world.within(world.payer.settle({ timeoutMs: 10_000 }))
        const receipts = await world.payer.receipts({})
        const missing = receipts.filter(({ providerSignature }) => providerSignature === undefined)
        expect(missing.map(nameOf), `after a crash ${moment} write ${nth}`).toEqual([])
        for (const chain of bundleReceipts(world.ledger.identity, receipts).channels) {
          expect(verifyReceiptChain(secp256k1, world.ledger.identity, chain)).toMatchObject({ ok: true })
          expect(chain.receipts.length).toBe(receipts.length)
        }
      }
    },
    60_000,
  )
})
