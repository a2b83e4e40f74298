import {
  type Address,
  type Clock,
  type Hash,
  hasCode,
  isSteadError,
  type Logger,
  messageOf,
  type PeerId,
  type Signer,
  type Size,
  type Store,
  type StoreOperation,
} from '@stead/core'
import type { Admission, MarketProvider } from '@stead/market'
import {
  addressOfPeerId,
  concatBytes,
  contentIdOf,
  equalBytes,
  hashFromBytes,
  hexToBytes,
  type Secp256k1,
  sha256,
} from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  checkAgreementSignature,
  checkNextAgreement,
  dueAt,
  firstAgreement,
  nextAgreement,
  signAgreement,
} from '../agreement/agreement.ts'
import { PieceSet, type SetChange } from '../agreement/piece-set.ts'
import { encodePossession, possessionIdOf } from '../agreement/possession.ts'
import { loadSet, setPieceSchema, slotKey } from '../agreement/set-rows.ts'
import { changeOf, slotMessageOf } from '../agreement/slot-message.ts'
import { StorageError, type StorageErrorCode } from '../errors.ts'
import {
  DAMAGED_TOLD_MAX,
  type RevisionAsk,
  type SettleAsk,
  SLOTS_PER_PAGE,
  type StandingAsk,
  type StorageReply,
} from '../messages.ts'
import { amountOf } from '../meter.ts'
import type { StorageProviderOptions } from '../options.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import type { LeafProof } from '../proof/proof-tree.ts'
import {
  AGREEMENTS_TABLE,
  type AgreementRow,
  type BilledPeriod,
  decodeAgreementRow,
  encodeAgreementRow,
  SLOTS_TABLE,
} from './agreement-rows.ts'
import { KeptAgreement } from './kept-agreement.ts'
import type { PendingPieces } from './pending-pieces.ts'
import { provePossession } from './prove-possession.ts'

/** What a desk stands on. */
export interface AgreementDeskComponents {
  readonly store: Store
  readonly pieces: PieceLog
  readonly pending: PendingPieces
  readonly market: MarketProvider
  readonly clock: Clock
  readonly logger: Logger
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly identity: { readonly chainId: number; readonly escrow: Address }
}

const PAGE_ROWS = 512
const SECOND_MS = 1000
/** Byte-seconds are told in 64 bits. */
const DUE_MAX = 2n ** 63n

/** A node's agreements: what it keeps for whom, revision by revision, each on disk before it is signed. */
export class AgreementDesk {
  readonly #components: AgreementDeskComponents
  readonly #options: StorageProviderOptions
  readonly #agreements: Map<Hash, KeptAgreement> = new Map()
  /** The last work on each agreement that is worked on. */
  readonly #turns: Map<Hash, Promise<unknown>> = new Map()

  constructor(components: AgreementDeskComponents, options: StorageProviderOptions) {
    this.#components = components
    this.#options = options
  }

  /** Reads all agreements. @throws CoreError STORE_FAILED, STORE_CORRUPT; StorageError STORAGE_AGREEMENT_DIFFERS for damaged books */
  async load(): Promise<void> {
    const { store } = this.#components
    for (let after = ''; ; ) {
      const rows = await store.scan(AGREEMENTS_TABLE, { after, limit: PAGE_ROWS })
      for (const { value } of rows) {
        const row = decodeAgreementRow(value)
        const agreement = agreementSchema.decodeDocument(row.signed.document)
        const set = await loadSet(store, SLOTS_TABLE, agreementIdOf(agreement), agreement.slots)
        const kept = new KeptAgreement(row, set)
        this.#agreements.set(kept.id, kept)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  sizes(): readonly Size[] {
    return [{ what: 'agreements', have: this.#agreements.size, max: this.#options.agreementsMax }]
  }

  all(): Iterable<KeptAgreement> {
    return this.#agreements.values()
  }

  /** @throws StorageError STORAGE_AGREEMENT_UNKNOWN */
  require(id: Hash, peer?: PeerId): KeptAgreement {
    const kept = this.#agreements.get(id)
    if (kept !== undefined && (peer === undefined || kept.peer === peer)) return kept
    throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', `no agreement ${id}`, { details: { agreement: id } })
  }

  /** Notes which pieces rotted, so that their payers are told. @param names as the logs have them */
  noteDamaged(names: readonly Hash[]): void {
    const wanted = new Set(names)
    for (const kept of this.#agreements.values())
      for (const [, { piece }] of kept.set.entries()) if (wanted.has(logNameOf(kept.id, piece))) kept.damaged.add(piece)
  }

  /** Takes a revision: the first one, or one that changes slots. The same again is no work. */
  async revise(peer: PeerId, ask: RevisionAsk): Promise<StorageReply> {
    const next = this.#opened(peer, ask)
    const id = agreementIdOf(next)
    return await this.#inTurn(id, async () => {
      const kept = this.#agreements.get(id)
      if (kept === undefined) return await this.#begin(peer, next, ask)
      this.require(id, peer)
      if (equalBytes(kept.row.signed.document, ask.document)) return this.#reply(kept)
      return await this.#revise(kept, next, ask)
    })
  }

  /** Proves what is kept, puts what is due on the bill, and signs that it is there. */
  async settle(peer: PeerId, ask: SettleAsk): Promise<StorageReply> {
    const next = this.#opened(peer, ask)
    const id = agreementIdOf(next)
    return await this.#inTurn(id, () => this.#settle(this.require(id, peer), next, ask))
  }

  /** Proves some leaves to whoever asks. */
  async audit(id: Hash, seed: Uint8Array): Promise<StorageReply> {
    return await this.#inTurn(id, async () => {
      const kept = this.require(id)
      return { ...this.#reply(kept), proof: await this.#prove(kept, kept.agreement, seed) }
    })
  }

  /** How an agreement stands, and what is in its slots. */
  standing(peer: PeerId, { agreement, fromSlot }: StandingAsk): StorageReply {
    const kept = this.require(agreement, peer)
    if (fromSlot === undefined) return this.#reply(kept)
    const page: SetChange[] = []
    for (const [slot, piece] of kept.set.entries(fromSlot)) {
      if (page.length === SLOTS_PER_PAGE)
        return { ...this.#reply(kept), slots: page.map(slotMessageOf), nextSlot: slot }
      page.push({ slot, piece })
    }
    return { ...this.#reply(kept), slots: page.map(slotMessageOf) }
  }

  /** Ends agreements that nobody paid for so long that they may end, and deletes their pieces. */
  async dropUnpaid(): Promise<void> {
    const nowSecond = this.#nowSecond()
    for (const kept of [...this.#agreements.values()]) {
      const unpaid = nowSecond - kept.row.paidToSecond
      if (unpaid <= this.#options.unpaidSecondsMax) continue
      await this.#inTurn(kept.id, () => this.#drop(kept, unpaid))
    }
  }

  async #drop(kept: KeptAgreement, unpaidSeconds: number): Promise<void> {
    const { store, pieces, logger } = this.#components
    logger.warn('an agreement ends, because nobody pays for it', {
      agreement: kept.id,
      payer: kept.agreement.payer,
      unpaidSeconds,
    })
    this.#agreements.delete(kept.id)
    await store.write([{ kind: 'delete', table: AGREEMENTS_TABLE, key: kept.id.slice(2) }], 'power')
    for (const [slot, { piece }] of kept.set.entries()) {
      await pieces.remove(logNameOf(kept.id, piece))
      await store.write([{ kind: 'delete', table: SLOTS_TABLE, key: slotKey(kept.id, slot) }], 'process')
    }
  }

  #opened(peer: PeerId, { document, payerSignature }: Pick<RevisionAsk, 'document' | 'payerSignature'>): Agreement {
    const { secp256k1, identity, signer } = this.#components
    const next = agreementSchema.decodeDocument(document)
    const isOurs =
      next.chainId === identity.chainId &&
      next.escrow === identity.escrow &&
      next.node === signer.address &&
      next.payer === addressOfPeerId(peer)
    if (!isOurs)
      throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', 'the agreement is between others, or is paid elsewhere')
    checkAgreementSignature(secp256k1, next.payer, next, { document, signature: payerSignature })
    const aheadSeconds = next.atSecond - this.#nowSecond()
    if (aheadSeconds * SECOND_MS > this.#options.clockSkewMs) throw differs('atSecond', next.revision)
    return next
  }

  async #begin(peer: PeerId, next: Agreement, ask: RevisionAsk): Promise<StorageReply> {
    const { agreementsMax, agreementsPerPayerMax, priceMicroUsdPerTibHour } = this.#options
    const own = Array.from(this.#agreements.values()).filter((kept) => kept.peer === peer).length
    refuseOver('agreements of one payer', own + 1, agreementsPerPayerMax)
    refuseOver('agreements', this.#agreements.size + 1, agreementsMax)
    if (next.revision !== 0 || ask.changes.length > 0) throw differs('revision', 0)
    this.#components.market.leftMicroUsd({ peer, channel: ask.channel })
    const { atSecond } = next
    if (this.#nowSecond() - atSecond > this.#options.clockSkewMs / SECOND_MS) throw differs('atSecond', 0)
    const set = new PieceSet()
    checkNextAgreement(next, firstAgreement(next, { atSecond, priceMicroUsdPerTibHour, set: set.root }))
    const row = this.#signed(next, ask, { peer, paidToSecond: atSecond })
    await this.#write(row, [])
    const kept = new KeptAgreement(row, set)
    this.#agreements.set(kept.id, kept)
    return this.#reply(kept)
  }

  async #revise(kept: KeptAgreement, next: Agreement, ask: RevisionAsk): Promise<StorageReply> {
    const { agreement: before, set, id, peer } = kept
    await this.#requireBilled(kept)
    const changes = ask.changes.map(changeOf)
    requireDistinct(changes)
    const after = set.rootAfter(changes)
    this.#requireTime(before, next)
    checkNextAgreement(next, nextAgreement(before, { atSecond: next.atSecond, set: after, isBilled: false }))
    if (next.bytes > before.bytes) this.#requireRunway(peer, ask.channel, next)
    for (const { piece } of changes) if (piece !== undefined) await this.#requirePiece(id, piece)
    const gone = changes.flatMap(({ slot }) => set.at(slot)?.piece ?? [])
    const { paidToSecond } = kept.row
    const row = this.#signed(next, ask, { peer, paidToSecond })
    await this.#write(row, changes)
    set.apply(changes)
    kept.advance(row)
    for (const { piece } of changes)
      if (piece !== undefined) this.#components.pending.forget(logNameOf(id, piece.piece))
    // The payer moved it to another slot of the same revision, or it is really gone.
    const stays = new Set(changes.flatMap(({ piece }) => piece?.piece ?? []))
    for (const piece of gone) {
      kept.damaged.delete(piece)
      if (!stays.has(piece)) await this.#remove(id, piece)
    }
    return this.#reply(kept)
  }

  async #settle(kept: KeptAgreement, next: Agreement, ask: SettleAsk): Promise<StorageReply> {
    const { agreement: before, set, peer } = kept
    const isRepeated = equalBytes(kept.row.signed.document, ask.document)
    const { bill: last } = kept.row
    // What was signed came to nothing at the payer: it asks again, and may have forgotten which delivery that was.
    if (isRepeated && last === undefined) throw differs('dueByteSeconds', next.revision)
    if (!isRepeated) {
      await this.#requireBilled(kept)
      this.#requireTime(before, next)
      const { atSecond } = next
      checkNextAgreement(next, nextAgreement(before, { atSecond, set: set.root, isBilled: true }))
    }
    // Before anything is promised: who cannot show what it keeps is not paid.
    const proof = await this.#prove(kept, next, ask.seed)
    const quantity = isRepeated && last !== undefined ? last.quantity : dueAt(before, next.atSecond)
    const amountMicroUsd = amountOf(next.priceMicroUsdPerTibHour, quantity)
    const { channel, delivery } = ask
    const item = contentIdOf('dag-cbor', ask.document)
    const bill = { channel, delivery, item, evidence: possessionIdOf(proof), quantity, amountMicroUsd }
    await this.#bill(kept, bill, async () => {
      const row = this.#signed(next, ask, { peer, paidToSecond: next.atSecond, bill })
      await this.#write(row, [])
      kept.advance(row)
    })
    const damaged = Array.from(kept.damaged.values().take(DAMAGED_TOLD_MAX))
    return { ...this.#reply(kept), proof, amountMicroUsd, damaged }
  }

  /**
   * No revision follows one whose bill is not on the books: the payer asks for that again, under a delivery of another name
   * or on another channel. Otherwise whoever gives a delivery up in the right moment keeps bytes for nothing.
   * @throws StorageError STORAGE_UNPAID
   */
  async #requireBilled(kept: KeptAgreement): Promise<void> {
    const { bill } = kept.row
    if (bill === undefined) return
    try {
      if (kept.billing !== 'booked') await this.#bill(kept, bill, async () => undefined)
    } catch (cause) {
      if (!isSteadError(cause)) throw cause
      const { channel, amountMicroUsd } = bill
      throw new StorageError('STORAGE_UNPAID', `the last period is not on the books: ${cause.code}`, {
        details: { agreement: kept.id, channel, amountMicroUsd },
        cause,
      })
    }
  }

  /** On the books once, and never without the revision on disk: a question that came again finds its delivery there. */
  async #bill(kept: KeptAgreement, { channel, ...entry }: BilledPeriod, write: () => Promise<void>): Promise<void> {
    const { delivery, amountMicroUsd: maximumMicroUsd } = entry
    let admission: Admission
    try {
      admission = this.#components.market.admit({ peer: kept.peer, channel, delivery, maximumMicroUsd })
    } catch (error) {
      // The name of another delivery would make this one free, and so would one that the disk kept off the books.
      const known = kept.row.bill
      const isThis = known?.channel === channel && equalBytes(known.delivery, delivery) && kept.billing !== 'missing'
      if (!isThis || !hasCode(error, 'MARKET_DELIVERY_REPEATED')) throw error
      kept.billing = 'booked'
      return
    }
    try {
      await write()
      await admission.deliver(entry)
      kept.billing = 'booked'
    } finally {
      admission.release()
    }
  }

  async #prove(kept: KeptAgreement, agreement: Agreement, seed: Uint8Array): Promise<Uint8Array> {
    const { pieces } = this.#components
    const { id, set } = kept
    const proveLeaf = async (piece: Hash, index: number): Promise<LeafProof> => {
      try {
        return await pieces.proveLeaf(logNameOf(id, piece), index)
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        kept.damaged.add(piece)
        throw lostPiece(error.code, piece)
      }
    }
    const leaves = await provePossession({ set, proveLeaf }, seed)
    return encodePossession({ version: 1, agreement: id, revision: agreement.revision, seed, leaves })
  }

  #requireTime(before: Agreement, next: Agreement): void {
    if (next.atSecond < before.atSecond) throw differs('atSecond', next.revision)
    if (dueAt(before, next.atSecond) >= DUE_MAX) throw differs('dueByteSeconds', next.revision)
  }

  #requireRunway(peer: PeerId, channel: Hash, next: Agreement): void {
    const { runwaySecondsMin } = this.#options
    const ahead = BigInt(next.bytes) * BigInt(runwaySecondsMin) + next.dueByteSeconds
    const needMicroUsd = amountOf(next.priceMicroUsdPerTibHour, ahead)
    const haveMicroUsd = this.#components.market.leftMicroUsd({ peer, channel })
    if (haveMicroUsd >= needMicroUsd) return
    const message = `${runwaySecondsMin} seconds of ${next.bytes} bytes cost ${needMicroUsd} micro-dollars, the channel has ${haveMicroUsd} left`
    throw new StorageError('STORAGE_RUNWAY', message, { details: { needMicroUsd, haveMicroUsd } })
  }

  async #requirePiece(
    id: Hash,
    { piece, root, lengthBytes }: { piece: Hash; root: Uint8Array; lengthBytes: number },
  ): Promise<void> {
    const found = await this.#components.pieces.find(logNameOf(id, piece))
    if (found === undefined || found.isDamaged)
      throw new StorageError('STORAGE_PIECE_UNKNOWN', `there is no piece ${piece} here`, { details: { piece } })
    if (found.lengthBytes !== lengthBytes || !equalBytes(found.root, root))
      throw new StorageError('STORAGE_PIECE_DIFFERS', `the piece ${piece} is not what the revision says`, {
        details: { piece },
      })
  }

  async #remove(id: Hash, piece: Hash): Promise<void> {
    try {
      await this.#components.pieces.remove(logNameOf(id, piece))
    } catch (error) {
      // Nobody pays for it any more; the sweep finds it.
      this.#components.logger.warn('a piece could not be deleted', { piece, error: messageOf(error) })
    }
  }

  #signed(
    next: Agreement,
    { document, payerSignature }: Pick<RevisionAsk, 'document' | 'payerSignature'>,
    kept: Pick<AgreementRow, 'peer' | 'paidToSecond' | 'bill'>,
  ): AgreementRow {
    const nodeSignature = signAgreement(this.#components.signer, next, document)
    return { version: 1, signed: { document, payerSignature, nodeSignature }, ...kept }
  }

  /** On disk before the signature leaves: a second revision of one number would be proof of a lie. */
  async #write(row: AgreementRow, changes: readonly SetChange[]): Promise<void> {
    const id = agreementIdOf(agreementSchema.decodeDocument(row.signed.document))
    const rows = changes.flatMap(({ slot, piece }): StoreOperation[] => {
      const place = { table: SLOTS_TABLE, key: slotKey(id, slot) }
      if (piece === undefined) return [{ kind: 'delete', ...place }]
      const value = setPieceSchema.encodeMessage(piece)
      return [{ kind: 'put', ...place, value }, this.#components.pending.agreed(logNameOf(id, piece.piece))]
    })
    const value = encodeAgreementRow(row)
    await this.#components.store.write(
      [{ kind: 'put', table: AGREEMENTS_TABLE, key: id.slice(2), value }, ...rows],
      'power',
    )
  }

  #reply({ row }: KeptAgreement): StorageReply {
    return { agreement: row.signed, slots: [], damaged: [] }
  }

  #nowSecond(): number {
    return Math.floor(this.#components.clock.now() / SECOND_MS)
  }

  /** Work on one agreement, one after another; the network bounds how much of a peer's waits. */
  async #inTurn<Result>(id: Hash, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(id) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => undefined)
    this.#turns.set(id, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(id) === settled) this.#turns.delete(id)
    }
  }
}

/** What a piece is called in the logs: two agreements that name the same piece have a copy each. */
export function logNameOf(agreement: Hash, piece: Hash): Hash {
  return hashFromBytes(sha256(concatBytes(hexToBytes(agreement), hexToBytes(piece))))
}

function requireDistinct(changes: readonly SetChange[]): void {
  if (new Set(changes.map(({ slot }) => slot)).size < changes.length)
    throw new StorageError('STORAGE_UNSUPPORTED', 'a revision changes a slot twice')
}

function differs(field: string, revision: number): StorageError {
  const message = `revision ${revision} of an agreement has another ${field} than what was agreed before gives`
  return new StorageError('STORAGE_AGREEMENT_DIFFERS', message, { details: { field, revision } })
}

/** By the payer's name for it: that of the logs says nothing to anybody else. */
function lostPiece(code: StorageErrorCode, piece: Hash): StorageError {
  return new StorageError(code, `the piece ${piece} is not here any more`, { details: { piece } })
}

function refuseOver(what: string, need: number, have: number): void {
  if (need <= have) return
  throw new StorageError('STORAGE_BUSY', `${need} ${what}, at most ${have} are allowed`, { details: { need, have } })
}
