import {
  type Clock,
  type Hash,
  hasCode,
  isSteadError,
  type Logger,
  messageOf,
  type Network,
  type Random,
  type Store,
} from '@stead/core'
import { concatBytes, type Secp256k1 } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PointerValue } from '../objects/root-pointer.ts'
import { absentKeepers } from './absent-keepers.ts'
import { askKeepers, type KeeperAnswer } from './ask-keepers.ts'
import { findKeepers } from './find-keepers.ts'
import { newestDecided } from './judge-answers.ts'
import { type FoundRegister, NetworkRegister, type RegisterPlace } from './network-register.ts'
import { KEEPERS_MAX } from './quorum.ts'
import { keepersOf, type OpenedRecord, RegisterKey, WRITER_BYTES } from './register-record.ts'
import { RootCache, type RootCacheRow } from './root-cache.ts'

/** What {@link NetworkRootPointers} stand on. */
export interface NetworkRootPointersComponents {
  readonly network: Network
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  /** Chooses nodes that keep a new pointer. @returns their public keys, as many as there may be */
  readonly choose: () => Promise<readonly Uint8Array[]>
  /** How many keep a pointer where there are so many nodes, 1 .. {@link KEEPERS_MAX}. */
  readonly wanted: number
  /**
   * Whether a pointer that nobody is found to keep may be begun here: where two machines begin one, each has its own.
   * Only the machine that drew the recovery phrase begins the catalogue's.
   */
  readonly mayBegin: (register: Hash) => Promise<boolean>
}

/** How often the network's table is searched for a pointer that must be there. */
const SEARCHES = 4

/** The pointers of a payer's trees on the network, each on seven nodes where there are so many, with a copy here. */
export class NetworkRootPointers {
  readonly #components: NetworkRootPointersComponents
  readonly #cache: RootCache
  /** Of this process: nobody else signs a turn with it. */
  readonly #writer: Uint8Array
  readonly #open: Map<Hash, Promise<NetworkRegister>> = new Map()
  #isAbsentGone = false

  constructor(components: NetworkRootPointersComponents) {
    this.#components = components
    this.#cache = new RootCache(components.store, components.secp256k1)
    this.#writer = components.random.bytes(WRITER_BYTES)
  }

  /**
   * The pointer of a seed; the same one for the same seed.
   * @param keepers who keeps it at first, as {@link NetworkRootPointers.keepers} drew them; without them the pointer is
   * looked for in the network's table
   * @param isNew nobody can have written to it before: it is not looked for in the table where they know nothing
   */
  readonly open = (seed: Uint8Array, keepers?: Uint8Array, isNew = false): NetworkPointer => {
    const key = new RegisterKey(this.#components.secp256k1, seed)
    const register = (): Promise<NetworkRegister> => {
      const known = this.#open.get(key.id)
      if (known !== undefined) return known
      const opened = this.#register(key, { hint: keepers, isNew }).catch((error: unknown) => {
        this.#open.delete(key.id)
        throw error
      })
      this.#open.set(key.id, opened)
      return opened
    }
    return {
      read: async () => await this.#read(await register(), key),
      swap: async (expected, value) => await (await register()).swap(expected, value),
      cached: async () => await (await register()).cached(),
    }
  }

  /**
   * From now on, where too few keepers of a pointer answer a read, those that do not are taken for gone for good, as its
   * owner says they are: others take their place, if all that are left, three of seven at least, agree on it.
   */
  takeAbsentForGone(): void {
    this.#isAbsentGone = true
  }

  async #read(register: NetworkRegister, key: RegisterKey): Promise<PointerValue | undefined> {
    try {
      return await register.read()
    } catch (error) {
      if (!this.#isAbsentGone || !hasCode(error, 'STORAGE_ROOT_AWAY')) throw error
    }
    const absent = new Set((await absentKeepers(this.#components, key.publicKey, await register.keepers())).map(String))
    const isGone = (keeper: Uint8Array): boolean => absent.has(String(keeper))
    await this.#move(register, isGone, await this.#othersNow())
    this.#components.logger.warn('a root is kept by others in place of nodes that are away', { nodes: absent.size })
    return await register.read()
  }

  /** Nodes for a pointer, if there are any now: without money there are none, and rounds find them later. */
  async #othersNow(): Promise<readonly Uint8Array[]> {
    try {
      return await this.#components.choose()
    } catch (error) {
      if (!isSteadError(error)) throw error
      this.#components.logger.info('no other nodes can be had for a root now', { error: messageOf(error) })
      return []
    }
  }

  /** Draws who keeps a new pointer. */
  readonly keepers = async (): Promise<Uint8Array> => {
    const chosen = await this.#components.choose()
    return concatBytes(...chosen.slice(0, KEEPERS_MAX))
  }

  /** Who keeps the pointers that were opened here, each once. */
  async keepersNow(): Promise<readonly Uint8Array[]> {
    const found = new Map<string, Uint8Array>()
    for (const opened of this.#open.values()) {
      // What became of it is for those who opened it.
      const register = await opened.catch(() => undefined)
      for (const keeper of keepersOf(register?.known?.record.keepers ?? new Uint8Array(0)))
        found.set(String(keeper), keeper)
    }
    return [...found.values()]
  }

  /**
   * Moves the pointers that were opened here away from keepers that are gone for good, and gives them as many as are wanted
   * where there were fewer.
   * @returns how many were moved
   * @throws StorageError STORAGE_ROOT_AWAY, STORAGE_BUSY; CoreError STORE_FAILED; the others are moved all the same
   */
  async mend(isGone: (keeper: Uint8Array) => boolean): Promise<number> {
    let moved = 0
    const errors: unknown[] = []
    let isShort = false
    const draw = async (isMissed: boolean): Promise<readonly Uint8Array[]> => {
      // Where there were too few nodes for one, the others that only want more need not ask all of them again.
      if (isShort && !isMissed) return []
      const drawn = await this.#components.choose()
      isShort = drawn.length < this.#components.wanted
      return drawn
    }
    for (const opened of this.#open.values()) {
      try {
        if (await this.#mend(await opened, isGone, draw)) moved++
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
    return moved
  }

  /** @returns whether others keep it from now on */
  async #mend(
    register: NetworkRegister,
    isGone: (keeper: Uint8Array) => boolean,
    draw: (isMissed: boolean) => Promise<readonly Uint8Array[]>,
  ): Promise<boolean> {
    const keepers = keepersOf(register.known?.record.keepers ?? new Uint8Array(0))
    const stay = keepers.filter((keeper) => !isGone(keeper))
    if (keepers.length === 0 || stay.length >= Math.max(keepers.length, this.#components.wanted)) return false
    const drawn = await draw(stay.length < keepers.length)
    if (stay.length === keepers.length && freshOf(drawn, stay, isGone).length === 0) return false
    await this.#move(register, isGone, drawn)
    return true
  }

  /** Has a pointer kept by those of its keepers that are not gone, and by others in place of these. */
  async #move(
    register: NetworkRegister,
    isGone: (keeper: Uint8Array) => boolean,
    drawn: readonly Uint8Array[],
  ): Promise<void> {
    const keepers = await register.keepers()
    const stay = keepers.filter((keeper) => !isGone(keeper))
    const next = [...stay, ...freshOf(drawn, stay, isGone)].slice(0, Math.max(keepers.length, drawn.length))
    await register.move(concatBytes(...next), isGone)
  }

  async #register(key: RegisterKey, origin: Origin): Promise<NetworkRegister> {
    const row = await this.#cache.get(key.id)
    const place = new NetworkPlace(this.#components, this.#cache, key, { ...row, key: key.publicKey }, origin)
    return new NetworkRegister(this.#components, key, place, this.#writer)
  }
}

/** A pointer whose last value is kept here too. */
export type NetworkPointer = Pick<NetworkRegister, 'read' | 'swap' | 'cached'>

/** What is known of a pointer before it is asked. */
interface Origin {
  /** Who keeps it at first. */
  readonly hint: Uint8Array | undefined
  readonly isNew: boolean
}

/** Where a register of this machine stands. */
class NetworkPlace implements RegisterPlace {
  readonly known: OpenedRecord | undefined
  readonly isAnnounced: boolean
  readonly #components: NetworkRootPointersComponents
  readonly #cache: RootCache
  readonly #key: RegisterKey
  readonly #hint: Uint8Array | undefined
  #row: RootCacheRow
  #isNew: boolean
  #isSearched = false

  constructor(
    components: NetworkRootPointersComponents,
    cache: RootCache,
    key: RegisterKey,
    row: RootCacheRow & { readonly known?: OpenedRecord },
    { hint, isNew }: Origin,
  ) {
    const { known, ...rest } = row
    this.#components = components
    this.#cache = cache
    this.#key = key
    this.#row = rest
    this.#hint = hint
    this.known = known
    this.isAnnounced = hint === undefined
    this.#isNew = isNew
  }

  /** True also once it is begun here: before that it was looked for in the table. */
  get isNew(): boolean {
    return this.#isNew
  }

  async find(): Promise<FoundRegister> {
    const chosen = this.#hint ?? this.#row.keepers
    if (chosen !== undefined) return { decided: undefined, keepers: chosen }
    const mayBegin = await this.#components.mayBegin(this.#key.id)
    // Who must find it has time: a table that was just joined fills late.
    const searches = mayBegin ? 1 - Number(this.#isSearched) : SEARCHES
    for (let tries = 0; tries < searches; tries++) {
      const found = await this.#searched()
      this.#isSearched = true
      if (found.keepers !== undefined) await this.#choose(found.keepers)
      if (found.keepers !== undefined || found.decided !== undefined) return found
    }
    if (mayBegin) return { decided: undefined, keepers: undefined }
    throw unknownRoot()
  }

  async begin(): Promise<Uint8Array> {
    const chosen = this.#hint ?? this.#row.keepers
    if (chosen !== undefined) return chosen
    if (!(await this.#components.mayBegin(this.#key.id))) throw unknownRoot()
    const keepers = concatBytes(...(await this.#components.choose()).slice(0, KEEPERS_MAX))
    await this.#choose(keepers)
    this.#isNew = true
    return keepers
  }

  /** Notes who decides the first step: it may not be decided by others as well. */
  async #choose(keepers: Uint8Array): Promise<void> {
    this.#row = { ...this.#row, keepers }
    await this.#cache.put(this.#key.id, this.#row, true)
  }

  async save({ signed }: OpenedRecord): Promise<void> {
    this.#row = { ...this.#row, decided: signed }
    await this.#cache.put(this.#key.id, this.#row, false)
  }

  async search(): Promise<OpenedRecord | undefined> {
    return (await this.#searched()).decided
  }

  /** Who keeps it, by the network's table. Each may be a liar, and none can make a record up. */
  async #searched(): Promise<FoundRegister> {
    const keepers = await findKeepers(this.#components.network, this.#key.id)
    return await askKeepers(this.#components, keepers, { key: this.#key.publicKey }, ({ answers, waiting }) =>
      waiting === 0 ? newestOf(answers) : undefined,
    )
  }
}

/** Those that keep nothing of it yet. */
function freshOf(
  drawn: readonly Uint8Array[],
  stay: readonly Uint8Array[],
  isGone: (keeper: Uint8Array) => boolean,
): readonly Uint8Array[] {
  const names = new Set(stay.map(String))
  return drawn.filter((keeper) => !names.has(String(keeper)) && !isGone(keeper))
}

function unknownRoot(): StorageError {
  return new StorageError('STORAGE_ROOT_UNKNOWN', 'nobody is found who keeps anything under this recovery phrase')
}

function newestOf(answers: readonly KeeperAnswer[]): FoundRegister {
  // Before anybody said that the first step is decided, those who decide it are in what was proposed for it.
  const first = answers.find(({ accepted }) => accepted?.record.step === 1)?.accepted
  return { decided: newestDecided(answers), keepers: first?.record.keepers }
}
