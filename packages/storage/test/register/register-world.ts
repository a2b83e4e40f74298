import { type Clock, CoreError, type Network, type PeerId, silentLogger, type Timer } from '@stead/core'
import { createSigner, loadSecp256k1, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import { MemoryStore, SeededRandom } from '@stead/testkit'
import { StorageError } from '../../src/errors.ts'
import { storageProviderOptionsSchema } from '../../src/options.ts'
import { type NetworkPointer, NetworkRootPointers } from '../../src/register/network-root-pointers.ts'
import { RegisterDesk } from '../../src/register/register-desk.ts'
import { type RegisterReply, registerReplySchema, registerRequestSchema } from '../../src/register/register-messages.ts'
import { RegisterReader } from '../../src/register/register-reader.ts'
import { registerKeyOf } from '../../src/register/register-record.ts'

const secp256k1: Secp256k1 = await loadSecp256k1()
const SEED = new Uint8Array(32).fill(9)

/** How a keeper breaks the rules. */
export type Vice =
  /** Says that it did what it did not do. */
  | 'forgets'
  /** Answers what it knew some time ago, and says that it did as it was told. */
  | 'old'
  /** Says that it knows nothing, and does as it is told otherwise. */
  | 'hides'
  /** Answers some clients as a right one, and others as if nothing had been. */
  | 'two-faced'
  /** Loses its disk now and then. */
  | 'loses-disk'

/** A node that keeps registers. */
export interface Keeper {
  readonly key: Uint8Array
  readonly peer: PeerId
  store: MemoryStore
  desk: RegisterDesk
  vice: Vice | undefined
  isAway: boolean
  /** What an old one answers. */
  old: Uint8Array | undefined
}

/** A machine with the seed. */
export interface Machine {
  readonly pointer: NetworkPointer
  readonly pointers: NetworkRootPointers
  readonly store: MemoryStore
}

interface Event {
  readonly run: () => void
}

/** Keepers and machines whose messages, timers and losses go in an order that is drawn. */
export class RegisterWorld {
  readonly random: SeededRandom
  readonly keepers: Keeper[] = []
  /** What may happen next. */
  readonly #events: Event[] = []
  #now = 0
  /** Share of messages that are lost, on the way there or back. */
  lossShare = 0
  /** Which machines do not reach which keepers now, as `machine/keeper`. */
  readonly blocked: Set<string> = new Set()
  /** Messages that were sent. */
  requests = 0
  /** How often the network's table was searched. */
  searches = 0
  isTableAway = false
  /** Nobody can be had to keep a pointer. */
  isWithoutNodes = false
  /** Keepers that machine 0's messages do not reach until this ends. */
  held: ReadonlySet<number> | undefined
  readonly provided: Map<string, Set<PeerId>> = new Map()
  readonly #clock: Clock

  constructor(seed: number, count = 7) {
    this.random = new SeededRandom(seed)
    this.#clock = this.#makeClock()
    for (let number = 0; number < count; number++) this.addKeeper()
  }

  addKeeper(): Keeper {
    const signer = createSigner(secp256k1, new Uint8Array(32).fill(this.keepers.length + 1))
    const peer = peerIdOfPublicKey(signer.publicKey)
    const store = new MemoryStore()
    const keeper: Keeper = {
      key: signer.publicKey,
      peer,
      store,
      desk: this.#desk(peer, store),
      vice: undefined,
      isAway: false,
      old: undefined,
    }
    this.keepers.push(keeper)
    return keeper
  }

  /** Ends a keeper's process and begins another on the same disk, or on an empty one. */
  async restart(keeper: Keeper, isEmpty: boolean): Promise<void> {
    keeper.store.crash()
    keeper.store = isEmpty ? new MemoryStore() : keeper.store.reopen('power')
    keeper.desk = this.#desk(keeper.peer, keeper.store)
    await keeper.desk.load()
  }

  machine(
    number: number,
    store: MemoryStore = new MemoryStore(),
    { mayBegin = true, keepers }: { readonly mayBegin?: boolean; readonly keepers?: Uint8Array } = {},
  ): Machine {
    const peer = peerIdOfPublicKey(createSigner(secp256k1, new Uint8Array(32).fill(100 + number)).publicKey)
    const pointers = new NetworkRootPointers({
      network: this.#network(peer, number),
      store,
      clock: this.#clock,
      random: this.random,
      secp256k1,
      logger: silentLogger,
      choose: async () => {
        if (this.isWithoutNodes) throw new StorageError('STORAGE_TOO_FEW_NODES', 'no nodes')
        return this.keepers
          .filter(({ isAway }) => !isAway)
          .slice(0, 7)
          .map(({ key }) => key)
      },
      wanted: 7,
      mayBegin: async () => mayBegin,
    })
    return { pointer: pointers.open(SEED, keepers), pointers, store }
  }

  /** Whoever knows the register's public key, and no more. @param hint some of the keepers */
  reader(number: number, hint: Uint8Array): RegisterReader {
    const peer = peerIdOfPublicKey(createSigner(secp256k1, new Uint8Array(32).fill(100 + number)).publicKey)
    const components = { network: this.#network(peer, number), secp256k1, logger: silentLogger }
    return new RegisterReader(components, registerKeyOf(secp256k1, SEED), hint)
  }

  /** All keepers as a record names them. */
  get first(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.keepers.map(({ key }) => key)))
  }

  get pending(): number {
    return this.#events.length
  }

  /** Nothing happens for so long. */
  sleep(ms: number): void {
    this.#now += ms
  }

  /** Something happens, drawn from all that may. */
  async step(): Promise<void> {
    const place = Math.floor(this.random.fraction() * this.#events.length)
    const [event] = this.#events.splice(place, 1)
    this.#now++
    event?.run()
    await settled()
  }

  /** Lets so many things happen. */
  async run(steps: number): Promise<void> {
    for (let done = 0; done < steps && this.pending > 0; done++) await this.step()
  }

  /** Lets things happen until a call is done. */
  async within<Result>(call: Promise<Result>): Promise<Result> {
    let isDone = false
    const done = (): void => {
      isDone = true
    }
    call.then(done, done)
    await settled()
    for (let steps = 0; !isDone && steps < 20_000; steps++) await this.step()
    return await call
  }

  #desk(peer: PeerId, store: MemoryStore): RegisterDesk {
    return new RegisterDesk(
      {
        store,
        clock: this.#clock,
        network: { provide: async (key) => void this.#providersOf(key).add(peer) },
        secp256k1,
        logger: silentLogger,
        isPayer: () => true,
      },
      storageProviderOptionsSchema.parse({}),
    )
  }

  #providersOf(key: string): Set<PeerId> {
    const known = this.provided.get(key) ?? new Set()
    this.provided.set(key, known)
    return known
  }

  #network(self: PeerId, number: number): Network {
    const unused = (): never => {
      throw new TypeError('a register asks for nothing else')
    }
    return {
      self,
      request: (peer: PeerId, _protocol: string, payload: Uint8Array) => this.#request({ self, number }, peer, payload),
      findProviders: async (key: string) => {
        this.searches++
        if (this.isTableAway) throw lost()
        return [...this.#providersOf(key)]
      },
      addresses: unused,
      start: unused,
      stop: unused,
      handle: unused,
      publish: unused,
      subscribe: unused,
      provide: unused,
      connect: unused,
      disconnect: unused,
      peers: unused,
      ping: unused,
      listen: unused,
    }
  }

  async #request(
    { self, number }: { readonly self: PeerId; readonly number: number },
    peer: PeerId,
    payload: Uint8Array,
  ): Promise<Uint8Array> {
    const keeper = this.keepers.find((each) => each.peer === peer)
    this.requests++
    await this.#happens()
    if (keeper === undefined || this.#isCut(number, keeper)) throw lost()
    while (number === 0 && this.held?.has(this.keepers.indexOf(keeper)) === true) await this.#happens()
    const answer = await this.#answer(keeper, { peer: self, payload }, number)
    await this.#happens()
    if (this.#isCut(number, keeper)) throw lost()
    return answer
  }

  async #answer(
    keeper: Keeper,
    request: { readonly peer: PeerId; readonly payload: Uint8Array },
    number: number,
  ): Promise<Uint8Array> {
    const { word } = registerRequestSchema.decodeMessage(request.payload)
    const isTaken = word !== undefined
    const nothing = registerReplySchema.encodeMessage({ isTaken, needsBase: false })
    switch (keeper.vice) {
      case 'forgets':
        return nothing
      case 'two-faced':
        return number % 2 === 0 ? await keeper.desk.serve(request) : nothing
      case 'old': {
        const answer = await keeper.desk.serve(request)
        if (keeper.old === undefined || this.random.fraction() < 0.05) keeper.old = answer
        return registerReplySchema.encodeMessage({ ...registerReplySchema.decodeMessage(keeper.old), isTaken })
      }
      case 'hides': {
        const { isTaken: took, needsBase } = replyOf(await keeper.desk.serve(request))
        return registerReplySchema.encodeMessage({ isTaken: took, needsBase })
      }
      case 'loses-disk':
        if (this.random.fraction() < 0.05) await this.restart(keeper, true)
        return await keeper.desk.serve(request)
      default:
        return await keeper.desk.serve(request)
    }
  }

  #isCut(number: number, keeper: Keeper): boolean {
    const link = `${number}/${this.keepers.indexOf(keeper)}`
    return keeper.isAway || this.blocked.has(link) || this.random.fraction() < this.lossShare
  }

  /** Draws which links are cut from now on. */
  cutLinks(machines: number, share: number): void {
    this.blocked.clear()
    for (let machine = 0; machine < machines; machine++)
      for (let keeper = 0; keeper < this.keepers.length; keeper++)
        if (this.random.fraction() < share) this.blocked.add(`${machine}/${keeper}`)
  }

  async #happens(): Promise<void> {
    await new Promise<void>((resolve) => this.#events.push({ run: resolve }))
  }

  #makeClock(): Clock {
    const setTimer = (_delayMs: number, run: () => void): Timer => {
      const event = { run }
      this.#events.push(event)
      const clear = (): void => {
        const place = this.#events.indexOf(event)
        if (place >= 0) this.#events.splice(place, 1)
      }
      return { clear }
    }
    return {
      now: () => 1_700_000_000_000 + this.#now,
      monotonicMs: () => this.#now,
      setTimer,
      sleep: async () => await this.#happens(),
    } as unknown as Clock
  }
}

function replyOf(bytes: Uint8Array): RegisterReply {
  return registerReplySchema.decodeMessage(bytes)
}

function lost(): CoreError {
  return new CoreError('NETWORK_TIMEOUT', 'no answer')
}

/** All that follows from what happened has happened. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
