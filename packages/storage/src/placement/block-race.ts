import { type Hash, isSteadError, type PeerId, type Timer } from '@stead/core'
import { freeMessage } from '../consumer/free-message.ts'
import { readBlocks } from '../consumer/read-blocks.ts'
import type { NumberedPiece } from '../erasure/erasure-code.ts'
import { StorageError } from '../errors.ts'
import { type HolderWait, isAway } from './holder-reach.ts'
import type { ReadablePiece, SegmentRead, SegmentReaderComponents, WantedBlocks } from './read-segment.ts'

/** How it stands with one place of a piece that was asked. */
type Asked = 'pending' | 'answered' | 'failed' | 'away'

/** So long nodes that have answered nothing are waited for before they count as away, in milliseconds. */
const SLOW_MS = 5000
/** Nodes that are away are asked again, more and more rarely: their addresses may be known now. */
const [FIRST_PAUSE_MS, PAUSE_MAX_MS] = [500, 5000]
/** Whoever is asked again has so long at least. */
const AGAIN_TIMEOUT_MIN_MS = 5000

/**
 * Asks for the same blocks of pieces until there are as many as it takes. Where too few can be had because nodes are away,
 * it waits for them as long as the read may, and uses each as soon as it is there.
 */
export class BlockRace {
  readonly #components: SegmentReaderComponents
  readonly #read: SegmentRead
  readonly #wanted: WantedBlocks
  /** Best first; grows when others say where more pieces are. */
  readonly #places: ReadablePiece[]
  readonly #asked: Map<ReadablePiece, Asked> = new Map()
  readonly #askedAtMs: Map<ReadablePiece, number> = new Map()
  readonly #got: Map<number, Uint8Array> = new Map()
  readonly #abort: AbortController = new AbortController()
  readonly #done: PromiseWithResolvers<readonly Uint8Array[]> = Promise.withResolvers()
  readonly #startedMs: number
  #hedgeTimer: Timer | undefined
  #againTimer: Timer | undefined
  #endWait: (() => void) | undefined
  #looks = 0
  #isLooking = false
  /** Nobody is waited for any more. */
  #isOver = false
  /** What was wanted is there. */
  #isFinished = false

  constructor(components: SegmentReaderComponents, read: SegmentRead, wanted: WantedBlocks) {
    this.#components = components
    this.#read = read
    this.#wanted = wanted
    this.#startedMs = components.clock.monotonicMs()
    const isLate = ({ peer }: ReadablePiece): boolean => read.reach.isAway(peer)
    this.#places = [...read.pieces].sort((left, right) => Number(isLate(left)) - Number(isLate(right)))
  }

  /** @throws StorageError STORAGE_TOO_FEW_PIECES; the signal's reason */
  async run(): Promise<readonly Uint8Array[]> {
    const { signal, reach } = this.#read
    const cancel = (): void => this.#done.reject(signal?.reason)
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted === true) cancel()
    // Who was away a moment ago costs nobody the time until others are asked in its place.
    for (const place of this.#places)
      if (this.#wanted.numbers.includes(place.number) && !reach.isAway(place.peer)) this.#ask(place)
    this.#goOn()
    this.#hedgeLater()
    try {
      return await this.#done.promise
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#hedgeTimer?.clear()
      this.#againTimer?.clear()
      this.#endWait?.()
      this.#abort.abort()
      this.#noteLate()
    }
  }

  /** Those without whom it had to be done: the next read asks others first. */
  #noteLate(): void {
    const { reach, hedgeAfterMs } = this.#read
    const nowMs = this.#components.clock.monotonicMs()
    for (const [place, state] of this.#asked)
      if (state === 'pending' && nowMs - (this.#askedAtMs.get(place) ?? nowMs) >= hedgeAfterMs)
        reach.noteAway(place.peer)
  }

  #ask(place: ReadablePiece, timeoutMs?: number): void {
    this.#asked.set(place, 'pending')
    this.#askedAtMs.set(place, this.#components.clock.monotonicMs())
    void this.#fetch(place, timeoutMs)
  }

  async #fetch(place: ReadablePiece, timeoutMs: number | undefined): Promise<void> {
    const { pieceBytes, reach } = this.#read
    const { firstBlock, blocks } = this.#wanted
    const { signal } = this.#abort
    try {
      const range = { firstBlock, blocks, signal, timeoutMs }
      const bytes = await readBlocks(this.#components, { ...place, lengthBytes: pieceBytes }, range)
      this.#asked.set(place, 'answered')
      // Another place gave it first, or the last one that was needed came with it: nobody looks at it any more.
      if (this.#isFinished || this.#got.has(place.number)) freeMessage(bytes)
      else this.#got.set(place.number, bytes)
    } catch (error) {
      if (signal.aborted) return
      this.#note(place, error)
    }
    if (this.#asked.get(place) === 'answered') reach.noteThere(place.peer)
    this.#goOn()
  }

  #note(place: ReadablePiece, error: unknown): void {
    const { reach, onFailure } = this.#read
    if (!isSteadError(error)) this.#done.reject(error)
    this.#asked.set(place, isAway(error) ? 'away' : 'failed')
    // Once for each node while it stays away.
    if (!isAway(error) || !reach.isAway(place.peer)) onFailure(place, error)
    if (isAway(error)) reach.noteAway(place.peer)
  }

  /** Ends when all is there, asks for as many more as can still make it whole, waits, or gives up. */
  #goOn(): void {
    if (this.#isFinished) return
    const { dataPieces } = this.#read.code.profile
    const { numbers } = this.#wanted
    if (numbers.every((number) => this.#got.has(number)) || this.#got.size >= dataPieces) {
      this.#finish()
      return
    }
    const pending = this.#numbersThat('pending')
    if (numbers.every((number) => this.#got.has(number) || pending.has(number))) return
    for (const place of this.#places) {
      if (this.#got.size + pending.size >= dataPieces) return
      if (this.#asked.has(place) || this.#got.has(place.number) || pending.has(place.number)) continue
      this.#ask(place)
      pending.add(place.number)
    }
    if (this.#got.size + pending.size < dataPieces) this.#onShort(pending)
  }

  /** All were asked, and those that may still answer are too few. */
  #onShort(pending: ReadonlySet<number>): void {
    if (this.#looks === 0) this.#lookElsewhere()
    const hoped = new Set([...pending, ...this.#numbersThat('away'), ...this.#got.keys()])
    const { dataPieces } = this.#read.code.profile
    const isHopeless = this.#isOver || hoped.size < dataPieces || !this.#mayWait()
    if (!isHopeless) this.#wait()
    else if (!this.#isLooking) this.#done.reject(this.#tooFew())
  }

  /** Numbers that are not there yet and of which a place was asked so. */
  #numbersThat(state: Asked): Set<number> {
    const found = new Set<number>()
    for (const [{ number }, each] of this.#asked) if (each === state && !this.#got.has(number)) found.add(number)
    return found
  }

  /** Whoever takes long is not waited for: enough others are asked to do without it. */
  #hedgeLater(): void {
    const { clock } = this.#components
    this.#hedgeTimer = clock.setTimer(this.#read.hedgeAfterMs, () => {
      const { dataPieces } = this.#read.code.profile
      const fresh = new Set<number>()
      for (const place of this.#places) {
        if (this.#got.size + fresh.size >= dataPieces) break
        if (this.#asked.has(place) || this.#got.has(place.number) || fresh.has(place.number)) continue
        this.#ask(place)
        fresh.add(place.number)
      }
      if (fresh.size === 0 && clock.monotonicMs() - this.#startedMs >= SLOW_MS) this.#onSlow()
      this.#hedgeLater()
    })
  }

  /** All were asked some time ago: some answer nothing, and others that were away may be back. */
  #onSlow(): void {
    if (this.#looks === 0) this.#lookElsewhere()
    if (!this.#isOver && this.#mayWait()) this.#wait()
  }

  #mayWait(): boolean {
    const { reach, waitUntilMs } = this.#read
    return !reach.isStopped && this.#components.clock.monotonicMs() < waitUntilMs
  }

  #wait(): void {
    this.#endWait ??= this.#read.reach.begin({
      onThere: (peer) => this.#askAgain((place) => place.peer === peer),
      onStop: () => this.#giveUp(),
      facts: () => this.#facts(),
    })
    if (this.#againTimer === undefined) this.#againLater(FIRST_PAUSE_MS)
  }

  #againLater(pauseMs: number): void {
    const { clock } = this.#components
    const leftMs = Math.max(0, this.#read.waitUntilMs - clock.monotonicMs())
    this.#againTimer = clock.setTimer(Math.min(pauseMs, leftMs), () => {
      if (!this.#mayWait()) {
        this.#giveUp()
        return
      }
      this.#lookElsewhere()
      this.#askAgain(() => true)
      this.#againLater(Math.min(PAUSE_MAX_MS, 2 * pauseMs))
    })
  }

  /** @param isMeant which of those that were away */
  #askAgain(isMeant: (place: ReadablePiece) => boolean): void {
    const leftMs = this.#read.waitUntilMs - this.#components.clock.monotonicMs()
    for (const place of this.#places)
      if (this.#asked.get(place) === 'away' && !this.#got.has(place.number) && isMeant(place))
        this.#ask(place, Math.max(AGAIN_TIMEOUT_MIN_MS, leftMs))
  }

  /** What was asked may still be answered; nobody is asked again. */
  #giveUp(): void {
    this.#isOver = true
    this.#endWait?.()
    this.#goOn()
  }

  /** Asks others where there are more pieces, and asks for these. */
  #lookElsewhere(): void {
    const { elsewhere } = this.#read
    if (elsewhere === undefined || this.#isLooking || this.#isOver) return
    this.#isLooking = true
    this.#looks++
    elsewhere().then(
      (places) => {
        this.#isLooking = false
        this.#places.push(...places.filter((place) => !this.#places.some((known) => isSame(known, place))))
        this.#goOn()
      },
      (error: unknown) => this.#done.reject(error),
    )
  }

  #facts(): Omit<HolderWait, 'waitedMs'> {
    const nodes = new Set(this.#places.map(({ peer }) => peer))
    const { dataPieces } = this.#read.code.profile
    const awayNodes = this.#peersThat('away', 'pending').size
    return { needPieces: dataPieces, havePieces: this.#got.size, nodes: nodes.size, awayNodes }
  }

  #peersThat(...states: readonly Asked[]): Set<PeerId> {
    return new Set(Array.from(this.#asked).flatMap(([{ peer }, state]) => (states.includes(state) ? peer : [])))
  }

  #tooFew(): StorageError {
    const { needPieces, havePieces, nodes } = this.#facts()
    const awayNodes = this.#peersThat('away').size
    const missing = this.#read.pieces.filter(({ number }) => !this.#got.has(number)).map(({ number }) => number)
    const away = awayNodes === 0 ? '' : `, and ${awayNodes} of ${nodes} nodes that have one could not be reached`
    const from = missing.length === 0 ? '' : `; no node gives ${missing.join(', ')}`
    const short = needPieces - havePieces
    const message = `need ${needPieces} pieces of a segment, have ${havePieces}: ${short} ${short === 1 ? 'is' : 'are'} missing${away}${from}`
    const details = { needPieces, havePieces, missingPieces: missing.join(','), nodes, awayNodes }
    return new StorageError('STORAGE_TOO_FEW_PIECES', message, { details })
  }

  #finish(): void {
    this.#isFinished = true
    try {
      const have: NumberedPiece[] = Array.from(this.#got, ([number, bytes]) => ({ number, bytes }))
      const restored = this.#read.code.restore(have, this.#wanted.numbers)
      for (const { bytes } of have) if (!restored.includes(bytes)) freeMessage(bytes)
      this.#done.resolve(restored)
    } catch (error) {
      this.#done.reject(error)
    }
  }
}

function isSame(left: PlaceName, right: PlaceName): boolean {
  return left.number === right.number && left.peer === right.peer && left.agreement === right.agreement
}

interface PlaceName {
  readonly number: number
  readonly peer: PeerId
  readonly agreement: Hash
}
