import {
  type Address,
  type Clock,
  type Hash,
  hasCode,
  type Logger,
  messageOf,
  type PeerId,
  type Signer,
  type Size,
  type Store,
  type StoreOperation,
} from '@stead/core'
import type { MarketProvider } from '@stead/market'
import { contentIdOf, equalBytes, hashFromBytes, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  checkNextAgreement,
  dueAt,
  firstAgreement,
  nextAgreement,
  signAgreement,
} from '../agreement/agreement.ts'
import { PieceSet, type SetChange, type SetProof } from '../agreement/piece-set.ts'
import { encodePossession, possessionIdOf } from '../agreement/possession.ts'
import { encodePossessionAnswer } from '../agreement/possession-answer.ts'
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
import { STAKED_UNPAID_SECONDS_MIN, type StorageProviderOptions } from '../options.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import type { LeafProof } from '../proof/proof-tree.ts'
import {
  AGREEMENTS_TABLE,
  type AgreementRow,
  decodeAgreementRow,
  encodeAgreementRow,
  SLOTS_TABLE,
} from './agreement-rows.ts'
import type { ChallengeAnswer } from './challenge-answer.ts'
import { EndedAgreements } from './ended-agreements.ts'
import { KeptAgreement } from './kept-agreement.ts'
import { logNameOf } from './log-name.ts'
import type { PendingPieces } from './pending-pieces.ts'
import { PeriodBills } from './period-bills.ts'
import { provePossession } from './prove-possession.ts'
import { differs, RevisionRules, requireDistinct } from './revision-rules.ts'

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
  /** Told to payers with every answer. */
  readonly isLeaving: () => boolean
}

const PAGE_ROWS = 512
const SECOND_MS = 1000
/** A revision that is taken, with what it changes. */
interface TakenRevision {
  readonly ask: RevisionAsk
  readonly changes: readonly SetChange[]
  readonly restoredByteSeconds: bigint
}

/** A node's agreements: what it keeps for whom, revision by revision, each on disk before it is signed. */
export class AgreementDesk {
  readonly #components: AgreementDeskComponents
  readonly #options: StorageProviderOptions
  readonly #rules: RevisionRules
  readonly #bills: PeriodBills
  readonly #ended: EndedAgreements
  readonly #agreements: Map<Hash, KeptAgreement> = new Map()
  /** The last work on each agreement that is worked on. */
  readonly #turns: Map<Hash, Promise<unknown>> = new Map()

  constructor(components: AgreementDeskComponents, options: StorageProviderOptions) {
    this.#components = components
    this.#options = options
    this.#rules = new RevisionRules(components, options)
    this.#bills = new PeriodBills(components)
    this.#ended = new EndedAgreements(components)
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
        if (await this.#ended.has(kept.id)) this.#ended.note(kept)
        else this.#agreements.set(kept.id, kept)
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
  }

  /** Gives up what the logs had at the start and nobody agreed on, where a loss of power took the note that it waits. */
  async giveUpFound(): Promise<void> {
    const { pieces, pending, signer, store } = this.#components
    if (pieces.found.length === 0) return
    const peer = peerIdOfPublicKey(signer.publicKey)
    const agreed = new Set<Hash>()
    for (const kept of [...this.#agreements.values(), ...this.#ended.all()])
      for (const [, { piece }] of kept.set.entries()) agreed.add(logNameOf(kept.id, piece))
    const names = pieces.found.filter((name) => !agreed.has(name))
    // The index knows them from now on: another restart would not find them again.
    await store.write(
      names.map((name) => pending.given(name, peer)),
      'process',
    )
    for (const name of names) pending.give(name, peer)
  }

  sizes(): readonly Size[] {
    return [{ what: 'agreements', have: this.#agreements.size, max: this.#options.agreementsMax }]
  }

  all(): Iterable<KeptAgreement> {
    return this.#agreements.values()
  }

  /** Whether anything is agreed with a payer. */
  hasPayer(payer: Address): boolean {
    return Array.from(this.#agreements.values()).some(({ agreement }) => agreement.payer === payer)
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
    const next = this.#rules.opened(peer, ask)
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
    const next = this.#rules.opened(peer, ask)
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

  /**
   * What answers a challenge on chain: the newest revision that both signed, and the leaves of it that the seed draws.
   * Undefined for an agreement that is not known (any more).
   * @throws StorageError STORAGE_PIECE_UNKNOWN, STORAGE_PIECE_DAMAGED: a piece of it is lost here
   */
  async answerTo(id: Hash, seed: Uint8Array): Promise<ChallengeAnswer | undefined> {
    return await this.#inTurn(id, async () => {
      const kept = this.#agreements.get(id)
      if (kept === undefined) return undefined
      const { revision, root, leaves } = kept.agreement
      const proof = encodePossessionAnswer(await this.#leavesOf(kept, seed))
      return { signed: kept.row.signed, revision, root: hashFromBytes(root), leaves, proof }
    })
  }

  /** How an agreement stands, and what is in its slots. */
  async standing(peer: PeerId, { agreement, fromSlot }: StandingAsk): Promise<StorageReply> {
    if (!this.#agreements.has(agreement) && (await this.#ended.has(agreement))) throw endedAgreement(agreement)
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
      if (!this.#isOver(kept)) continue
      await this.#inTurn(kept.id, () => this.#end(kept, nowSecond - kept.row.paidToSecond))
    }
    for (const kept of [...this.#ended.all()]) await this.#inTurn(kept.id, () => this.#ended.deletePieces(kept))
  }

  /** Unpaid for too long, and about nothing that somebody could still ask for on chain: otherwise whoever never pays gets a node slashed. */
  #isOver({ row, agreement }: KeptAgreement): boolean {
    const { unpaidSecondsMax } = this.#options
    const nowSecond = this.#nowSecond()
    const askableSeconds = Math.min(unpaidSecondsMax, STAKED_UNPAID_SECONDS_MIN)
    return nowSecond - row.paidToSecond > unpaidSecondsMax && nowSecond - agreement.atSecond > askableSeconds
  }

  /** What is unpaid for too long is signed no further. @throws StorageError STORAGE_UNPAID */
  #requirePaid({ atSecond, revision }: Agreement, paidToSecond: number): void {
    const unpaidSeconds = atSecond - paidToSecond
    if (unpaidSeconds <= this.#options.unpaidSecondsMax) return
    throw new StorageError('STORAGE_UNPAID', `nobody has paid for ${unpaidSeconds} seconds`, { details: { revision } })
  }

  async #end(kept: KeptAgreement, unpaidSeconds: number): Promise<void> {
    const { logger } = this.#components
    // Paid while it waited for its turn.
    if (!this.#isOver(kept)) return
    logger.warn('an agreement ends, because nobody pays for it', {
      agreement: kept.id,
      payer: kept.agreement.payer,
      unpaidSeconds,
    })
    await this.#ended.end(kept)
    this.#agreements.delete(kept.id)
  }

  async #begin(peer: PeerId, next: Agreement, ask: RevisionAsk): Promise<StorageReply> {
    const { agreementsMax, agreementsPerPayerMax, priceMicroUsdPerTibHour } = this.#options
    const own = Array.from(this.#agreements.values()).filter((kept) => kept.peer === peer).length
    refuseOver('agreements of one payer', own + 1, agreementsPerPayerMax)
    refuseOver('agreements', this.#agreements.size + 1, agreementsMax)
    const id = agreementIdOf(next)
    if (await this.#ended.has(id)) throw endedAgreement(id)
    if (next.revision !== 0 || ask.changes.length > 0) throw differs('revision', 0)
    await this.#components.market.wake({ peer, channel: ask.channel })
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
    const { id } = kept
    this.#rules.requireTime(kept.agreement, next)
    const restoredByteSeconds = await this.#restored(kept, next)
    const changes = ask.changes.map(changeOf)
    requireDistinct(changes, kept.set)
    const release = this.#components.pending.hold(changes.flatMap(({ piece }) => this.#nameIn(id, piece)))
    try {
      return await this.#take(kept, next, { ask, changes, restoredByteSeconds })
    } finally {
      release()
    }
  }

  /** The payer gave up a bill that is not on the books, and has what it was for due again: so nothing is kept for nothing. */
  async #restored(kept: KeptAgreement, next: Agreement): Promise<bigint> {
    try {
      await this.#bills.requireBooked(kept)
      return 0n
    } catch (error) {
      const { bill } = kept.row
      const isDueAgain = next.dueByteSeconds === dueAt(kept.agreement, next.atSecond) + (bill?.quantity ?? 0n)
      if (!hasCode(error, 'STORAGE_UNPAID') || bill === undefined || !isDueAgain) throw error
      return bill.quantity
    }
  }

  async #take(
    kept: KeptAgreement,
    next: Agreement,
    { ask, changes, restoredByteSeconds }: TakenRevision,
  ): Promise<StorageReply> {
    const { agreement: before, set, id, peer } = kept
    const { pending } = this.#components
    const after = set.rootAfter(changes)
    const difference = { atSecond: next.atSecond, set: after, billedByteSeconds: 0n, restoredByteSeconds }
    checkNextAgreement(next, nextAgreement(before, difference))
    if (next.bytes > before.bytes) await this.#rules.requireRunway(peer, ask.channel, next)
    for (const { piece } of changes) if (piece !== undefined) await this.#rules.requirePiece(id, piece)
    // The payer moved it to another slot of the same revision, or it is really gone.
    const stays = new Set(changes.flatMap(({ piece }) => piece?.piece ?? []))
    const gone = changes.flatMap(({ slot }) => set.at(slot) ?? []).filter(({ piece }) => !stays.has(piece))
    const goneNames = gone.map(({ piece }) => logNameOf(id, piece))
    // Where nothing was due there is nothing unpaid: the time of what comes now begins now.
    const paidToSecond = dueAt(before, next.atSecond) === 0n ? next.atSecond : kept.row.paidToSecond
    this.#requirePaid(next, paidToSecond)
    const row = this.#signed(next, ask, { peer, paidToSecond })
    await this.#write(row, changes, goneNames)
    set.apply(changes)
    kept.advance(row)
    for (const name of changes.flatMap(({ piece }) => this.#nameIn(id, piece))) pending.forget(name)
    for (const { piece } of gone) kept.damaged.delete(piece)
    for (const name of goneNames) pending.give(name, peer)
    for (const name of goneNames) await this.#remove(name)
    return this.#reply(kept)
  }

  async #settle(kept: KeptAgreement, next: Agreement, ask: SettleAsk): Promise<StorageReply> {
    const { agreement: before, set, peer } = kept
    const isRepeated = equalBytes(kept.row.signed.document, ask.document)
    const { bill: last } = kept.row
    // What was signed came to nothing at the payer: it asks again, and may have forgotten which delivery that was.
    if (isRepeated && last === undefined) throw differs('dueByteSeconds', next.revision)
    if (!isRepeated) {
      await this.#bills.requireBooked(kept)
      this.#rules.requireTime(before, next)
      const { atSecond } = next
      const billedByteSeconds = dueAt(before, atSecond) - next.dueByteSeconds
      if (billedByteSeconds <= 0n) throw differs('dueByteSeconds', next.revision)
      checkNextAgreement(next, nextAgreement(before, { atSecond, set: set.root, billedByteSeconds }))
    }
    // Before anything is promised: who cannot show what it keeps is not paid.
    const proof = await this.#prove(kept, next, ask.seed)
    const quantity =
      isRepeated && last !== undefined ? last.quantity : dueAt(before, next.atSecond) - next.dueByteSeconds
    const paidToSecond = isRepeated ? kept.row.paidToSecond : kept.paidToSecondAfter(next)
    if (!isRepeated) this.#requirePaid(next, paidToSecond)
    const amountMicroUsd = amountOf(next.priceMicroUsdPerTibHour, quantity)
    const { channel, delivery } = ask
    const item = contentIdOf('dag-cbor', ask.document)
    const bill = { channel, delivery, item, evidence: possessionIdOf(proof), quantity, amountMicroUsd }
    await this.#bills.book(kept, bill, async () => {
      const row = this.#signed(next, ask, { peer, paidToSecond, bill })
      await this.#write(row, [])
      kept.advance(row)
    })
    const damaged = Array.from(kept.damaged.values().take(DAMAGED_TOLD_MAX))
    return { ...this.#reply(kept), proof, amountMicroUsd, damaged }
  }

  async #prove(kept: KeptAgreement, agreement: Agreement, seed: Uint8Array): Promise<Uint8Array> {
    const leaves = await this.#leavesOf(kept, seed)
    return encodePossession({ version: 1, agreement: kept.id, revision: agreement.revision, seed, leaves })
  }

  async #leavesOf(kept: KeptAgreement, seed: Uint8Array): Promise<readonly SetProof[]> {
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
    return await provePossession({ set, proveLeaf }, seed)
  }

  #nameIn(id: Hash, piece: { readonly piece: Hash } | undefined): Hash[] {
    return piece === undefined ? [] : [logNameOf(id, piece.piece)]
  }

  async #remove(name: Hash): Promise<void> {
    const { pending, pieces, logger } = this.#components
    try {
      await pending.remove(name, () => pieces.remove(name))
    } catch (error) {
      // Nobody pays for it any more; the sweep finds it among what is not agreed on.
      logger.warn('a piece could not be deleted', { piece: name, error: messageOf(error) })
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
  async #write(row: AgreementRow, changes: readonly SetChange[], gone: readonly Hash[] = []): Promise<void> {
    const id = agreementIdOf(agreementSchema.decodeDocument(row.signed.document))
    const rows = changes.flatMap(({ slot, piece }): StoreOperation[] => {
      const place = { table: SLOTS_TABLE, key: slotKey(id, slot) }
      if (piece === undefined) return [{ kind: 'delete', ...place }]
      const value = setPieceSchema.encodeMessage(piece)
      return [{ kind: 'put', ...place, value }, this.#components.pending.agreed(logNameOf(id, piece.piece))]
    })
    rows.push(...gone.map((name) => this.#components.pending.given(name, row.peer)))
    const value = encodeAgreementRow(row)
    await this.#components.store.write(
      [{ kind: 'put', table: AGREEMENTS_TABLE, key: id.slice(2), value }, ...rows],
      'power',
    )
  }

  #reply({ row }: KeptAgreement): StorageReply {
    const isLeaving = this.#components.isLeaving()
    return { agreement: row.signed, slots: [], damaged: [], ...(isLeaving ? { isLeaving } : {}) }
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

/** By the payer's name for it: that of the logs says nothing to anybody else. */
function lostPiece(code: StorageErrorCode, piece: Hash): StorageError {
  return new StorageError(code, `the piece ${piece} is not here any more`, { details: { piece } })
}

function refuseOver(what: string, need: number, have: number): void {
  if (need <= have) return
  throw new StorageError('STORAGE_BUSY', `${need} ${what}, at most ${have} are allowed`, { details: { need, have } })
}

function endedAgreement(agreement: Hash): StorageError {
  return new StorageError('STORAGE_AGREEMENT_ENDED', `the agreement ${agreement} has ended`, { details: { agreement } })
}
