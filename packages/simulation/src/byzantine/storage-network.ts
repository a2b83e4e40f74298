import { type Clock, CoreError, type Network, type Random, type RequestHandler, type Signer } from '@stead/core'
import { MARKET_PROTOCOL, marketRequestSchema } from '@stead/market'
import { concatBytes } from '@stead/protocol'
import {
  type Agreement,
  agreementSchema,
  PIECES_PROTOCOL,
  pieceReplySchema,
  pieceRequestSchema,
  STORAGE_PROTOCOL,
  StorageError,
  signAgreement,
  storageReplySchema,
  storageRequestSchema,
} from '@stead/storage'
import { decorated } from '@stead/testkit'
import { flipped } from './bit-flips.ts'
import type { StorageCheat } from './storage-cheats.ts'

/** What lying about storage needs. */
export interface StorageLiar {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
}

const NOTHING = new Uint8Array(0)
const LIE_SHARE = 0.6
/** So long somebody pays who is going to owe. */
const OWES_AFTER_MS = 60_000
/** Later than anybody waits before asking another node, sooner than a request ends. */
const LATE_MS_MAX = 20_000

type Handle = (payload: Uint8Array, answer: () => Promise<Uint8Array>) => Promise<Uint8Array>

/** The network of a cheat in storage: the node behind it is honest, what leaves it is not. */
export function storageLyingNetwork(liar: StorageLiar, cheat: StorageCheat): Network {
  const { network, clock, random } = liar
  const answers = new AnswerLies(liar, cheat)
  const asks = new AskLies(liar, cheat)
  const isLying = (): boolean =>
    // Who owes only now and then pays in the end, and who never paid gets nothing kept.
    cheat === 'owes-storage' ? clock.monotonicMs() > OWES_AFTER_MS : random.fraction() < LIE_SHARE
  return decorated(network, {
    handle: (protocol, limits, handler: RequestHandler) => {
      const lie: Handle | undefined =
        protocol === STORAGE_PROTOCOL ? answers.agreement : protocol === PIECES_PROTOCOL ? answers.piece : undefined
      if (lie === undefined) return network.handle(protocol, limits, handler)
      return network.handle(protocol, limits, async (request) => {
        const answer = (): Promise<Uint8Array> => Promise.resolve(handler(request))
        return isLying() ? await lie(request.payload, answer) : await answer()
      })
    },
    request: async (peer, protocol, payload, { tail = NOTHING, ...options }) => {
      const whole = concatBytes(payload, tail)
      const said = isLying() ? asks.bend(protocol, whole) : asks.note(protocol, whole)
      return await network.request(peer, protocol, said, options)
    },
  })
}

/** What a node that keeps pieces answers. */
class AnswerLies {
  readonly #liar: StorageLiar
  readonly #cheat: StorageCheat
  #lastReply: Uint8Array | undefined

  constructor(liar: StorageLiar, cheat: StorageCheat) {
    this.#liar = liar
    this.#cheat = cheat
  }

  readonly agreement: Handle = async (payload, answer) => {
    const { revise } = storageRequestSchema.decodeMessage(payload)
    const drops = revise?.changes.some(({ piece }) => piece === undefined) ?? false
    if (this.#cheat === 'keeps-deleted' && drops) throw new StorageError('STORAGE_BUSY', 'not now')
    if (this.#cheat === 'forgets-agreements') throw new StorageError('STORAGE_AGREEMENT_UNKNOWN', 'never heard of it')
    const bytes = await answer()
    if (this.#cheat === 'forges-proofs') return this.#forged(bytes)
    if (this.#cheat !== 'replays-revisions') return bytes
    const old = this.#lastReply
    this.#lastReply ??= bytes
    return old ?? bytes
  }

  readonly piece: Handle = async (payload, answer) => {
    const { random, clock } = this.#liar
    const { put } = pieceRequestSchema.decodeMessage(payload)
    if (put !== undefined) {
      if (this.#cheat === 'refuses-pieces') throw new StorageError('STORAGE_NO_ROOM', 'need more bytes than there are')
      return await answer()
    }
    if (this.#cheat === 'withholds-blocks') throw new StorageError('STORAGE_PIECE_UNKNOWN', 'there is no such piece')
    if (this.#cheat === 'late-blocks') await clock.sleep(random.fraction() * LATE_MS_MAX)
    const bytes = await answer()
    if (this.#cheat !== 'alters-blocks') return bytes
    const reply = pieceReplySchema.decodeMessage(bytes)
    return pieceReplySchema.encodeMessage({ ...reply, bytes: flipped(reply.bytes, random) })
  }

  #forged(bytes: Uint8Array): Uint8Array {
    const reply = storageReplySchema.decodeMessage(bytes)
    if (reply.proof === undefined) return bytes
    return storageReplySchema.encodeMessage({ ...reply, proof: flipped(reply.proof, this.#liar.random) })
  }
}

/** What a payer of storage says. */
class AskLies {
  readonly #liar: StorageLiar
  readonly #cheat: StorageCheat
  /** Some who owe have periods proven all the same, as far as their credit goes; others let the time pass. */
  readonly #settles: boolean
  #lastAsk: Uint8Array | undefined

  constructor(liar: StorageLiar, cheat: StorageCheat) {
    this.#liar = liar
    this.#cheat = cheat
    this.#settles = cheat !== 'owes-storage' || liar.random.fraction() < 0.5
  }

  note(protocol: string, payload: Uint8Array): Uint8Array {
    if (protocol === STORAGE_PROTOCOL) this.#lastAsk ??= payload
    return payload
  }

  /** @throws CoreError NETWORK_UNREACHABLE for what it does not send */
  bend(protocol: string, payload: Uint8Array): Uint8Array {
    if (protocol === MARKET_PROTOCOL && this.#cheat === 'owes-storage') {
      const { pay } = marketRequestSchema.decodeMessage(payload)
      if (pay !== undefined) throw new CoreError('NETWORK_UNREACHABLE', 'it does not send what it owes')
    }
    if (protocol === PIECES_PROTOCOL && this.#cheat === 'wrong-pieces') return this.#wrongPiece(payload)
    if (protocol !== STORAGE_PROTOCOL) return payload
    if (!this.#settles && storageRequestSchema.decodeMessage(payload).settle !== undefined)
      throw new CoreError('NETWORK_UNREACHABLE', 'it does not ask for what it would owe')
    if (this.#cheat === 'resends-revisions') return this.#lastAsk ?? payload
    if (this.#cheat === 'denies-time') return this.#signedAnew(payload, () => ({ dueByteSeconds: 0n }))
    if (this.#cheat !== 'signs-again') return this.note(protocol, payload)
    return this.#signedAnew(payload, ({ revision }) => ({ revision: Math.max(0, revision - 1) }))
  }

  #wrongPiece(payload: Uint8Array): Uint8Array {
    const { put, bytes } = pieceRequestSchema.decodeMessage(payload)
    if (put === undefined || bytes === undefined) return payload
    return pieceRequestSchema.encodeMessage({ put, bytes: flipped(bytes, this.#liar.random) })
  }

  /** Another revision than the one that follows, signed as it should be. */
  #signedAnew(payload: Uint8Array, change: (next: Agreement) => Partial<Agreement>): Uint8Array {
    const { revise } = storageRequestSchema.decodeMessage(payload)
    if (revise === undefined) return payload
    const right = agreementSchema.decodeDocument(revise.document)
    const next: Agreement = { ...right, ...change(right) }
    const document = agreementSchema.encodeDocument(next)
    const payerSignature = signAgreement(this.#liar.signer, next, document)
    return storageRequestSchema.encodeMessage({ revise: { ...revise, document, payerSignature } })
  }
}
