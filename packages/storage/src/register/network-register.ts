import { type Clock, type Hash, hasCode, type Logger, type Network, type Random, type Timer } from '@stead/core'
import { equalBytes, type Secp256k1 } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import { POINTER_VALUE_BYTES_MAX, type PointerValue, type RootPointer } from '../objects/root-pointer.ts'
import { askKeepers, type KeeperQuestion } from './ask-keepers.ts'
import {
  type Electorate,
  electorateOf,
  highestOf,
  type Looked,
  lookAt,
  type Prepared,
  refusalOf,
  type Step,
} from './judge-answers.ts'
import { quorumOf, remainderOf } from './quorum.ts'
import {
  keepersOf,
  type OpenedRecord,
  type RegisterKey,
  type RegisterRecord,
  recordSchema,
  type SignedWord,
} from './register-record.ts'

/** What a register works with. */
export interface NetworkRegisterComponents {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly secp256k1: Secp256k1
  readonly logger: Logger
}

/** Where a register stands, for its process and for the next one on this machine. */
export interface RegisterPlace {
  /** What this machine knew last to be decided. */
  readonly known: OpenedRecord | undefined
  /**
   * Where to begin when nothing is known to be decided.
   * @throws StorageError STORAGE_ROOT_UNKNOWN where it must be found and is not
   */
  find(): Promise<FoundRegister>
  /** The same, chosen now where there are none. @throws StorageError STORAGE_ROOT_UNKNOWN where they must be found */
  begin(): Promise<Uint8Array>
  /** Keeps what is newer. */
  save(known: OpenedRecord): Promise<void>
  /** Asks the network for what is newer than what is known. */
  search(): Promise<OpenedRecord | undefined>
  readonly isAnnounced: boolean
  /** Nobody can have written to it before this process: its seed was drawn for it. */
  readonly isNew: boolean
}

/** What is known of a register, or what the network's table led to. */
export interface FoundRegister {
  readonly decided: OpenedRecord | undefined
  /** Who decides the first step; undefined when nobody has begun it. */
  readonly keepers: Uint8Array | undefined
}

/** What came of a step. */
type Decided =
  | { readonly kind: 'chosen'; readonly record: OpenedRecord }
  /** Others went further. */
  | { readonly kind: 'newer' }
  /** Nothing was proposed by anybody. */
  | { readonly kind: 'nothing' }

/** Turns that are tried for one step before it is said that others are at it. */
const TURNS_MAX = 12
/** Steps that may be made by others while one is to be made here. */
const STEPS_MAX = 32
const PAUSE_MS = 10
/** So long keepers are waited for that may settle what others do not know, before it is settled from here. */
const GRACE_MS = 100
/** So long after keepers were found to be away they are asked for a moment only by a read that has what was seen last. */
const AWAY_MS = 30_000
const AWAY_ASK_MS = 1000
/** After so long without an answer others may have been made keepers, and the keepers before them may have forgotten. */
const LOOK_AGAIN_MS = 86_400_000

/**
 * One pointer on several nodes, of which some may lie, forget or be away (ADR 15): each step is decided once, by the
 * keepers that the step before names. In the common case a swap is one round to the fastest of them.
 */
export class NetworkRegister implements RootPointer {
  readonly #components: NetworkRegisterComponents
  readonly #key: RegisterKey
  readonly #place: RegisterPlace
  readonly #writer: Uint8Array
  #known: OpenedRecord | undefined
  /** The last turn that this process used: none is used twice. */
  #turn = { step: 0, round: 0 }
  /** The last step that something of this process's own was proposed for. */
  #proposedStep = 0
  /** When enough keepers last agreed on what is known. */
  #agreedAtMs: number | undefined
  /** When too few of them answered last, monotonic; undefined since enough did. */
  #awayAtMs: number | undefined
  #working: Promise<unknown> = Promise.resolve()

  /** @param writer 16 bytes drawn for this process: never those of one before */
  constructor(components: NetworkRegisterComponents, key: RegisterKey, place: RegisterPlace, writer: Uint8Array) {
    this.#components = components
    this.#key = key
    this.#place = place
    this.#writer = writer
    this.#known = place.known
  }

  get id(): Hash {
    return this.#key.id
  }

  /** Who decides the next step, as far as is known; nobody before it was begun. @throws as {@link RegisterPlace.find} */
  async keepers(): Promise<readonly Uint8Array[]> {
    return keepersOf(this.#known?.record.keepers ?? (await this.#foundKeepers()) ?? new Uint8Array(0))
  }

  /** The record that was seen last. */
  get known(): OpenedRecord | undefined {
    return this.#known
  }

  /** What this machine saw last; others may have replaced it since. */
  async cached(): Promise<PointerValue | undefined> {
    return pointerValueOf(this.#known)
  }

  /** @throws StorageError STORAGE_ROOT_AWAY, STORAGE_ROOT_UNKNOWN, STORAGE_BUSY */
  async read(): Promise<PointerValue | undefined> {
    await this.#newest((work) => this.#inTurn(work), true)
    return pointerValueOf(this.#known)
  }

  /** @throws StorageError STORAGE_ROOT_AWAY, STORAGE_ROOT_UNKNOWN, STORAGE_BUSY; nobody knows then whether it was done */
  async swap(expectedSequence: number, value: Uint8Array): Promise<'done' | 'moved'> {
    if (value.length < 1 || value.length > POINTER_VALUE_BYTES_MAX)
      throw new RangeError(`a pointer has 1 to ${POINTER_VALUE_BYTES_MAX} bytes, not ${value.length}`)
    const copy = Uint8Array.from(value)
    return await this.#inTurn(() => this.#swap(expectedSequence, copy))
  }

  /**
   * Has other keepers decide from the next step on. With keepers that are gone for good, and too few others to agree as
   * usual, those that are left agree alone, if all of them do.
   * @param keepers public keys, 33 bytes each
   * @throws StorageError STORAGE_ROOT_AWAY, STORAGE_BUSY
   */
  async move(keepers: Uint8Array, isGone: (keeper: Uint8Array) => boolean): Promise<void> {
    await this.#inTurn(async () => {
      for (let steps = 0; ; steps++) {
        if (steps === STEPS_MAX) throw contended()
        const forced = await this.#prepareToMove(isGone)
        const before = this.#known
        if (before === undefined || equalBytes(before.record.keepers, keepers)) break
        const { sequence, value } = before.record
        // Those who come to ask later find the way by the table, wherever they looked before.
        await this.#decide(before, this.#after(before, { sequence, value, keepers, isAnnounced: true }), forced)
      }
      await this.#install()
    })
  }

  /** @returns who must agree when it cannot be as usual */
  async #prepareToMove(isGone: (keeper: Uint8Array) => boolean): Promise<Electorate | undefined> {
    try {
      await this.#newest()
      return undefined
    } catch (error) {
      if (!hasCode(error, 'STORAGE_ROOT_AWAY')) throw error
      const all = await this.keepers()
      const left = all.filter((keeper) => !isGone(keeper))
      if (all.length === 0 || left.length < remainderOf(all.length)) throw error
      const forced = { keepers: left, need: left.length }
      // What was proposed first names who keeps it, and nobody may have been told that it was decided.
      if (this.#known === undefined) await this.#decide(undefined, undefined, forced)
      return forced
    }
  }

  /** Gives the newest record to its keepers, of whom some may be new. */
  async #install(): Promise<void> {
    const known = this.#known
    if (known === undefined) return
    const { keepers, need } = electorateOf(known.record.keepers)
    const have = await askKeepers(
      this.#components,
      keepers,
      { key: this.#key.publicKey, word: known.signed },
      ({ answers, waiting }) => {
        const taken = answers.filter(({ isTaken }) => isTaken).length
        return taken >= need || waiting === 0 ? taken : undefined
      },
    )
    if (have < need) throw away(have, need)
  }

  async #swap(expected: number, value: Uint8Array): Promise<'done' | 'moved'> {
    const first = await this.#firstKeepers(expected)
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const before = this.#known
      if (before !== undefined && this.#isOwn(before, expected + 1, value)) return 'done'
      if ((before?.record.sequence ?? 0) !== expected) return 'moved'
      const { keepers, isAnnounced } = before?.record ?? { keepers: first, isAnnounced: this.#place.isAnnounced }
      const own = this.#after(before, { sequence: expected + 1, value, keepers, isAnnounced })
      await this.#decide(before, own)
      // Others went on from a step that may have been this one: whoever asks again learns it from what they wrote.
      if (this.#proposedStep === own.step && (this.#known?.record.step ?? 0) > own.step) throw contended()
    }
    throw contended()
  }

  /** Brings what is known up to date where that is needed. @returns who decides the first step */
  async #firstKeepers(expected: number): Promise<Uint8Array> {
    const agreedMs = this.#components.clock.now() - (this.#agreedAtMs ?? 0)
    if (this.#known === undefined || this.#known.record.sequence < expected || agreedMs > LOOK_AGAIN_MS)
      await this.#newest()
    return this.#known?.record.keepers ?? (await this.#place.begin())
  }

  #isOwn({ record }: OpenedRecord, sequence: number, value: Uint8Array): boolean {
    return record.sequence === sequence && equalBytes(record.writer, this.#writer) && equalBytes(record.value, value)
  }

  #after(
    before: OpenedRecord | undefined,
    said: Pick<RegisterRecord, 'sequence' | 'value' | 'keepers' | 'isAnnounced'>,
  ): RegisterRecord {
    return { version: 1, step: (before?.record.step ?? 0) + 1, writer: this.#writer, ...said }
  }

  /** Asks until it is known which step is the newest. */
  async #newest(
    inTurn: <Result>(work: () => Promise<Result>) => Promise<Result> = (work) => work(),
    isRead = false,
  ): Promise<void> {
    let isSearched = false
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const keepers = this.#known?.record.keepers ?? (await this.#foundKeepers())
      const before = this.#known
      if (keepers === undefined) return
      // They, and the network's table, were asked a moment ago, and given all their time.
      const isKnownAway = isRead && before !== undefined && this.#wereAway()
      const looked = await this.#look(keepers, isKnownAway ? AWAY_ASK_MS : undefined)
      if (looked.newest !== undefined) await this.#adopt(looked.newest)
      if (this.#known === before && this.#mustSearch(looked) && !(isKnownAway && looked.kind === 'away')) {
        const found = isSearched ? undefined : await this.#place.search()
        isSearched = true
        if (found !== undefined) await this.#adopt(found)
        if (this.#known !== before) continue
      }
      if (looked.kind === 'away' && this.#known === before) {
        if (!isKnownAway) this.#awayAtMs = this.#components.clock.monotonicMs()
        throw away(looked.have, quorumOf(keepersOf(keepers).length))
      }
      if (looked.kind === 'decided') await this.#learn(looked.accepted)
      if (looked.kind === 'unsettled') {
        // What this process is about to swap in itself is settled by that.
        const settled = await inTurn(() => this.#decide(this.#known, undefined))
        if (settled.kind === 'newer') continue
      }
      if (looked.kind === 'away' || looked.kind === 'moved') continue
      // Where others decide from now on, they are asked as well: they may have gone further.
      if (!equalBytes(this.#known?.record.keepers ?? keepers, keepers)) continue
      this.#agreedAtMs = this.#components.clock.now()
      this.#awayAtMs = undefined
      return
    }
    throw contended()
  }

  #wereAway(): boolean {
    return this.#awayAtMs !== undefined && this.#components.clock.monotonicMs() - this.#awayAtMs < AWAY_MS
  }

  async #foundKeepers(): Promise<Uint8Array | undefined> {
    const { decided, keepers } = await this.#place.find()
    if (decided !== undefined) await this.#adopt(decided)
    return this.#known?.record.keepers ?? keepers
  }

  /** Whether others may have taken the place of those who were asked: these do not say, or may have forgotten, what was. */
  #mustSearch(looked: Looked): boolean {
    return looked.kind === 'away' || (looked.kind === 'sure' && looked.isBlank && !this.#place.isNew)
  }

  async #look(keepers: Uint8Array, timeoutMs: number | undefined): Promise<Looked> {
    const { clock } = this.#components
    const electorate = electorateOf(keepers)
    const known = this.#known
    const late = Promise.withResolvers<Looked>()
    let timer: Timer | undefined
    const question = {
      key: this.#key.publicKey,
      timeoutMs,
      ...(known === undefined ? {} : { known: known.word.record }),
    }
    const judged = askKeepers(this.#components, electorate.keepers, question, ({ answers, waiting }) => {
      const looked = lookAt(answers, { known, keepers, need: electorate.need })
      if (waiting === 0 || looked.kind === 'sure' || looked.kind === 'decided' || looked.kind === 'moved') return looked
      if (looked.kind === 'unsettled') timer ??= clock.setTimer(GRACE_MS, () => late.resolve(looked))
      return undefined
    })
    try {
      return await Promise.race([judged, late.promise])
    } finally {
      timer?.clear()
    }
  }

  /**
   * Has the next step decided: what may have been decided already, or what is proposed here.
   * @param forced who must agree, when not as many as usual
   */
  async #decide(
    before: OpenedRecord | undefined,
    own: RegisterRecord | undefined,
    forced?: Electorate,
  ): Promise<Decided> {
    const keepers = before?.record.keepers ?? (await this.#place.begin())
    const task: Step = { before, number: (before?.record.step ?? 0) + 1, ...(forced ?? electorateOf(keepers)) }
    const ownBytes = own === undefined ? undefined : recordSchema.encodeDocument(own)
    if (ownBytes !== undefined && forced === undefined && this.#takeFirstTurn(task)) {
      const proposed = await this.#propose(task, 0, ownBytes)
      if (proposed.kind === 'chosen') return proposed
      if (proposed.kind === 'newer') return await this.#goOn(proposed.record)
      if (proposed.kind === 'away') throw away(proposed.have, task.need)
      this.#note(task.number, proposed.round)
    }
    return await this.#decideInTurns(task, ownBytes)
  }

  async #decideInTurns(task: Step, own: Uint8Array | undefined): Promise<Decided> {
    for (let turns = 0; turns < TURNS_MAX; turns++) {
      const round = this.#nextRound(task.number)
      if (round === undefined) return { kind: 'newer' }
      const prepared = await this.#prepare(task, round)
      if (prepared.kind === 'newer') return await this.#goOn(prepared.record)
      if (prepared.kind === 'away') throw away(prepared.have, task.need)
      if (prepared.kind === 'ready') {
        const bytes = prepared.found?.bytes ?? own
        if (bytes === undefined) return { kind: 'nothing' }
        const proposed = await this.#propose(task, round, bytes)
        if (proposed.kind === 'chosen') return proposed
        if (proposed.kind === 'newer') return await this.#goOn(proposed.record)
        if (proposed.kind === 'away') throw away(proposed.have, task.need)
        this.#note(task.number, proposed.round)
      } else {
        this.#note(task.number, prepared.round)
      }
      const { clock, random } = this.#components
      await clock.sleep(Math.ceil(random.fraction() * PAUSE_MS * 2 ** Math.min(turns, 6)))
    }
    throw contended()
  }

  async #goOn(record: OpenedRecord): Promise<Decided> {
    await this.#adopt(record)
    return { kind: 'newer' }
  }

  async #prepare(task: Step, round: number): Promise<Prepared> {
    const { signed, word } = this.#key.sign({ kind: 'prepare', step: task.number, round, writer: this.#writer })
    return await askKeepers(
      this.#components,
      task.keepers,
      this.#question(task, signed),
      (seen): Prepared | undefined => {
        const refused = refusalOf(seen, task, word)
        if (refused !== undefined) return refused
        const taken = seen.answers.filter(({ isTaken }) => isTaken)
        return taken.length >= task.need ? { kind: 'ready', found: highestOf(taken, task.number) } : undefined
      },
    )
  }

  async #propose(task: Step, round: number, bytes: Uint8Array): Promise<Exclude<Prepared, { kind: 'ready' }> | Chosen> {
    this.#proposedStep = Math.max(this.#proposedStep, task.number)
    const said = { step: task.number, round, writer: this.#writer }
    const { signed, word } = this.#key.sign({ kind: 'propose', ...said }, bytes)
    const result = await askKeepers(this.#components, task.keepers, this.#question(task, signed), (seen) => {
      const taken = seen.answers.filter(({ isTaken }) => isTaken).length
      return taken >= task.need ? ('taken' as const) : refusalOf(seen, task, word)
    })
    if (result !== 'taken') return result
    const record = recordSchema.decodeDocument(bytes)
    return { kind: 'chosen', record: await this.#learn({ signed, word, bytes, record }) }
  }

  #question({ before }: Step, word: SignedWord): KeeperQuestion {
    const key = this.#key.publicKey
    if (before === undefined) return { key, word }
    const { record: baseRecord, ...base } = before.signed
    return { key, word, base, baseRecord, known: before.word.record }
  }

  /** Signs that a record was decided, and goes on from there. */
  async #learn({ bytes, record }: OpenedRecord): Promise<OpenedRecord> {
    const { signed, word } = this.#key.sign(
      { kind: 'decide', step: record.step, round: 0, writer: this.#writer },
      bytes,
    )
    const decided = { signed, word, bytes, record }
    this.#agreedAtMs = this.#components.clock.now()
    await this.#adopt(decided)
    return decided
  }

  async #adopt(decided: OpenedRecord): Promise<void> {
    if (decided.record.step <= (this.#known?.record.step ?? 0)) return
    this.#known = decided
    await this.#place.save(decided)
  }

  /** Whether this process made the step before, and has not used the turn that this gives it. */
  #takeFirstTurn({ before, number }: Step): boolean {
    if (before === undefined || !equalBytes(before.record.writer, this.#writer)) return false
    if (this.#turn.step >= number) return false
    this.#turn = { step: number, round: 0 }
    return true
  }

  /** @returns undefined when this process has been at a later step meanwhile */
  #nextRound(step: number): number | undefined {
    this.#note(step, 0)
    if (this.#turn.step > step) return undefined
    this.#turn.round++
    return this.#turn.round
  }

  #note(step: number, round: number): void {
    if (this.#turn.step < step) this.#turn = { step, round }
    else if (this.#turn.step === step) this.#turn.round = Math.max(this.#turn.round, round)
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#working.then(work)
    this.#working = turn.catch(() => undefined)
    return await turn
  }
}

interface Chosen {
  readonly kind: 'chosen'
  readonly record: OpenedRecord
}

function pointerValueOf(known: OpenedRecord | undefined): PointerValue | undefined {
  if (known === undefined || known.record.sequence === 0) return undefined
  const { sequence, value } = known.record
  return { sequence, value: Uint8Array.from(value) }
}

function away(have: number, need: number): StorageError {
  return new StorageError('STORAGE_ROOT_AWAY', `${have} of the nodes that keep the root answer, ${need} must agree`, {
    details: { needNodes: need, haveNodes: have },
  })
}

function contended(): StorageError {
  return new StorageError('STORAGE_BUSY', 'others replace the same root all the time')
}
