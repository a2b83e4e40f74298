import type { Address, Hash, Network, PeerId, RequestHandler } from '@stead/core'
import { MARKET_PROTOCOL, marketRequestSchema } from '@stead/market'
import { addressOfPeerId, type BillEntry, bytesToHex, incrementSchema } from '@stead/protocol'
import {
  agreementIdOf,
  agreementSchema,
  CARE_PROTOCOL,
  careBillIdOf,
  careReplySchema,
  careRequestSchema,
  decodePossession,
  type HandAsk,
  isCareNumber,
  remoteCodeOf,
  STORAGE_PROTOCOL,
  storageReplySchema,
  storageRequestSchema,
  verifyPossession,
} from '@stead/storage'
import { decorated } from '@stead/testkit'
import { type BilledPeriod, billFault, readBill, sumFault, unshownFault } from './billed-period.ts'
import type { CareSeason } from './care-season.ts'
import { readable, type StorageWitness, type WitnessedFault } from './storage-witness.ts'
import { WitnessedWard } from './witnessed-ward.ts'

/** Rules about what caretakers do and are paid for. */
export type CareRule = 'care-billed-once' | 'care-kept-until-told' | 'care-with-evidence' | 'care-within-budget'

/** What a witness of care stands on. */
export interface CareWitnessComponents {
  /** Of the world, in milliseconds since 1970. */
  readonly nowMs: () => number
  readonly season: () => CareSeason | undefined
  readonly storage: StorageWitness
}

/** A node showed its payer's payer what it keeps so long ago at most when a bill of its is accepted. */
const SHOWN_MS_MAX = 600_000
/** Of what was billed while a caretaker was alone, so much must be shown, in hundredths. */
const SHOWN_PERCENT = 90
const PERCENT = 100
const DAY_MS = 86_400_000

interface Shown {
  readonly agreement: Hash | undefined
  readonly bytes: number
  readonly atMs: number
}

/** Listens at the doors of honest payers, caretakers and nodes: what is handed over, billed and accepted, by the messages alone. */
export class CareWitness {
  readonly #components: CareWitnessComponents
  readonly #looked: Map<CareRule, WitnessedFault[]> = new Map()
  readonly #wards: Map<Address, WitnessedWard> = new Map()
  /** Channels that pay for care, with the payer. */
  readonly #channels: Map<Hash, Address> = new Map()
  /** Bills that honest payers got, by their names. */
  readonly #bills: Map<string, readonly BilledPeriod[]> = new Map()
  /** What nodes showed to honest payers of agreements with caretakers, by payer and node. */
  readonly #shown: Map<string, Shown> = new Map()
  /** What was wrong with what nodes had shown when a bill was taken, by its delivery. */
  readonly #settled: Map<string, string | undefined> = new Map()
  /** Deliveries on channels of care that were signed for. */
  readonly #accepted: Set<string> = new Set()
  /** Revisions that a bill was accepted for, with its delivery. */
  readonly #billed: Map<string, string> = new Map()
  /** Bytes of each agreement that a bill was accepted for, at the end of its last period. */
  readonly #billedBytes: Map<Hash, number> = new Map()
  readonly #refused: { readonly bill: readonly BilledPeriod[]; readonly who: Omit<WitnessedFault, 'what'> }[] = []
  readonly #acceptedMicroUsd: Map<Hash, bigint> = new Map()

  constructor(components: CareWitnessComponents) {
    this.#components = components
  }

  /** Rules that something was looked at for, each with what was against it. */
  get looked(): ReadonlyMap<CareRule, readonly WitnessedFault[]> {
    return this.#looked
  }

  /** Bills that honest payers accepted. */
  get acceptedBills(): number {
    return this.#accepted.size
  }

  isOfCare(channel: Hash): boolean {
    return this.#channels.has(channel)
  }

  /** Bills that were refused although nothing was wrong with them, and are about nothing that their payer has deleted since. */
  get wronglyRefused(): readonly WitnessedFault[] {
    return this.#refused.flatMap(({ bill, who }) => {
      const ward = this.#wards.get(who.payer)
      const isAllKept = bill.every(({ pieces }) => pieces.every((piece) => ward?.has(piece) === true))
      return isAllKept ? [{ ...who, what: `the revisions ${bill.map(({ item }) => item).join(', ')} are refused` }] : []
    })
  }

  /** What a payer handed over; undefined before it did. */
  wardOf(payer: Address): WitnessedWard | undefined {
    return this.#wards.get(payer)
  }

  /** The network of an honest node, listened to. What passes is untouched. */
  watch(network: Network): Network {
    return decorated(network, {
      handle: (protocol, limits, handler: RequestHandler) =>
        network.handle(protocol, limits, async (request) => {
          const { peer, payload } = request
          if (protocol === CARE_PROTOCOL) this.#noteHanded(peer, payload)
          const dropped = protocol === STORAGE_PROTOCOL ? this.#droppedBy(payload) : []
          const answer = await handler(request)
          for (const each of dropped) this.#noteDropped(each)
          return answer
        }),
      request: async (peer, protocol, payload, options) => {
        const payer = addressOfPeerId(network.self)
        if (protocol === CARE_PROTOCOL) {
          this.#noteChannel(payer, payload)
          this.#noteRefused(payload, { payer, node: addressOfPeerId(peer) })
        }
        if (protocol === MARKET_PROTOCOL) this.#noteMarket(payload, { payer, node: addressOfPeerId(peer) })
        const isAsked = protocol === STORAGE_PROTOCOL && this.#noteAsked(payer, peer, payload)
        const answer = await network.request(peer, protocol, payload, options).catch((error: unknown) => {
          if (isAsked && isGone(error)) this.#keepShown(payer, peer, { agreement: undefined, bytes: 0 })
          throw error
        })
        if (protocol === CARE_PROTOCOL) this.#noteBill(payload, answer)
        if (protocol === STORAGE_PROTOCOL) this.#noteShown(payer, peer, { payload, answer })
        return answer
      },
    })
  }

  /** At the door of a caretaker. */
  #noteHanded(peer: PeerId, payload: Uint8Array): void {
    const hand = readable(() => careRequestSchema.decodeMessage(payload))?.hand
    if (hand === undefined) return
    const payer = addressOfPeerId(peer)
    const ward = this.#wards.get(payer) ?? new WitnessedWard(payer)
    this.#wards.set(payer, ward)
    ward.hear(hand, this.#components.nowMs())
  }

  #noteChannel(payer: Address, payload: Uint8Array): void {
    const { hand, settle } = careRequestSchema.decodeMessage(payload)
    const channel: HandAsk['channel'] | undefined = hand?.channel ?? settle?.channel
    if (channel !== undefined) this.#channels.set(channel, payer)
    if (settle === undefined) return
    const bill = this.#bills.get(String(settle.bill)) ?? []
    // Now: when it is paid for, the caretaker may have given up what its payer has again.
    this.#settled.set(deliveryName(settle), this.#unshown(payer, bill, this.#alone(payer, bill)))
  }

  #noteBill(payload: Uint8Array, answer: Uint8Array): void {
    if (careRequestSchema.decodeMessage(payload).bill === undefined) return
    const periods = readable(() => careReplySchema.decodeMessage(answer))?.periods ?? []
    const bill = readable(() => readBill(periods))
    if (periods.length > 0 && bill !== undefined) this.#bills.set(String(careBillIdOf(periods)), bill)
  }

  /** A bill of an honest caretaker's that nothing is wrong with, by its documents and by what its node showed. */
  #noteRefused(payload: Uint8Array, who: { readonly payer: Address; readonly node: Address }): void {
    const name = careRequestSchema.decodeMessage(payload).bill?.refused
    const bill = name === undefined ? undefined : this.#bills.get(String(name))
    const cared = this.#components.season()?.of(who.payer)
    if (
      bill === undefined ||
      cared?.caretaker.isHonest !== true ||
      cared.plan.perDayMicroUsd < cared.plan.budgetMicroUsd
    )
      return
    const isNew = bill.every(({ item }) => !this.#billed.has(item))
    // What was moved by a repair is in nobody's hands there any more, and may be refused.
    const isShown = this.#unshown(who.payer, bill, bill) === undefined
    const fault = billFault(bill, who) ?? unshownFault(bill, this.#billedBytes)
    if (!isNew || fault !== undefined || !isShown) return
    this.#refused.push({ bill, who })
  }

  /** What a node showed before is of no use once it is asked again. @returns whether it is asked what it keeps for another payer */
  #noteAsked(payer: Address, peer: PeerId, payload: Uint8Array): boolean {
    const { audit } = storageRequestSchema.decodeMessage(payload)
    if (audit === undefined || this.#components.storage.agreementOf(audit.agreement)?.payer === payer) return false
    this.#shown.delete(`${payer} ${addressOfPeerId(peer)}`)
    return true
  }

  #keepShown(payer: Address, peer: PeerId, shown: Omit<Shown, 'atMs'>): void {
    this.#shown.set(`${payer} ${addressOfPeerId(peer)}`, { ...shown, atMs: this.#components.nowMs() })
  }

  #noteShown(payer: Address, peer: PeerId, on: { readonly payload: Uint8Array; readonly answer: Uint8Array }): void {
    const { audit } = storageRequestSchema.decodeMessage(on.payload)
    if (audit === undefined) return
    const reply = readable(() => storageReplySchema.decodeMessage(on.answer))
    const agreement = readable(() => agreementSchema.decodeDocument(reply?.agreement.document ?? new Uint8Array(0)))
    const { proof } = reply ?? {}
    if (agreement === undefined || proof === undefined || !isCareNumber(agreement.number, payer)) return
    if (readable(() => verifyPossession(agreement, audit.seed, decodePossession(proof))) !== true) return
    this.#keepShown(payer, peer, { agreement: agreementIdOf(agreement), bytes: agreement.bytes })
  }

  #noteMarket(payload: Uint8Array, who: { readonly payer: Address; readonly node: Address }): void {
    const { pay } = marketRequestSchema.decodeMessage(payload)
    if (pay === undefined) return
    const { channel, entries } = incrementSchema.decodeDocument(pay.increment)
    if (!this.#channels.has(channel)) return
    for (const entry of entries) this.#noteAccepted(channel, entry, who)
  }

  #noteAccepted(channel: Hash, entry: BillEntry, who: { readonly payer: Address; readonly node: Address }): void {
    const delivery = deliveryName({ channel, delivery: entry.delivery })
    if (this.#accepted.has(delivery)) return
    this.#accepted.add(delivery)
    const cared = this.#components.season()?.of(who.payer)
    const bill = this.#bills.get(String(entry.evidence))
    if (bill === undefined || cared === undefined) {
      this.#look('care-with-evidence', who, `${entry.amountMicroUsd} micro-dollars are accepted for no bill`)
      return
    }
    const sharePpm = cared.caretaker.plan.care?.sharePpm ?? 0
    const fault = billFault(bill, who) ?? sumFault(bill, entry, sharePpm) ?? this.#settled.get(delivery)
    this.#look('care-with-evidence', who, fault ?? true)
    for (const { item, after } of bill) {
      this.#billedBytes.set(agreementIdOf(after), after.bytes)
      const known = this.#billed.get(item) ?? delivery
      this.#billed.set(item, known)
      const twice = `the revision ${item} is accepted as ${known} and as ${delivery}`
      this.#look('care-billed-once', who, known === delivery || twice)
    }
    const accepted = (this.#acceptedMicroUsd.get(channel) ?? 0n) + entry.amountMicroUsd
    this.#acceptedMicroUsd.set(channel, accepted)
    const { budgetMicroUsd, perDayMicroUsd } = cared.plan
    const nowMs = this.#components.nowMs()
    const days = Math.floor((nowMs - (this.#wards.get(who.payer)?.beganMs ?? nowMs)) / DAY_MS)
    const daily = perDayMicroUsd * BigInt(1 + days)
    const limit = budgetMicroUsd < daily ? budgetMicroUsd : daily
    const above = `${accepted} micro-dollars are accepted of a caretaker that may spend ${limit}`
    this.#look('care-within-budget', who, accepted <= limit || above)
  }

  /** What is wrong with what a node of a bill showed to its payer. @param mustBeThere periods whose bytes must be there still */
  #unshown(payer: Address, bill: readonly BilledPeriod[], mustBeThere: readonly BilledPeriod[]): string | undefined {
    const [first] = bill
    if (first === undefined) return 'a bill is about nothing'
    const shown = this.#shown.get(`${payer} ${first.after.node}`)
    if (shown === undefined || this.#components.nowMs() - shown.atMs > SHOWN_MS_MAX)
      return `${first.after.node} showed nothing`
    if (mustBeThere.some(({ after }) => agreementIdOf(after) !== shown.agreement)) return 'another agreement is shown'
    const most = Math.max(0, ...mustBeThere.map(({ after }) => after.bytes))
    const isEnough = shown.bytes * PERCENT >= most * SHOWN_PERCENT
    return isEnough ? undefined : `${shown.bytes} bytes are shown, ${most} were billed while nobody could give them up`
  }

  /** Periods that ended while the payer was surely away. */
  #alone(payer: Address, bill: readonly BilledPeriod[]): readonly BilledPeriod[] {
    const ward = this.#wards.get(payer)
    return bill.filter(({ endMs }) => ward?.wasAlone(endMs) === true)
  }

  /** Pieces that a revision of a caretaker's takes out. */
  #droppedBy(payload: Uint8Array): readonly Dropped[] {
    const { revise } = readable(() => storageRequestSchema.decodeMessage(payload)) ?? {}
    if (revise === undefined || this.#wards.size === 0) return []
    const agreement = readable(() => agreementSchema.decodeDocument(revise.document))
    if (agreement === undefined) return []
    const ward = [...this.#wards.values()].find(({ payer }) => isCareNumber(agreement.number, payer))
    const known = this.#components.storage.agreementOf(agreementIdOf(agreement))
    if (ward === undefined || known === undefined || this.#isCheat(ward)) return []
    return revise.changes.flatMap(({ slot, piece }) => {
      const dropped = known.pieces.get(slot)?.piece
      const isLost = dropped === undefined || piece !== undefined || known.saidLost.has(dropped)
      return isLost
        ? []
        : [{ ward, piece: dropped, agreement: known.id, caretaker: agreement.payer, node: agreement.node }]
    })
  }

  #isCheat({ payer }: WitnessedWard): boolean {
    return this.#components.season()?.of(payer)?.caretaker.isHonest !== true
  }

  #noteDropped({ ward, piece, agreement, caretaker, node }: Dropped): void {
    if (ward.isTold) {
      this.#look('care-kept-until-told', { payer: caretaker, node }, true)
      return
    }
    const { agreements } = this.#components.storage
    const isElsewhere = agreements.some((other) => {
      return (
        other.payer === caretaker &&
        other.id !== agreement &&
        [...other.pieces.values()].some((kept) => kept.piece === piece)
      )
    })
    const isNeeded = ward.has(piece) && !isElsewhere
    const what = `the piece ${piece} of ${ward.payer} is given up before that payer has said that it told all`
    this.#look('care-kept-until-told', { payer: caretaker, node }, !isNeeded || what)
  }

  /** @param found true, or what is against the rule */
  #look(rule: CareRule, { payer, node }: Omit<WitnessedFault, 'what'>, found: true | string): void {
    const faults = this.#looked.get(rule) ?? []
    this.#looked.set(rule, faults)
    if (found !== true) faults.push({ what: found, payer, node })
  }
}

function deliveryName({ channel, delivery }: { readonly channel: Hash; readonly delivery: Uint8Array }): string {
  return `${channel} ${bytesToHex(delivery)}`
}

/** Whether a node answered that it has no such agreement, or not any more. */
function isGone(error: unknown): boolean {
  const code = remoteCodeOf(error)
  return code === 'STORAGE_AGREEMENT_UNKNOWN' || code === 'STORAGE_AGREEMENT_ENDED'
}

interface Dropped {
  readonly ward: WitnessedWard
  readonly piece: Hash
  readonly agreement: Hash
  readonly caretaker: Address
  readonly node: Address
}
