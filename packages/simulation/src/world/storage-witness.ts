import type { Address, Hash, Network, PeerId } from '@stead/core'
import { isSteadError, type RequestHandler } from '@stead/core'
import { MARKET_PROTOCOL, marketRequestSchema } from '@stead/market'
import { addressOfPeerId, type BillEntry, bytesToHex, contentIdOf, incrementSchema } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  decodePossession,
  PIECES_PROTOCOL,
  pieceRequestSchema,
  possessionIdOf,
  STORAGE_PROTOCOL,
  storageReplySchema,
  storageRequestSchema,
  verifyPossession,
} from '@stead/storage'
import { decorated } from '@stead/testkit'
import { WitnessedAgreement } from './witnessed-agreement.ts'

/** Rules about what is signed and paid in storage. */
export type DocumentRule =
  | 'one-revision'
  | 'period-paid-once'
  | 'proof-before-payment'
  | 'time-as-kept'
  | 'price-as-agreed'

/** What a witness of storage found wrong, in words, and between whom. */
export interface WitnessedFault {
  readonly what: string
  readonly payer: Address
  readonly node: Address
}

interface PaidPeriod {
  readonly channel: Hash
  readonly delivery: string
  readonly quantity: bigint
}

/** Byte-seconds of a tebibyte-hour. */
const TEBIBYTE_HOUR = 2n ** 40n * 3600n

/**
 * Listens at the doors of honest nodes: what is agreed, proven, billed and paid, by the documents alone. It survives the
 * crashes of those whom it watches.
 */
export class StorageWitness {
  readonly #looked: Map<DocumentRule, WitnessedFault[]> = new Map()
  readonly #nowMs: () => number
  readonly #isOfCare: (channel: Hash) => boolean
  readonly #agreements: Map<Hash, WitnessedAgreement> = new Map()
  /** Signed revisions by the name of their document. */
  readonly #revisions: Map<string, { readonly agreement: Agreement; readonly owner: WitnessedAgreement }> = new Map()
  /** By the document of the revision: what was paid for it, once. */
  readonly #paid: Map<string, PaidPeriod> = new Map()
  readonly #rejected: Map<string, Set<string>> = new Map()
  /** Documents of periods that honest payers asked to have proven. */
  readonly #asked: Set<string> = new Set()
  /** Proofs that came to honest payers and show what was asked for, with the documents that they are about. */
  readonly #proofs: Map<string, string> = new Map()

  /** @param on `isOfCare` says which channels pay caretakers: they are paid for what these paid, and others look at that */
  constructor(on: { readonly nowMs: () => number; readonly isOfCare: (channel: Hash) => boolean }) {
    this.#nowMs = on.nowMs
    this.#isOfCare = on.isOfCare
  }

  /** Rules that a document was looked at for, each with what was against it. */
  get looked(): ReadonlyMap<DocumentRule, readonly WitnessedFault[]> {
    return this.#looked
  }

  /** Deliveries that honest payers said that they never got, by payer and node. */
  rejections({ payer, node }: { readonly payer: Address; readonly node: Address }): number {
    return this.#rejected.get(`${payer} ${node}`)?.size ?? 0
  }

  get agreements(): readonly WitnessedAgreement[] {
    return [...this.#agreements.values()]
  }

  agreementOf(id: Hash): WitnessedAgreement | undefined {
    return this.#agreements.get(id)
  }

  /** Periods that honest payers signed for. */
  get paidPeriods(): number {
    return this.#paid.size
  }

  /** Byte-seconds of an agreement that its payer signed for. */
  paidByteSeconds({ revisions }: WitnessedAgreement): bigint {
    let sum = 0n
    for (const { item } of revisions.values()) sum += this.#paid.get(item)?.quantity ?? 0n
    return sum
  }

  /** The network of an honest node, listened to. What passes is untouched. */
  watch(network: Network): Network {
    return decorated(network, {
      handle: (protocol, limits, handler: RequestHandler) =>
        network.handle(protocol, limits, async (request) => {
          if (protocol === PIECES_PROTOCOL) this.#noteSent(request.payload)
          const answer = await handler(request)
          if (protocol === STORAGE_PROTOCOL) this.#noteSigned(request.payload, answer)
          return answer
        }),
      request: async (peer, protocol, payload, options) => {
        if (protocol === STORAGE_PROTOCOL) this.#noteAsked(payload)
        if (protocol === MARKET_PROTOCOL) this.#noteMarket(payload, network.self, peer)
        const answer = await network.request(peer, protocol, payload, options)
        if (protocol === STORAGE_PROTOCOL) this.#noteProof(payload, answer)
        return answer
      },
    })
  }

  #noteSent(payload: Uint8Array): void {
    const put = readable(() => pieceRequestSchema.decodeMessage(payload))?.put
    if (put !== undefined) this.#agreements.get(put.agreement)?.send(put.piece)
  }

  #noteSigned(payload: Uint8Array, answer: Uint8Array): void {
    const { revise, settle } = storageRequestSchema.decodeMessage(payload)
    const asked = revise ?? settle
    if (asked === undefined) return
    const { agreement: signed, damaged } = storageReplySchema.decodeMessage(answer)
    const { document } = signed
    const agreement = agreementSchema.decodeDocument(document)
    const id = agreementIdOf(agreement)
    const nowMs = this.#nowMs()
    const known = this.#agreements.get(id) ?? new WitnessedAgreement(id, agreement, nowMs)
    this.#agreements.set(id, known)
    const item = itemIdOf(document)
    this.#revisions.set(item, { agreement, owner: known })
    known.sign(agreement, item, { changes: revise?.changes ?? [], nowMs })
    for (const piece of damaged) known.saidLost.add(piece)
    const { equivocation } = known
    this.#look(
      'one-revision',
      agreement,
      equivocation === undefined || `two revisions ${equivocation} of ${id} are signed`,
    )
  }

  #noteAsked(payload: Uint8Array): void {
    const { settle } = storageRequestSchema.decodeMessage(payload)
    if (settle !== undefined) this.#asked.add(itemIdOf(settle.document))
  }

  #noteProof(payload: Uint8Array, answer: Uint8Array): void {
    const { settle } = storageRequestSchema.decodeMessage(payload)
    if (settle === undefined) return
    const proof = readable(() => storageReplySchema.decodeMessage(answer))?.proof
    if (proof === undefined) return
    const agreement = agreementSchema.decodeDocument(settle.document)
    const isProven = readable(() => verifyPossession(agreement, settle.seed, decodePossession(proof)))
    if (isProven === true) this.#proofs.set(String(possessionIdOf(proof)), itemIdOf(settle.document))
  }

  #noteMarket(payload: Uint8Array, self: PeerId, peer: PeerId): void {
    const { pay, reject } = marketRequestSchema.decodeMessage(payload)
    const pair = `${addressOfPeerId(self)} ${addressOfPeerId(peer)}`
    for (const { delivery } of pay?.rejections ?? reject?.rejections ?? []) {
      const rejected = this.#rejected.get(pair) ?? new Set()
      this.#rejected.set(pair, rejected.add(bytesToHex(delivery)))
    }
    if (pay === undefined) return
    const { channel, entries } = incrementSchema.decodeDocument(pay.increment)
    if (this.#isOfCare(channel)) return
    for (const entry of entries)
      this.#notePaid(channel, entry, { payer: addressOfPeerId(self), node: addressOfPeerId(peer) })
  }

  #notePaid(channel: Hash, entry: BillEntry, who: { readonly payer: Address; readonly node: Address }): void {
    const item = String(entry.item)
    const delivery = bytesToHex(entry.delivery)
    const known = this.#paid.get(item)
    if (known !== undefined) {
      const isSame = known.channel === channel && known.delivery === delivery
      const twice = `the revision ${item} is paid as ${known.delivery} and as ${delivery}`
      this.#look('period-paid-once', who, isSame || twice)
      return
    }
    const found = this.#revisions.get(item)
    const isProven = this.#proofs.get(String(entry.evidence)) === item
    // A task's bill names a task.
    if (found === undefined && !this.#asked.has(item)) return
    this.#look('period-paid-once', who, true)
    this.#paid.set(item, { channel, delivery, quantity: entry.quantity })
    this.#look('proof-before-payment', who, isProven || `nobody proved the revision ${item} that is paid`)
    if (found === undefined) return
    const { agreement, owner } = found
    const billed = owner.billedBy(agreement)
    if (billed !== undefined) {
      const other = `${entry.quantity} byte-seconds are paid, ${billed} were kept and are billed`
      this.#look('time-as-kept', who, billed === entry.quantity || other)
    }
    const price = agreement.priceMicroUsdPerTibHour
    const costs = (entry.quantity * price + TEBIBYTE_HOUR - 1n) / TEBIBYTE_HOUR
    const dear = `${entry.amountMicroUsd} micro-dollars are paid for what costs ${costs}`
    this.#look('price-as-agreed', who, costs === entry.amountMicroUsd || dear)
  }

  /** @param found true, or what is against the rule */
  #look(rule: DocumentRule, { payer, node }: Omit<WitnessedFault, 'what'>, found: true | string): void {
    const faults = this.#looked.get(rule) ?? []
    this.#looked.set(rule, faults)
    if (found !== true) faults.push({ what: found, payer, node })
  }
}

function itemIdOf(document: Uint8Array): string {
  return String(contentIdOf('dag-cbor', document))
}

/** What cheats send may be anything. */
export function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
