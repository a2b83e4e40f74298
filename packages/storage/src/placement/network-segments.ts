import {
  type Address,
  type Clock,
  type Hash,
  hasCode,
  type Logger,
  messageOf,
  type Network,
  type Random,
  type Signer,
  type Store,
  type UnixMs,
} from '@stead/core'
import type { ReceiptChain } from '@stead/market'
import { addressOfPeerId, concatBytes, publicKeyOfPeerId } from '@stead/protocol'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureProfile } from '../erasure/erasure-code.ts'
import type { ErasureKernel } from '../erasure/erasure-kernel.ts'
import { StorageError } from '../errors.ts'
import type { StorageConsumerOptions } from '../options.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { ProofTree } from '../proof/proof-tree.ts'
import { type CodedSegment, codeSegment } from '../segment/coded-segment.ts'
import { PieceMemory } from '../segment/piece-memory.ts'
import { FRAME_BYTES, pieceBytesOf } from '../segment/segment-layout.ts'
import type { PiecePlace } from '../shares/share-desk.ts'
import type { BoughtNode } from './bought-node.ts'
import type { NodeFacts } from './choose-nodes.ts'
import { ErasureCodes } from './erasure-codes.ts'
import { findPieces, findPiecesWithoutRow } from './find-pieces.ts'
import type { HolderReach } from './holder-reach.ts'
import { onChosenNodes } from './on-chosen-nodes.ts'
import { PieceSender, type SentPiece } from './piece-sender.ts'
import { type Elsewhere, piecesElsewhere } from './read-anywhere.ts'
import { readSealed } from './read-sealed.ts'
import { readPieces, readsOf, type SegmentRead } from './read-segment.ts'
import { SegmentBooks } from './segment-books.ts'
import type { SegmentProfile } from './segment-profile.ts'
import {
  decodeReference,
  encodeReference,
  pieceNameOf,
  rootOfPiece,
  type SegmentReference,
} from './segment-reference.ts'
import { notIn, type PlacedNumber, type SegmentRow, segmentKey } from './segment-rows.ts'
import type { StorageNodes } from './storage-nodes.ts'
import { unknownSegment } from './unknown-segment.ts'

/** What {@link NetworkSegments} stand on. */
export interface NetworkSegmentsComponents {
  readonly nodes: StorageNodes
  readonly network: Network
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly cipher: FrameCipher
  readonly hasher: PairHasher
  readonly kernel: ErasureKernel
  readonly signer: Signer
  readonly identity: ReceiptChain
  /** Where others keep pieces of a segment, one list for each of them; asked when too few can be had where this payer knows them. @default nobody does */
  readonly elsewhere?: Elsewhere | undefined
  /** Who of the nodes could not be reached of late. */
  readonly reach: HolderReach
  /** This payer's rows were lost: until they are made again, segments without one are looked for where they were first. @default false */
  readonly hasLostBooks?: boolean
}

/** A segment that is kept, as listings show it. */
export interface ListedSegment {
  readonly reference: Uint8Array
  readonly keptAt: UnixMs
}

/** What to repair of a segment. */
export interface RepairWish {
  /** Pieces that are to be made again. */
  readonly isLost: (placed: PlacedNumber) => boolean
  /** Pieces that are to be moved. @default none */
  readonly isLeaving?: (placed: PlacedNumber) => boolean
  /** What others keep of it, so that it need not be made again. @default nothing */
  readonly others?: KeptElsewhere
  /** See NodesWish.waitMs. */
  readonly waitMs?: number | undefined
  /** Nobody waits any more: what is made until then is kept. */
  readonly signal?: AbortSignal
}

/** What a repair did. */
export interface RepairedSegment {
  readonly madePieces: number
  /** For which no node could be had now. */
  readonly missingPieces: number
}

/** A segment and where its pieces are. */
export interface PlacedSegment {
  readonly reference: Uint8Array
  readonly placed: readonly PlacedNumber[]
  readonly profile: ErasureProfile
}

/** Pieces of a segment that are kept, and need not be made, in agreements of others. */
export interface KeptElsewhere {
  readonly numbers: ReadonlySet<number>
  /** Their nodes: none of them gets another piece of the segment. */
  readonly nodes: readonly NodeFacts[]
}

const NOWHERE: KeptElsewhere = { numbers: new Set(), nodes: [] }

/** Segments as pieces on nodes that are paid: sealed and coded here, read from whoever answers first, repaired when pieces are lost. */
export class NetworkSegments {
  readonly #components: NetworkSegmentsComponents
  readonly #options: StorageConsumerOptions
  readonly #profile: SegmentProfile
  readonly #codes: ErasureCodes
  readonly #books: SegmentBooks
  readonly #sender: PieceSender
  readonly #memory: PieceMemory
  /** Segments whose pieces are being sent: their rows do not say yet where those are. */
  readonly #unplaced: Set<string> = new Set()

  constructor(components: NetworkSegmentsComponents, options: StorageConsumerOptions, profile: SegmentProfile) {
    this.#components = components
    this.#options = options
    this.#profile = profile
    this.#books = new SegmentBooks(components, components.hasLostBooks)
    this.#sender = new PieceSender(components, options)
    this.#memory = new PieceMemory(components.clock)
    this.#codes = new ErasureCodes(components.kernel)
    this.#codes.of(profile)
  }

  /**
   * Seals and keeps a segment; resolves when enough pieces are agreed on.
   * @throws StorageError STORAGE_TOO_FEW_NODES, STORAGE_TOO_FEW_PIECES
   */
  async put(key: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
    const { cipher, hasher } = this.#components
    const coder = { cipher, hasher, code: this.#codes.of(this.#profile), memory: this.#memory }
    const coded = codeSegment(coder, key, plaintext)
    try {
      return await onChosenNodes(this.#components, { ...this.#profile, pieceBytes: coded.pieceBytes }, (...nodes) =>
        this.#keep(coded, ...nodes),
      )
    } finally {
      coded.free()
    }
  }

  async #keep(
    coded: CodedSegment,
    chosen: readonly BoughtNode[],
    onFailed: (node: Address) => void,
  ): Promise<Uint8Array> {
    const { random, clock } = this.#components
    const { pieces, dataPieces, enough } = this.#profile
    const { plainBytes } = coded
    const segment = random.bytes(16)
    const reference: SegmentReference = {
      version: 1,
      segment,
      plainBytes,
      payer: this.#components.signer.address,
      dataPieces,
      pieces,
      roots: concatBytes(...coded.pieces.map(({ tree }) => tree.root)),
      nodes: keysOf(chosen, pieces),
    }
    const bytes = encodeReference(reference)
    const row = { version: 1, reference: bytes, keptAt: clock.now() } as const
    const sent = coded.pieces.map(({ number, bytes: content }) => ({ number, bytes: content, to: chosen[number] }))
    return await this.#placing(reference, async () => {
      // Before anything is sent: what is not finished is found and given up after a crash, or a loss of power.
      const intended = chosen.map(({ node }, number) => ({ number, node }))
      await this.#books.write({ ...row, placed: intended, isPlanned: true })
      await this.#books.flush()
      let placed: readonly PlacedNumber[]
      try {
        placed = await this.#sender.send(reference, sent, { waitFor: enough, least: enough, onFailed })
      } catch (error) {
        await this.#books.write({ ...row, placed: intended, isReleased: true })
        throw error
      }
      await this.#books.write({ ...row, placed }, notIn(intended, placed))
      await this.#books.flush()
      return bytes
    })
  }

  /** @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_TOO_FEW_PIECES, STORAGE_SEGMENT_UNKNOWN, STORAGE_PLACE_TAKEN; RangeError */
  async read(
    reference: Uint8Array,
    key: Uint8Array,
    { fromByte, toByte }: { readonly fromByte: number; readonly toByte: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const known = decodeReference(reference)
    const range = { plainBytes: known.plainBytes, key, fromByte, toByte }
    const waitUntilMs = this.#components.clock.monotonicMs() + this.#options.awayWaitMs
    return await readSealed(this.#components, { ...(await this.#readOf(known, signal)), waitUntilMs }, range)
  }

  /** Keeps a segment no longer: at once for whoever reads, and on its nodes as soon as they can be told. */
  async release(reference: Uint8Array): Promise<void> {
    await this.releaseNamed(decodeReference(reference).segment)
  }

  /** The same by a segment's name, 16 bytes. @returns whether it was kept until now */
  async releaseNamed(segment: Uint8Array): Promise<boolean> {
    const row = await this.#books.rowOf(segment)
    if (row === undefined) return false
    await this.#books.write({ ...row, isReleased: true })
    this.#drop(row)
    return true
  }

  /** Looks after a segment whose pieces others keep: none is here yet. The same again is no work. @returns whether it is new */
  async adopt(reference: Uint8Array): Promise<boolean> {
    const { segment } = decodeReference(reference)
    const known = await this.#books.anyRowOf(segment)
    if (known !== undefined && known.isReleased !== true) return false
    const row = { version: 1, reference, keptAt: this.#components.clock.now(), placed: [] } as const
    await this.#books.write(row, known?.placed)
    return true
  }

  /** Gives up some pieces of a segment that others keep as well. @returns how many */
  async giveUp(reference: Uint8Array, isKeptElsewhere: (placed: PlacedNumber) => boolean): Promise<number> {
    const { segment } = decodeReference(reference)
    const row = await this.#books.rowOf(segment)
    const left = (row?.placed ?? []).filter(isKeptElsewhere)
    if (row === undefined || left.length === 0) return 0
    await this.#books.write({ ...row, placed: notIn(row.placed, left) }, left)
    this.#drop({ ...row, placed: left })
    return left.length
  }

  /**
   * Tells nodes again what they need not keep, and forgets the segments that none of them keeps any more. What was being
   * sent when this machine stopped, or when its disk refused to note that it was not kept, is released first.
   */
  async finishReleases(): Promise<void> {
    const { nodes } = this.#components
    for await (const { key, row } of this.#books.keyedRows()) {
      const { segment } = decodeReference(row.reference)
      if (row.isReleased !== true) {
        if (row.isPlanned !== true || !(await this.#isForsaken(segment))) continue
        await this.#books.write({ ...row, isReleased: true })
      }
      // A piece may have come back to where it was given up.
      const places = notIn(row.placed, (await this.#books.rowOf(segment))?.placed ?? [])
      const isHeld = places.some(({ number, node }) => {
        const piece = pieceNameOf(segment, number)
        return this.#sender.isSending(node, piece) || nodes.of(node)?.driver.mayKeep(piece) === true
      })
      if (isHeld) this.#drop({ ...row, placed: places })
      else await this.#books.remove(key)
    }
  }

  /** Whether a segment is only planned, and nobody sends it any more. */
  async #isForsaken(segment: Uint8Array): Promise<boolean> {
    if (this.#unplaced.has(segmentKey(segment))) return false
    // Read now that nobody sends it: it may have come to be kept since its row was read.
    return (await this.#books.rowOf(segment))?.isPlanned === true
  }

  #drop({ reference, placed }: SegmentRow): void {
    const { segment } = decodeReference(reference)
    for (const { number, node } of placed) this.#components.nodes.of(node)?.drop([pieceNameOf(segment, number)])
  }

  /** What is kept, in the order of names. */
  async list(after: Uint8Array | undefined, limit: number): Promise<readonly ListedSegment[]> {
    const range = { after: after === undefined ? '' : segmentKey(decodeReference(after).segment) }
    const listed: ListedSegment[] = []
    for await (const { reference, keptAt, isReleased } of this.#books.rows(range.after)) {
      if (listed.length === limit) break
      if (isReleased !== true) listed.push({ reference, keptAt })
    }
    return listed
  }

  /**
   * Puts pieces that are lost, or whose node leaves, on other nodes, without the key. What cannot be moved now stays where it
   * is. Nothing to do when all are where they should be.
   * @throws as read and put
   */
  async repair(reference: Uint8Array, wish: RepairWish): Promise<RepairedSegment> {
    const known = decodeReference(reference)
    return await this.#placing(known, () => this.#repair(known, wish))
  }

  async #repair(
    known: SegmentReference,
    { isLost, isLeaving = () => false, others = NOWHERE, waitMs, signal }: RepairWish,
  ): Promise<RepairedSegment> {
    const { nodes } = this.#components
    const row = await this.#books.rowOf(known.segment)
    if (row === undefined) throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'the segment is not kept any more')
    const there = row.placed.filter((placed) => !isLost(placed))
    for (const placed of row.placed) if (isLost(placed)) nodes.shun(placed.node)
    const stays = there.filter((placed) => !isLeaving(placed))
    const kept = new Set([...stays.map(({ number }) => number), ...others.numbers])
    const missing = Array.from({ length: known.pieces }, (_, number) => number).filter((number) => !kept.has(number))
    if (missing.length === 0) return { madePieces: 0, missingPieces: 0 }
    const fresh = await this.#restored(known, { there, stays, missing, others, waitMs })
    const intended = fresh.flatMap(({ number, to }) => (to === undefined ? [] : [{ number, node: to.node }]))
    // Before anything is sent, as when a segment is put. Whoever lost a piece need not keep it any more; what is on a node
    // that leaves is read there until it is elsewhere.
    const leaving = there.filter(isLeaving)
    const meanwhile = [
      ...stays,
      ...leaving,
      ...intended.filter(({ number }) => leaving.every((placed) => placed.number !== number)),
    ]
    // Reading took its time: what was released meanwhile stays so.
    if ((await this.#books.rowOf(known.segment)) === undefined) return { madePieces: 0, missingPieces: 0 }
    await this.#books.write({ ...row, placed: meanwhile }, notIn([...row.placed, ...intended], meanwhile))
    await this.#books.flush()
    // As many as there are nodes: whatever is given up here would have to be computed again.
    const placed = await this.#sender.send(known, fresh, { waitFor: intended.length, least: 1, signal })
    if ((await this.#books.rowOf(known.segment)) === undefined) {
      // Released meanwhile: its row is about the pieces that there were.
      for (const { number, node } of placed) nodes.of(node)?.drop([pieceNameOf(known.segment, number)])
      return { madePieces: 0, missingPieces: 0 }
    }
    const moved = new Set(placed.map(({ number }) => number))
    const next = [...stays, ...placed, ...leaving.filter(({ number }) => !moved.has(number))]
    const left = notIn([...row.placed, ...intended], next)
    await this.#books.write({ ...row, placed: next }, left)
    for (const { number, node } of left) nodes.of(node)?.drop([pieceNameOf(known.segment, number)])
    return { madePieces: placed.length, missingPieces: missing.length - placed.length }
  }

  /** Pieces computed from those that can be read, each for a node that has none of the segment where there is one. */
  async #restored(
    known: SegmentReference,
    of: {
      readonly there: readonly PlacedNumber[]
      readonly stays: readonly PlacedNumber[]
      readonly missing: readonly number[]
      readonly others: KeptElsewhere
      readonly waitMs: number | undefined
    },
  ): Promise<readonly SentPiece[]> {
    const { nodes } = this.#components
    const { there, stays, missing, others, waitMs } = of
    const pieceBytes = pieceBytesOf(known.plainBytes, known.dataPieces)
    const taken = [...stays.flatMap(({ node }) => nodes.of(node) ?? []), ...others.nodes]
    const chosen = await nodes.choose(
      { version: 1, bytes: pieceBytes, pieceBytes },
      { count: missing.length, least: 1, taken, waitMs },
    )
    const restored = await this.#restore(known, there, missing)
    return missing.map((number, place) => ({
      number,
      bytes: restored[place] ?? new Uint8Array(0),
      to: chosen[place],
    }))
  }

  /**
   * Makes rows again of segments that this payer has, after it lost its books: where their pieces are is told by the
   * agreements that were found again. Pieces that belong to none of the segments are not kept any longer.
   * @param references all that anything refers to
   * @returns how many segments have a row again, and how many pieces nothing needed
   */
  async recover(references: Iterable<Uint8Array>): Promise<{ readonly segments: number; readonly dropped: number }> {
    const { nodes, clock, signer } = this.#components
    const where = new Map<Hash, BoughtNode>()
    for (const bought of nodes.all()) for (const [, { piece }] of bought.driver.set.entries()) where.set(piece, bought)
    let segments = 0
    for (const reference of references) {
      const known = decodeReference(reference)
      if (known.payer !== signer.address) continue
      const placed: PlacedNumber[] = []
      for (let number = 0; number < known.pieces; number++) {
        const piece = pieceNameOf(known.segment, number)
        const bought = where.get(piece)
        if (bought !== undefined) placed.push({ number, node: bought.node })
        where.delete(piece)
      }
      if ((await this.#books.rowOf(known.segment)) !== undefined) continue
      await this.#books.write({ version: 1, reference, keptAt: clock.now(), placed })
      segments++
    }
    await this.#books.flush()
    this.#books.hasLostRows = false
    for await (const { reference } of this.#books.rows()) {
      const { segment, pieces } = decodeReference(reference)
      for (let number = 0; number < pieces; number++) where.delete(pieceNameOf(segment, number))
    }
    for (const [piece, bought] of where) bought.drop([piece])
    return { segments, dropped: where.size }
  }

  /** Where the pieces of a segment are now, for those who may read it; undefined for one that is not kept. */
  async places(segment: Uint8Array): Promise<readonly PiecePlace[] | undefined> {
    const { nodes } = this.#components
    const row = await this.#books.rowOf(segment)
    return row?.placed.flatMap(({ number, node }): PiecePlace[] => {
      const bought = nodes.of(node)
      return bought === undefined ? [] : [{ number, peer: bought.peer, agreement: bought.driver.id }]
    })
  }

  /** Every segment with where its pieces are, but for those that are being sent, or were when this machine stopped. */
  async *all(): AsyncGenerator<PlacedSegment> {
    for await (const { reference, placed, isReleased, isPlanned } of this.#books.rows()) {
      const { dataPieces, pieces, segment } = decodeReference(reference)
      if (isReleased === true || isPlanned === true || this.#unplaced.has(segmentKey(segment))) continue
      yield { reference, placed, profile: { dataPieces, pieces } }
    }
  }

  /** Work that sends pieces of a segment. */
  async #placing<Result>({ segment }: SegmentReference, work: () => Promise<Result>): Promise<Result> {
    const key = segmentKey(segment)
    this.#unplaced.add(key)
    try {
      return await work()
    } finally {
      this.#unplaced.delete(key)
    }
  }

  /** Whole pieces, computed from any that can be had. */
  async #restore(
    known: SegmentReference,
    there: readonly PlacedNumber[],
    missing: readonly number[],
  ): Promise<readonly Uint8Array[]> {
    const { hasher } = this.#components
    const pieceBytes = pieceBytesOf(known.plainBytes, known.dataPieces)
    const read = { ...(await this.#readOf(known)), pieces: findPieces(this.#components.nodes, known, there) }
    const restored = missing.map(() => new Uint8Array(pieceBytes))
    for (const { firstBlock, blocks } of readsOf(pieceBytes)) {
      const wanted = { numbers: missing, firstBlock, blocks }
      const parts = await readPieces(this.#components, read, wanted)
      for (const [place, part] of parts.entries()) restored[place]?.set(part, firstBlock * FRAME_BYTES)
    }
    for (const [place, number] of missing.entries()) {
      const { root } = ProofTree.of(hasher, restored[place] ?? new Uint8Array(0))
      if (root.every((byte, index) => byte === rootOfPiece(known, number)[index])) continue
      throw new StorageError('STORAGE_NOT_AUTHENTIC', `piece ${number} of a segment was coded wrongly`)
    }
    return restored
  }

  async #readOf(known: SegmentReference, signal?: AbortSignal): Promise<SegmentRead> {
    const { logger, nodes, signer, reach, elsewhere } = this.#components
    const row = await this.#books.rowOf(known.segment)
    if (row === undefined && known.payer === signer.address && !this.#books.hasLostRows)
      throw await unknownSegment({ nodes, books: this.#books }, known)
    return {
      code: this.#codes.of(known),
      pieceBytes: pieceBytesOf(known.plainBytes, known.dataPieces),
      pieces: row === undefined ? findPiecesWithoutRow(this.#components, known) : findPieces(nodes, known, row.placed),
      hedgeAfterMs: this.#options.hedgeAfterMs,
      reach,
      waitUntilMs: 0,
      elsewhere: piecesElsewhere(known, elsewhere),
      onFailure: ({ peer, piece }, error) => {
        logger.info('a node did not give a piece', { peer, piece, error: messageOf(error) })
        // Whoever gives other bytes than it was given is not asked to keep more.
        if (hasCode(error, 'STORAGE_NOT_AUTHENTIC')) nodes.shun(addressOfPeerId(peer))
      },
      ...(signal === undefined ? {} : { signal }),
    }
  }
}

const KEY_BYTES = 33

/** A piece for which there was no node at first has a key of zeros. */
function keysOf(chosen: readonly BoughtNode[], pieces: number): Uint8Array {
  const keys = new Uint8Array(pieces * KEY_BYTES)
  for (const [number, { peer }] of chosen.entries()) keys.set(publicKeyOfPeerId(peer), number * KEY_BYTES)
  return keys
}
