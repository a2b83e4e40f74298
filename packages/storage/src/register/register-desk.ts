import type { Address, Clock, Hash, IncomingRequest, Logger, Network, Size, Store, UnixMs } from '@stead/core'
import { addressOfPeerId, type Secp256k1 } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { StorageProviderOptions } from '../options.ts'
import { hear, type KeeperState } from './keeper-state.ts'
import {
  type RegisterReply,
  type RegisterRequest,
  registerReplySchema,
  registerRequestSchema,
} from './register-messages.ts'
import {
  type OpenedRecord,
  type OpenedWord,
  RegisterVerifier,
  registerTableKey,
  type SignedWord,
} from './register-record.ts'
import { REGISTERS_TABLE, type RegisterRow, registerRowSchema } from './register-row.ts'

/** What a desk stands on. */
export interface RegisterDeskComponents {
  readonly store: Store
  readonly clock: Pick<Clock, 'now'>
  readonly network: Pick<Network, 'provide'>
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  /** Whether this node keeps pieces for a payer. */
  readonly isPayer: (payer: Address) => boolean
}

/** What one register takes of its owner's room. */
interface Holding {
  readonly owner: Address
  readonly bytes: number
}

/** A register that is in memory. */
interface Held {
  readonly owner: Address
  readonly askedAt: UnixMs
  readonly state: KeeperState
}

/** Registers whose state is in memory: most are asked for again and again. */
const RECENT_MAX = 256
const PAGE_ROWS = 64
const DAY_MS = 86_400_000

/**
 * Keeps the registers of others: what it answers is on disk first. Only who has a register's key writes to it. A new one
 * is taken from payers that this node keeps pieces for, and a few small ones from anybody: a payer's other machine has
 * agreements elsewhere.
 */
export class RegisterDesk {
  readonly #components: RegisterDeskComponents
  readonly #options: StorageProviderOptions
  readonly #holdings: Map<Hash, Holding> = new Map()
  readonly #recent: Map<Hash, Held> = new Map()
  readonly #announced: Set<Hash> = new Set()
  /** The last work on each register that is worked on. */
  readonly #turns: Map<Hash, Promise<unknown>> = new Map()
  #bytes = 0
  #sweptAtMs = 0

  constructor(components: RegisterDeskComponents, options: StorageProviderOptions) {
    this.#components = components
    this.#options = options
  }

  /** Reads what is kept, and tells the network's table. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    for await (const { id, row, bytes } of this.#rows()) {
      this.#hold(id, { owner: row.owner, bytes })
      await this.#announce(id, this.#stateOf(row))
    }
  }

  sizes(): readonly Size[] {
    return [
      { what: 'registers', have: this.#holdings.size, max: this.#options.registersMax },
      { what: 'bytes of registers', have: this.#bytes, max: this.#options.registerBytesMax },
    ]
  }

  /**
   * Answers one request.
   * @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_NO_ROOM; CoreError STORE_FULL, STORE_FAILED
   */
  async serve({ peer, payload }: Pick<IncomingRequest, 'peer' | 'payload'>): Promise<Uint8Array> {
    const request = registerRequestSchema.decodeMessage(payload)
    const verifier = new RegisterVerifier(this.#components.secp256k1, request.key)
    const ask = opened(verifier, request)
    const reply = await this.#inTurn(verifier.id, async () => {
      const held = await this.#read(verifier.id)
      if (ask === undefined) return { held: await this.#note(verifier.id, request.key, held), isTaken: false }
      return await this.#hear(verifier.id, request.key, { held, ask, by: addressOfPeerId(peer) })
    })
    return registerReplySchema.encodeMessage(replyOf(reply, request))
  }

  /** Lets go of registers that nobody asks for any more and whose owner has nothing else here; looks once a day. */
  async dropUnasked(): Promise<void> {
    const { clock, store, logger } = this.#components
    const now = clock.now()
    if (now - this.#sweptAtMs < DAY_MS) return
    this.#sweptAtMs = now
    const before = now - this.#options.unaskedMs
    for await (const { id, row } of this.#rows()) {
      if (this.#isWanted(row, before)) continue
      await this.#inTurn(id, async () => {
        // Somebody may have asked since the row was read.
        const held = await this.#read(id)
        if (held === undefined || this.#isWanted(held, before)) return
        await store.write([{ kind: 'delete', table: REGISTERS_TABLE, key: id.slice(2) }], 'process')
        this.#recent.delete(id)
        this.#hold(id, undefined)
        logger.info('a register ends, because nobody asks for it', { register: id, owner: held.owner })
      })
    }
  }

  #isWanted({ owner, askedAt }: Pick<Held, 'owner' | 'askedAt'>, askedBefore: number): boolean {
    return askedAt >= askedBefore || this.#components.isPayer(owner)
  }

  async #hear(
    id: Hash,
    key: Uint8Array,
    { held, ask, by }: { readonly held: Held | undefined; readonly ask: Ask; readonly by: Address },
  ): Promise<{ readonly held: Held | undefined; readonly isTaken: boolean; readonly needsBase?: boolean }> {
    const before = held?.state ?? {}
    const { state, isTaken, needsBase } = hear(before, ask)
    if (state === before) return { held, isTaken, needsBase }
    const owner = held?.owner ?? by
    const next = { owner, askedAt: this.#components.clock.now(), state }
    await this.#write(id, key, next)
    await this.#announce(id, state)
    return { held: next, isTaken, needsBase }
  }

  /** Notes once a day that somebody asked. */
  async #note(id: Hash, key: Uint8Array, held: Held | undefined): Promise<Held | undefined> {
    const now = this.#components.clock.now()
    if (held === undefined || now - held.askedAt < DAY_MS) return held
    const next = { ...held, askedAt: now }
    await this.#write(id, key, next)
    return next
  }

  async #read(id: Hash): Promise<Held | undefined> {
    const recent = this.#recent.get(id)
    if (recent !== undefined) return recent
    const value = await this.#components.store.get(REGISTERS_TABLE, id.slice(2))
    if (value === undefined) return undefined
    const row = registerRowSchema.decodeMessage(value)
    return { owner: row.owner, askedAt: row.askedAt, state: this.#stateOf(row) }
  }

  async #write(id: Hash, key: Uint8Array, held: Held): Promise<void> {
    const { owner, askedAt, state } = held
    const { decided, accepted, promised } = state
    const row: RegisterRow = {
      version: 1,
      key,
      owner,
      askedAt,
      ...(decided === undefined ? {} : { decided: decided.signed }),
      ...(accepted === undefined ? {} : { accepted: accepted.signed }),
      ...(promised === undefined ? {} : { promisedRound: promised.round, promisedWriter: promised.writer }),
    }
    const value = registerRowSchema.encodeMessage(row)
    this.#requireRoom(id, { owner, bytes: value.length })
    await this.#components.store.write([{ kind: 'put', table: REGISTERS_TABLE, key: id.slice(2), value }], 'power')
    this.#hold(id, { owner, bytes: value.length })
    this.#recent.delete(id)
    this.#recent.set(id, held)
    const [oldest] = this.#recent.keys()
    if (this.#recent.size > RECENT_MAX && oldest !== undefined) this.#recent.delete(oldest)
  }

  /** @throws StorageError STORAGE_NO_ROOM */
  #requireRoom(id: Hash, { owner, bytes }: Holding): void {
    const known = this.#holdings.get(id)
    const more = bytes - (known?.bytes ?? 0)
    const { registersMax, registerBytesMax, registersOfStrangersMax, registersPerPayerMax } = this.#options
    refuseOver('bytes of registers', this.#bytes + Math.max(more, 0), registerBytesMax)
    if (known !== undefined) return
    refuseOver('registers', this.#holdings.size + 1, registersMax)
    const { isPayer } = this.#components
    const counts = new Map<Address, number>()
    for (const holding of this.#holdings.values()) counts.set(holding.owner, (counts.get(holding.owner) ?? 0) + 1)
    if (isPayer(owner)) {
      refuseOver('registers of one payer', (counts.get(owner) ?? 0) + 1, registersPerPayerMax)
      return
    }
    let strangers = 1
    for (const [other, count] of counts) if (!isPayer(other)) strangers += count
    refuseOver('registers of strangers', strangers, registersOfStrangersMax)
  }

  #hold(id: Hash, holding: Holding | undefined): void {
    this.#bytes += (holding?.bytes ?? 0) - (this.#holdings.get(id)?.bytes ?? 0)
    if (holding === undefined) this.#holdings.delete(id)
    else this.#holdings.set(id, holding)
  }

  async #announce(id: Hash, { decided, accepted }: KeeperState): Promise<void> {
    const isAnnounced = accepted?.record.isAnnounced ?? decided?.record.isAnnounced ?? false
    if (!isAnnounced || this.#announced.has(id)) return
    this.#announced.add(id)
    await this.#components.network.provide(registerTableKey(id))
  }

  #stateOf({ key, decided, accepted, promisedRound, promisedWriter }: RegisterRow): KeeperState {
    const verifier = new RegisterVerifier(this.#components.secp256k1, key)
    return {
      ...(decided === undefined ? {} : { decided: verifier.record(decided) }),
      ...(accepted === undefined ? {} : { accepted: verifier.record(accepted) }),
      ...(promisedRound === undefined || promisedWriter === undefined
        ? {}
        : { promised: { round: promisedRound, writer: promisedWriter } }),
    }
  }

  async *#rows(): AsyncGenerator<{ readonly id: Hash; readonly row: RegisterRow; readonly bytes: number }> {
    for (let after = ''; ; ) {
      const rows = await this.#components.store.scan(REGISTERS_TABLE, { after, limit: PAGE_ROWS })
      for (const { key, value } of rows)
        yield { id: `0x${key}` as Hash, row: registerRowSchema.decodeMessage(value), bytes: value.length }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  async #inTurn<Result>(id: Hash, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#turns.set(id, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === settled) this.#turns.delete(id)
    }
  }
}

/** What a keeper is told, checked. */
interface Ask {
  readonly said: OpenedWord | OpenedRecord
  readonly base?: OpenedWord | OpenedRecord
}

function opened(verifier: RegisterVerifier, { word, base }: RegisterRequest): Ask | undefined {
  if (word === undefined) return undefined
  return { said: open(verifier, word), ...(base === undefined ? {} : { base: open(verifier, base) }) }
}

function open(verifier: RegisterVerifier, signed: SignedWord): OpenedWord | OpenedRecord {
  return signed.record === undefined ? verifier.word(signed) : verifier.record(signed)
}

function replyOf(
  {
    held,
    isTaken,
    needsBase = false,
  }: { readonly held: Held | undefined; readonly isTaken: boolean; readonly needsBase?: boolean },
  { word, known }: RegisterRequest,
): RegisterReply {
  const { decided, accepted, promised } = held?.state ?? {}
  const isDone = isTaken && word?.record !== undefined
  if (isDone) return { isTaken, needsBase }
  return {
    isTaken,
    needsBase,
    ...(decided === undefined
      ? {}
      : { decided: decided.word.record === known ? withoutRecord(decided.signed) : decided.signed }),
    ...(accepted === undefined ? {} : { accepted: accepted.signed }),
    ...(promised === undefined ? {} : { promisedRound: promised.round, promisedWriter: promised.writer }),
  }
}

function withoutRecord({ word, signature }: SignedWord): SignedWord {
  return { word, signature }
}

function refuseOver(what: string, have: number, max: number): void {
  if (have <= max) return
  throw new StorageError('STORAGE_NO_ROOM', `${what}: ${max} are kept, not ${have}`, {
    details: { what, have, limit: max },
  })
}
