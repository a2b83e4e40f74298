import { CoreError, hasCode, type PeerId, silentLogger } from '@stead/core'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { ManualClock, MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { storageProviderOptionsSchema } from '../../src/options.ts'
import { hear, type KeeperState } from '../../src/register/keeper-state.ts'
import type { NetworkRootPointers } from '../../src/register/network-root-pointers.ts'
import { faultsOf, quorumOf, remainderOf } from '../../src/register/quorum.ts'
import { RegisterDesk } from '../../src/register/register-desk.ts'
import { registerReplySchema, registerRequestSchema } from '../../src/register/register-messages.ts'
import { RegisterKey, type RegisterRecord, RegisterVerifier, recordSchema } from '../../src/register/register-record.ts'
import { type Keeper, RegisterWorld } from './register-world.ts'

const secp256k1 = await loadSecp256k1()
const key = new RegisterKey(secp256k1, new Uint8Array(32).fill(1))
const verifier = new RegisterVerifier(secp256k1, key.publicKey)
const [ONE, TWO] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]
const value = (number: number): Uint8Array => Uint8Array.of(number)

function record(step: number, number: number, writer: Uint8Array): Uint8Array {
  const made: RegisterRecord = {
    version: 1,
    step,
    sequence: step,
    value: value(number),
    keepers: new Uint8Array(33),
    writer,
    isAnnounced: false,
  }
  return recordSchema.encodeDocument(made)
}

const propose = (step: number, round: number, writer: Uint8Array, bytes: Uint8Array) =>
  verifier.record(key.sign({ kind: 'propose', step, round, writer }, bytes).signed)
const prepare = (step: number, round: number, writer: Uint8Array) =>
  verifier.word(key.sign({ kind: 'prepare', step, round, writer }).signed)
const decide = (step: number, bytes: Uint8Array) =>
  verifier.record(key.sign({ kind: 'decide', step, round: 0, writer: ONE }, bytes).signed)

function keeper(world: RegisterWorld, place: number): Keeper {
  const found = world.keepers[place]
  if (found === undefined) throw new RangeError(`no keeper ${place}`)
  return found
}

function setAway(world: RegisterWorld, places: readonly number[]): void {
  for (const [place, each] of world.keepers.entries()) each.isAway = places.includes(place)
}

/** Has the pointers kept by others than these keepers, who lose their disks afterwards. */
async function goTo(world: RegisterWorld, pointers: NetworkRootPointers, gone: readonly Keeper[]): Promise<void> {
  const rounds = [gone.slice(0, 3), gone.slice(0, 5), gone]
  for (const round of rounds) {
    for (const each of round) each.isAway = true
    const names = new Set(round.map(({ key: name }) => name.toString()))
    await world.within(pointers.mend((name) => names.has(name.toString())))
  }
  for (const each of gone) {
    await world.restart(each, true)
    each.isAway = false
  }
}

/** A pointer whose first keepers are all replaced and have forgotten it. */
async function replaced(seed: number) {
  const world = new RegisterWorld(seed)
  const first = world.first
  const machine = world.machine(0, undefined, { keepers: first })
  await world.within(machine.pointer.swap(0, value(1)))
  for (let number = 0; number < 7; number++) world.addKeeper()
  await goTo(world, machine.pointers, world.keepers.slice(0, 7))
  return { world, first, ...machine }
}

describe('a quorum', () => {
  it.each(Array.from({ length: 16 }, (_, index) => index + 1))('of %i keepers shares more than may lie', (keepers) => {
    const [need, faults] = [quorumOf(keepers), faultsOf(keepers)]
    expect(2 * need - keepers).toBeGreaterThan(faults)
    expect(keepers - faults).toBeGreaterThanOrEqual(need)
    expect(remainderOf(keepers) + need).toBeGreaterThan(keepers)
  })

  it('is five of seven and two of three', () => expect([quorumOf(7), faultsOf(7), quorumOf(3)]).toEqual([5, 2, 2]))
})

describe('a keeper', () => {
  const decided: KeeperState = hear({}, { said: decide(1, record(1, 1, ONE)) }).state

  it('lets only whoever made the step before propose the next one without asking', () => {
    expect(hear({}, { said: propose(1, 0, ONE, record(1, 1, ONE)) }).isTaken).toBe(false)
    expect(hear(decided, { said: propose(2, 0, TWO, record(2, 2, TWO)) }).isTaken).toBe(false)
    expect(hear(decided, { said: propose(2, 0, ONE, record(2, 2, ONE)) }).isTaken).toBe(true)
  })

  it('takes one thing in a turn, and nothing from a turn below one that it gave', () => {
    const taken = hear(decided, { said: propose(2, 0, ONE, record(2, 2, ONE)) }).state
    expect(hear(taken, { said: propose(2, 0, ONE, record(2, 3, ONE)) }).isTaken).toBe(false)
    expect(hear(taken, { said: propose(2, 0, ONE, record(2, 2, ONE)) }).isTaken).toBe(true)
    const promised = hear(taken, { said: prepare(2, 1, TWO) })
    expect([promised.isTaken, promised.state.accepted]).toEqual([true, taken.accepted])
    expect(hear(promised.state, { said: propose(2, 1, ONE, record(2, 3, ONE)) }).isTaken).toBe(false)
    expect(hear(promised.state, { said: prepare(2, 1, ONE) }).isTaken).toBe(false)
    expect(hear(promised.state, { said: prepare(2, 0, TWO) }).isTaken).toBe(false)
    expect(hear(promised.state, { said: propose(2, 1, TWO, record(2, 3, TWO)) }).isTaken).toBe(true)
  })

  it('follows later steps only when it is shown what was decided before', () => {
    const next = propose(3, 1, ONE, record(3, 3, ONE))
    expect(hear(decided, { said: next })).toMatchObject({ isTaken: false, needsBase: true, state: decided })
    const base = decide(2, record(2, 2, ONE))
    const bare = verifier.word(key.sign({ kind: 'decide', step: 2, round: 0, writer: ONE }, base.bytes).signed)
    expect(hear(decided, { said: next, base: bare })).toMatchObject({ isTaken: false, needsBase: true })
    const after = hear(decided, { said: next, base })
    expect([after.isTaken, after.state.decided?.record.step]).toEqual([true, 2])
    expect(hear(after.state, { said: decide(1, record(1, 1, ONE)) }).state).toEqual(after.state)
  })
})

describe('a desk of registers', () => {
  const peerOf = (number: number): PeerId =>
    peerIdOfPublicKey(createSigner(secp256k1, new Uint8Array(32).fill(number)).publicKey)
  const open = (store: MemoryStore, isPayer: boolean, options: object = {}, clock = new ManualClock()): RegisterDesk =>
    new RegisterDesk(
      {
        store,
        clock,
        network: { provide: async () => undefined },
        secp256k1,
        logger: silentLogger,
        isPayer: () => isPayer,
      },
      storageProviderOptionsSchema.parse(options),
    )
  const first = (seed: number) => {
    const own = new RegisterKey(secp256k1, new Uint8Array(32).fill(seed))
    const { signed } = own.sign({ kind: 'propose', step: 1, round: 1, writer: ONE }, record(1, 1, ONE))
    return registerRequestSchema.encodeMessage({ key: own.publicKey, word: signed })
  }

  it('takes nothing that was not signed with the key of the register', async () => {
    const store = new MemoryStore()
    const desk = open(store, true)
    const { signed } = key.sign({ kind: 'propose', step: 1, round: 1, writer: ONE }, record(1, 1, ONE))
    const forgeries = [
      { ...signed, signature: new Uint8Array(65).fill(27) },
      { ...signed, record: record(1, 2, ONE) },
      { ...signed, word: key.sign({ kind: 'decide', step: 1, round: 1, writer: ONE }, record(1, 1, ONE)).signed.word },
    ]
    const other = new RegisterKey(secp256k1, new Uint8Array(32).fill(2))
    const requests = [
      ...forgeries.map((word) => ({ key: key.publicKey, word })),
      { key: other.publicKey, word: signed },
    ]
    for (const request of requests) {
      const payload = registerRequestSchema.encodeMessage(request)
      await expect(desk.serve({ peer: peerOf(9), payload })).rejects.toMatchObject({ code: 'STORAGE_NOT_AUTHENTIC' })
    }
    expect(await store.scan('storage-registers')).toEqual([])
  })

  it('has room for payers and a little for strangers, and counts it again after a start', async () => {
    const store = new MemoryStore()
    const limits = { registersPerPayerMax: 2, registersOfStrangersMax: 1 }
    const refused = { code: 'STORAGE_NO_ROOM' }
    const payers = open(store, true, limits)
    await payers.serve({ peer: peerOf(9), payload: first(1) })
    await payers.serve({ peer: peerOf(9), payload: first(2) })
    await expect(payers.serve({ peer: peerOf(9), payload: first(3) })).rejects.toMatchObject(refused)
    await payers.serve({ peer: peerOf(8), payload: first(3) })
    const again = open(store, false, limits)
    await again.load()
    expect(again.sizes()[0]?.have).toBe(3)
    await expect(again.serve({ peer: peerOf(7), payload: first(4) })).rejects.toMatchObject(refused)
    await expect(
      open(new MemoryStore(), true, { registerBytesMax: 100 }).serve({ peer: peerOf(9), payload: first(1) }),
    ).rejects.toMatchObject(refused)
    expect(registerReplySchema.decodeMessage(await again.serve({ peer: peerOf(9), payload: first(1) })).isTaken).toBe(
      true,
    )
  })

  it('lets go of what nobody asked for in a long time, unless its owner has more here', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore()
    const desk = open(store, false, {}, clock)
    await desk.serve({ peer: peerOf(9), payload: first(1) })
    await clock.advance(80 * 86_400_000)
    await desk.serve({
      peer: peerOf(9),
      payload: registerRequestSchema.encodeMessage({
        key: new RegisterKey(secp256k1, new Uint8Array(32).fill(1)).publicKey,
      }),
    })
    await clock.advance(80 * 86_400_000)
    await desk.dropUnasked()
    expect(await store.scan('storage-registers')).toHaveLength(1)
    await clock.advance(20 * 86_400_000)
    await open(store, true, {}, clock).dropUnasked()
    expect(await store.scan('storage-registers')).toHaveLength(1)
    await desk.dropUnasked()
    expect(await store.scan('storage-registers')).toHaveLength(0)
  })

  it('keeps what is written while it looks for what nobody asked for', async () => {
    const clock = new ManualClock()
    const store = new MemoryStore()
    const desk = open(store, false, {}, clock)
    await desk.serve({ peer: peerOf(9), payload: first(1) })
    await desk.serve({ peer: peerOf(9), payload: first(2) })
    await clock.advance(100 * 86_400_000)
    const own = new RegisterKey(secp256k1, new Uint8Array(32).fill(1))
    const { signed } = own.sign({ kind: 'decide', step: 1, round: 0, writer: ONE }, record(1, 1, ONE))
    const told = registerRequestSchema.encodeMessage({ key: own.publicKey, word: signed })
    const serving = desk.serve({ peer: peerOf(9), payload: told })
    await desk.dropUnasked()
    expect(registerReplySchema.decodeMessage(await serving).isTaken).toBe(true)
    expect((await store.scan('storage-registers')).map(({ key: id }) => `0x${id}`)).toEqual([own.id])
    expect(desk.sizes()[0]?.have).toBe(1)
  })
})

describe('a pointer on the network', () => {
  it('is known to be done by who asks again after a lost answer, and moved for who wants something else', async () => {
    const world = new RegisterWorld(1)
    const { pointer } = world.machine(0, undefined, { keepers: world.first })
    expect(await world.within(pointer.swap(0, value(1)))).toBe('done')
    setAway(world, [0, 1, 2])
    await expect(world.within(pointer.swap(1, value(2)))).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    setAway(world, [])
    expect(await world.within(pointer.swap(1, value(2)))).toBe('done')
    setAway(world, [0, 1, 2])
    await expect(world.within(pointer.swap(2, value(3)))).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    setAway(world, [])
    expect(await world.within(pointer.swap(2, value(4)))).toBe('moved')
    expect(await world.within(pointer.read())).toEqual({ sequence: 3, value: value(3) })
  })

  it('takes one round of messages in the common case', async () => {
    const world = new RegisterWorld(2)
    const { pointer } = world.machine(0, undefined, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    const before = world.requests
    expect(await world.within(pointer.swap(1, value(2)))).toBe('done')
    expect(world.requests - before).toBe(7)
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(world.requests - before).toBe(14)
  })

  it('is not read while three of seven are away, and says what it was', async () => {
    const world = new RegisterWorld(3)
    const { pointer } = world.machine(0, undefined, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    setAway(world, [0, 1, 2])
    const refused = { code: 'STORAGE_ROOT_AWAY', details: { needNodes: 5, haveNodes: 4 } }
    await expect(world.within(pointer.read())).rejects.toMatchObject(refused)
    await expect(world.within(pointer.swap(1, value(2)))).rejects.toMatchObject(refused)
    expect(await pointer.cached()).toEqual({ sequence: 1, value: value(1) })
  })

  it('is not searched for again in each read while they are away, and read as soon as they are back', async () => {
    const world = new RegisterWorld(3)
    const { pointer } = world.machine(0, undefined, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    setAway(world, [0, 1, 2])
    await expect(world.within(pointer.read())).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    const { searches } = world
    await expect(world.within(pointer.read())).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    expect(world.searches).toBe(searches)
    setAway(world, [])
    expect(await world.within(pointer.read())).toEqual({ sequence: 1, value: value(1) })
  })

  it('is found by who has the seed alone, and is begun by nobody else', async () => {
    const world = new RegisterWorld(4)
    const stranger = world.machine(1, undefined, { mayBegin: false })
    const unknown = { code: 'STORAGE_ROOT_UNKNOWN' }
    await expect(world.within(stranger.pointer.read())).rejects.toMatchObject(unknown)
    await expect(world.within(stranger.pointer.swap(0, value(9)))).rejects.toMatchObject(unknown)
    const { pointer } = world.machine(0)
    expect(await world.within(pointer.read())).toBeUndefined()
    await world.within(pointer.swap(0, value(1)))
    expect(await world.within(stranger.pointer.read())).toEqual({ sequence: 1, value: value(1) })
    expect(await world.within(stranger.pointer.swap(1, value(2)))).toBe('done')
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
  })

  it('is found although its first value was told to be decided to nobody, and some who took it are away', async () => {
    const world = new RegisterWorld(12)
    const { pointer } = world.machine(0)
    for (const link of ['0/5', '0/6']) world.blocked.add(link)
    expect(await world.within(pointer.swap(0, value(1)))).toBe('done')
    setAway(world, [0])
    const stranger = world.machine(1, undefined, { mayBegin: false })
    expect(await world.within(stranger.pointer.read())).toEqual({ sequence: 1, value: value(1) })
    expect(await world.within(stranger.pointer.swap(1, value(2)))).toBe('done')
  })

  it('whose first keepers were found once is asked for there again', async () => {
    const world = new RegisterWorld(13)
    const { pointer } = world.machine(0)
    world.blocked.add('0/6')
    expect(await world.within(pointer.swap(0, value(1)))).toBe('done')
    const stranger = world.machine(1, undefined, { mayBegin: false })
    world.blocked.add('1/0').add('1/1').add('1/2')
    await expect(world.within(stranger.pointer.read())).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    world.blocked.clear()
    world.provided.clear()
    const again = world.machine(2, stranger.store, { mayBegin: false })
    expect(await world.within(again.pointer.read())).toEqual({ sequence: 1, value: value(1) })
  })

  it('never goes back on a machine that has its own copy, whatever all keepers say', async () => {
    const world = new RegisterWorld(5)
    const store = new MemoryStore()
    const { pointer } = world.machine(0, store, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    for (const each of world.keepers) await world.restart(each, true)
    const again = world.machine(1, store, { keepers: world.first }).pointer
    expect(await world.within(again.read())).toEqual({ sequence: 1, value: value(1) })
    expect(await world.within(again.swap(1, value(2)))).toBe('done')
  })

  it('outlives a loss of power at all keepers at once', async () => {
    const world = new RegisterWorld(9)
    const { pointer } = world.machine(0, undefined, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    for (const each of world.keepers) await world.restart(each, false)
    const other = world.machine(1, undefined, { keepers: world.first }).pointer
    expect(await world.within(other.read())).toEqual({ sequence: 1, value: value(1) })
  })

  it('shows the bound: with three of seven that lie, two machines may be told different things', async () => {
    const world = new RegisterWorld(6)
    const one = world.machine(0, undefined, { keepers: world.first })
    const two = world.machine(1, undefined, { keepers: world.first })
    for (const place of [0, 1, 2]) keeper(world, place).vice = 'two-faced'
    for (const link of ['0/5', '0/6', '1/3', '1/4']) world.blocked.add(link)
    expect(await world.within(one.pointer.swap(0, value(1)))).toBe('done')
    expect(await world.within(two.pointer.swap(0, value(2)))).toBe('done')
    for (const place of [0, 1, 2]) keeper(world, place).vice = place === 0 ? undefined : 'two-faced'
    const three = world.machine(2, undefined, { keepers: world.first })
    expect(await world.within(three.pointer.read())).toMatchObject({ sequence: 1 })
  })

  it('goes to other keepers, with or without those before, and is found there', async () => {
    const world = new RegisterWorld(7)
    const store = new MemoryStore()
    const { pointer, pointers } = world.machine(0, store)
    const old = world.machine(1, undefined, { mayBegin: false })
    await world.within(pointer.swap(0, value(1)))
    await world.within(old.pointer.read())
    for (let number = 0; number < 7; number++) world.addKeeper()
    const gone = new Set(world.keepers.slice(0, 4).map(({ key: name }) => name.toString()))
    const isGone = (name: Uint8Array): boolean => gone.has(name.toString())
    setAway(world, [0, 1, 2, 3])
    await expect(world.within(pointer.swap(1, value(2)))).rejects.toSatisfy((error) =>
      hasCode(error, 'STORAGE_ROOT_AWAY'),
    )
    // Too few are left, or not all that are left say so: nothing is moved.
    await expect(
      world.within(pointers.mend((name) => isGone(name) || name.toString() === keeper(world, 4).key.toString())),
    ).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    setAway(world, [0, 1, 2, 3, 4])
    await expect(world.within(pointers.mend(isGone))).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    setAway(world, [0, 1, 2, 3])
    expect(await world.within(pointers.mend(isGone))).toBe(1)
    // The swap that reached three was not lost with those that are gone.
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(pointer.swap(2, value(3)))).toBe('done')
    setAway(world, [])
    expect(await world.within(old.pointer.read())).toEqual({ sequence: 3, value: value(3) })
    setAway(world, [0, 1, 2, 3, 4, 5, 6])
    const late = world.machine(3, undefined, { mayBegin: false })
    await world.within(
      pointers.mend((name) => world.keepers.slice(0, 7).some(({ key: each }) => each.toString() === name.toString())),
    )
    expect(await world.within(late.pointer.read())).toEqual({ sequence: 3, value: value(3) })
  })

  it('goes to no others by the word of a few unless the table was asked who else keeps it', async () => {
    const world = new RegisterWorld(14)
    const { pointer, pointers } = world.machine(0)
    await world.within(pointer.swap(0, value(1)))
    for (let number = 0; number < 4; number++) world.addKeeper()
    setAway(world, [0, 1, 2, 3])
    const gone = new Set(world.keepers.slice(0, 4).map(({ key: name }) => name.toString()))
    const mend = (): Promise<number> => world.within(pointers.mend((name) => gone.has(name.toString())))
    world.isTableAway = true
    await expect(mend()).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT' })
    world.isTableAway = false
    expect(await mend()).toBe(1)
  })

  it('has as many keepers again as it had, once there are nodes', async () => {
    const world = new RegisterWorld(16)
    const { pointer, pointers } = world.machine(0, undefined, { keepers: world.first })
    await world.within(pointer.swap(0, value(1)))
    const nobody = (): boolean => false
    const gone = new Set(world.keepers.slice(0, 2).map(({ key: name }) => name.toString()))
    setAway(world, [0, 1])
    expect(await world.within(pointers.mend((name) => gone.has(name.toString())))).toBe(1)
    expect(await world.within(pointers.mend(nobody))).toBe(0)
    setAway(world, [0, 1, 2, 3])
    await expect(world.within(pointer.read())).rejects.toMatchObject({ details: { needNodes: 4, haveNodes: 3 } })
    for (let number = 0; number < 2; number++) world.addKeeper()
    setAway(world, [0, 1])
    expect(await world.within(pointers.mend(nobody))).toBe(1)
    expect(await world.within(pointers.mend(nobody))).toBe(0)
    setAway(world, [0, 1, 2, 3])
    expect(await world.within(pointer.read())).toEqual({ sequence: 1, value: value(1) })
    expect(await world.within(pointer.swap(1, value(2)))).toBe('done')
  })

  it('goes to others although another one of the same machine cannot be opened', async () => {
    const world = new RegisterWorld(15)
    const seed = new Uint8Array(32).fill(7)
    const store = new MemoryStore()
    const get = store.get.bind(store)
    const damage = Promise.withResolvers<Uint8Array>()
    const damaged = new RegisterKey(secp256k1, seed).id.slice(2)
    store.get = async (table, name) => (name === damaged ? await damage.promise : await get(table, name))
    const { pointer, pointers } = world.machine(0, store, { keepers: world.first })
    const opening = expect(pointers.open(seed).read()).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await world.within(pointer.swap(0, value(1)))
    world.addKeeper()
    setAway(world, [0])
    const isGone = (name: Uint8Array): boolean => name.toString() === keeper(world, 0).key.toString()
    const mending = expect(world.within(pointers.mend(isGone))).rejects.toMatchObject({ code: 'STORE_FAILED' })
    damage.reject(new CoreError('STORE_FAILED', 'the disk cannot be read'))
    await Promise.all([opening, mending])
    expect(await world.within(pointers.mend(isGone))).toBe(0)
  })

  it('does not say that nothing was changed when others built on what was', async () => {
    const world = new RegisterWorld(8)
    const one = world.machine(0, undefined, { keepers: world.first })
    const two = world.machine(1, undefined, { keepers: world.first })
    await world.within(one.pointer.swap(0, value(1)))
    // It reaches two only, until another machine has found the swap, finished it and gone on.
    world.held = new Set([2, 3, 4, 5, 6])
    const waiting = one.pointer.swap(1, value(2)).catch((error: unknown) => error)
    await world.run(100)
    expect(await world.within(two.pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(two.pointer.swap(2, value(3)))).toBe('done')
    expect(await world.within(two.pointer.swap(3, value(4)))).toBe('done')
    world.held = undefined
    expect(await world.within(waiting)).toMatchObject({ code: 'STORAGE_BUSY' })
  })

  it('is not believed to be empty because those who kept it first were replaced and forgot it', async () => {
    const { world, pointers, pointer, first } = await replaced(10)
    await world.within(pointer.swap(1, value(2)))
    const late = world.machine(1, undefined, { mayBegin: false, keepers: first })
    expect(await world.within(late.pointer.read())).toEqual({ sequence: 2, value: value(2) })
    // Nor is a root the newest because a machine saw it last.
    const asleep = world.machine(2, undefined, { mayBegin: false, keepers: first })
    await world.within(asleep.pointer.read())
    for (let number = 0; number < 7; number++) world.addKeeper()
    await goTo(world, pointers, world.keepers.slice(7, 14))
    expect(await world.within(pointer.swap(2, value(3)))).toBe('done')
    world.sleep(90 * 86_400_000)
    expect(await world.within(late.pointer.swap(2, value(9)))).toBe('moved')
    const awake = world.machine(3, asleep.store, { mayBegin: false, keepers: first })
    expect(await awake.pointer.cached()).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(awake.pointer.read())).toEqual({ sequence: 3, value: value(3) })
  })

  it('that is new is begun without a search in the table of the network', async () => {
    const world = new RegisterWorld(11)
    const { pointers } = world.machine(0)
    const pointer = pointers.open(new Uint8Array(32).fill(3), world.first, true)
    expect(await world.within(pointer.read())).toBeUndefined()
    expect(await world.within(pointer.swap(0, value(1)))).toBe('done')
    expect(world.searches).toBe(0)
    const empty = pointers.open(new Uint8Array(32).fill(4), world.first)
    expect(await world.within(empty.read())).toBeUndefined()
    expect(world.searches).toBe(1)
  })
})
