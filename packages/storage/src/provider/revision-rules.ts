import type { Address, Clock, Hash, PeerId, Signer } from '@stead/core'
import type { MarketProvider } from '@stead/market'
import { addressOfPeerId, equalBytes, type Secp256k1 } from '@stead/protocol'
import { type Agreement, agreementSchema, checkAgreementSignature, dueAt } from '../agreement/agreement.ts'
import type { PieceSet, SetChange, SetPiece } from '../agreement/piece-set.ts'
import { StorageError } from '../errors.ts'
import type { RevisionAsk } from '../messages.ts'
import { amountOf } from '../meter.ts'
import type { StorageProviderOptions } from '../options.ts'
import type { PieceLog } from '../pieces/piece-log.ts'
import { logNameOf } from './log-name.ts'
import type { PendingPieces } from './pending-pieces.ts'

/** What {@link RevisionRules} stand on. */
export interface RevisionRulesComponents {
  readonly pieces: PieceLog
  readonly pending: PendingPieces
  readonly market: Pick<MarketProvider, 'leftMicroUsd' | 'wake'>
  readonly clock: Clock
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly identity: { readonly chainId: number; readonly escrow: Address }
}

const SECOND_MS = 1000
/** Byte-seconds are told in 64 bits. */
const DUE_MAX = 2n ** 63n

/** What a revision that a payer sends must fulfil before its node signs it, besides following from the one before. */
export class RevisionRules {
  readonly #components: RevisionRulesComponents
  readonly #options: Pick<StorageProviderOptions, 'clockSkewMs' | 'runwaySecondsMin'>

  constructor(
    components: RevisionRulesComponents,
    options: Pick<StorageProviderOptions, 'clockSkewMs' | 'runwaySecondsMin'>,
  ) {
    this.#components = components
    this.#options = options
  }

  /**
   * Reads a revision that a payer signed, between it and this node.
   * @throws StorageError STORAGE_AGREEMENT_UNKNOWN, STORAGE_CLOCK_AHEAD; ProtocolError for another's signature
   */
  opened(peer: PeerId, { document, payerSignature }: Pick<RevisionAsk, 'document' | 'payerSignature'>): Agreement {
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
    this.#requireNow(next)
    return next
  }

  /** @throws StorageError STORAGE_CLOCK_AHEAD with this node's time, which the payer goes by then */
  #requireNow({ atSecond }: Agreement): void {
    const nowSecond = Math.floor(this.#components.clock.now() / SECOND_MS)
    const aheadSeconds = atSecond - nowSecond
    if (aheadSeconds * SECOND_MS <= this.#options.clockSkewMs) return
    throw new StorageError('STORAGE_CLOCK_AHEAD', `the payer's clock is ${aheadSeconds} seconds ahead of this node's`, {
      details: { nowSecond, aheadSeconds },
    })
  }

  /** @throws StorageError STORAGE_AGREEMENT_DIFFERS: it goes back in time, or too far ahead */
  requireTime(before: Agreement, next: Agreement): void {
    if (next.atSecond < before.atSecond) throw differs('atSecond', next.revision)
    if (dueAt(before, next.atSecond) >= DUE_MAX) throw differs('dueByteSeconds', next.revision)
  }

  /** @throws StorageError STORAGE_RUNWAY: the channel does not pay for it long enough */
  async requireRunway(peer: PeerId, channel: Hash, next: Agreement): Promise<void> {
    const { runwaySecondsMin } = this.#options
    const ahead = BigInt(next.bytes) * BigInt(runwaySecondsMin) + next.dueByteSeconds
    const needMicroUsd = amountOf(next.priceMicroUsdPerTibHour, ahead)
    await this.#components.market.wake({ peer, channel })
    const haveMicroUsd = this.#components.market.leftMicroUsd({ peer, channel })
    if (haveMicroUsd >= needMicroUsd) return
    const message = `${runwaySecondsMin} seconds of ${next.bytes} bytes cost ${needMicroUsd} micro-dollars, the channel has ${haveMicroUsd} left`
    throw new StorageError('STORAGE_RUNWAY', message, { details: { needMicroUsd, haveMicroUsd } })
  }

  /** @throws StorageError STORAGE_PIECE_UNKNOWN, STORAGE_PIECE_DIFFERS */
  async requirePiece(id: Hash, { piece, root, lengthBytes }: SetPiece): Promise<void> {
    const name = logNameOf(id, piece)
    const found = this.#components.pending.isGoing(name) ? undefined : await this.#components.pieces.find(name)
    if (found === undefined || found.isDamaged)
      throw new StorageError('STORAGE_PIECE_UNKNOWN', `there is no piece ${piece} here`, { details: { piece } })
    if (found.lengthBytes !== lengthBytes || !equalBytes(found.root, root))
      throw new StorageError('STORAGE_PIECE_DIFFERS', `the piece ${piece} is not what the revision says`, {
        details: { piece },
      })
  }
}

/** Each slot once, and each piece in one slot: a payer that drops it from there is rid of it. */
export function requireDistinct(changes: readonly SetChange[], set: PieceSet): void {
  const slots = new Set(changes.map(({ slot }) => slot))
  if (slots.size < changes.length) throw new StorageError('STORAGE_UNSUPPORTED', 'a revision changes a slot twice')
  const pieces = changes.flatMap(({ piece }) => piece?.piece ?? [])
  const isTwice = pieces.some((piece) => {
    const held = set.slotOf(piece)
    return held !== undefined && !slots.has(held)
  })
  if (isTwice || new Set(pieces).size < pieces.length)
    throw new StorageError('STORAGE_UNSUPPORTED', 'a revision has a piece in two slots')
}

/** What is said of a revision that does not follow from what was agreed before. */
export function differs(field: string, revision: number): StorageError {
  const message = `revision ${revision} of an agreement has another ${field} than what was agreed before gives`
  return new StorageError('STORAGE_AGREEMENT_DIFFERS', message, { details: { field, revision } })
}
