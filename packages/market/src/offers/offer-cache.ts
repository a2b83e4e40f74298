import { type Address, type ChainIdentity, type Clock, isSteadError, type PeerId, type Random } from '@stead/core'
import { addressOfPeerId, type Offer, type Resource, type SignedDocument } from '@stead/protocol'
import type { OfferEntry } from './offer-entry.ts'
import type { OfferReader, OfferSigner } from './offer-reader.ts'
import { OfferShelf, type ShelvedOffer } from './offer-shelf.ts'
import { OFFER_LIFE_MAX_MS } from './telling-pace.ts'

/**
 * What becomes of an offer: `new`, `gone` and `full` (good, and no room for it) are worth passing on, `bad` is the fault
 * of whoever passed it on. `early` is not: it depends on two clocks, and honest ones between may see it otherwise.
 */
export type OfferVerdict = 'new' | 'gone' | 'full' | 'known' | 'foreign' | 'early' | 'unproven' | 'bad'

/** What the cache stands on. */
export interface OfferCacheComponents {
  readonly reader: OfferReader
  readonly clock: Clock
  readonly identity: ChainIdentity
  /** The own node, whose offers are not kept. */
  readonly self: PeerId
}

/** How far another node's clock may be ahead. */
const SKEW_MS = 2 * 60_000
/** Signatures are checked as offers come for so long after somebody asked for them; until then only what is handed on. */
const WANTED_MS = 10 * 60_000

/** An offer of which it is known whose it is: by its signature, or by the network that named its author. */
interface KeptOffer extends ShelvedOffer {
  /** Who signed last time, most often the same again; undefined while no signature of the node was checked. */
  signer: OfferSigner | undefined
  /** True when this very offer's signature was checked. */
  isProven: boolean
}

/**
 * Offers of others: the newest of each node, bounded per resource. An offer that its own node gossips is the node's by
 * the word of the network; its signature is what convinces others. Nodes that only pass offers on, which most do, check
 * it when somebody asks them: nothing leaves {@link list} or {@link sample} unchecked.
 */
export class OfferCache {
  readonly #components: OfferCacheComponents
  readonly #entriesMax: number
  readonly #shelves: Map<Resource, OfferShelf<KeptOffer>> = new Map()
  readonly #wantedUntilMs: Map<Resource, number> = new Map()
  /** What was listed last, good until something changes: who waits for offers lists them again and again. */
  readonly #listed: Map<Resource, { readonly version: number; readonly entries: readonly OfferEntry[] }> = new Map()

  constructor(components: OfferCacheComponents, entriesMax: number) {
    this.#components = components
    this.#entriesMax = entriesMax
  }

  /** True while somebody has asked for offers of a resource not long ago. */
  isWanted(resource: Resource): boolean {
    return (this.#wantedUntilMs.get(resource) ?? 0) > this.#components.clock.monotonicMs()
  }

  /** How many nodes offer a resource now, as far as is known. */
  count(resource: Resource): number {
    const shelf = this.#shelves.get(resource)
    shelf?.dropOver(this.#components.clock.now())
    return shelf?.size ?? 0
  }

  /** Offers that are good now, signatures checked; from now on they are checked as they come. */
  list(resource: Resource): readonly OfferEntry[] {
    this.#wantedUntilMs.set(resource, this.#components.clock.monotonicMs() + WANTED_MS)
    const shelf = this.#currentOf(resource)
    if (shelf === undefined) return []
    const before = this.#listed.get(resource)
    if (before?.version === shelf.version) return before.entries
    const entries = this.#proven(shelf, shelf.entries(), Number.POSITIVE_INFINITY)
    this.#listed.set(resource, { version: shelf.version, entries })
    return entries
  }

  /**
   * At most so many that are good now, signatures checked, drawn by lot: who asks a few peers hears of nearly as many
   * nodes as their answers hold, and nobody's offer is left out always.
   */
  sample(resource: Resource, limit: number, random: Random): readonly OfferEntry[] {
    const shelf = this.#currentOf(resource)
    if (shelf === undefined) return []
    const entries = Array.from(shelf.entries())
    for (let place = 0; place < Math.min(limit, entries.length - 1); place++) {
      const other = place + Math.floor(random.fraction() * (entries.length - place))
      const [left, right] = [entries[place], entries[other]]
      if (left === undefined || right === undefined) continue
      entries[place] = right
      entries[other] = left
    }
    return this.#proven(shelf, entries, limit)
  }

  /** Checks an offer and keeps it when it is newer than what is known. `author` is who must have made it, if known. */
  take(signed: SignedDocument, author: PeerId | undefined): OfferVerdict {
    const { reader, identity, clock, self } = this.#components
    const offer = reader.offerOf(signed)
    if (offer === undefined) return 'bad'
    if (offer.chainId !== identity.chainId || offer.escrow !== identity.escrow) return 'foreign'
    if (offer.expiresAt - offer.issuedAt > OFFER_LIFE_MAX_MS) return 'bad'
    const now = clock.now()
    if (offer.issuedAt > now + SKEW_MS) return 'early'
    const known = this.#shelves.get(offer.resource)?.get(offer.node)
    // Before anything is checked that costs, because much of what gossip brings was seen before.
    if (known !== undefined && known.offer.sequence >= offer.sequence) return 'known'
    const isOver = offer.expiresAt <= now
    if (isOver && known === undefined) return 'known'
    if (author !== undefined && author !== known?.peer && addressOf(author) !== offer.node) return 'bad'
    const entry = this.#entryOf(offer, { signed, author, known })
    if (entry === undefined) return author === undefined ? 'bad' : 'unproven'
    if (entry.peer === self) return 'known'
    if (isOver) {
      this.#shelves.get(offer.resource)?.delete(offer.node)
      return 'gone'
    }
    return this.#shelfOf(offer.resource).put(entry, now) ? 'new' : 'full'
  }

  #shelfOf(resource: Resource): OfferShelf<KeptOffer> {
    const known = this.#shelves.get(resource)
    if (known !== undefined) return known
    const shelf = new OfferShelf<KeptOffer>(this.#entriesMax)
    this.#shelves.set(resource, shelf)
    return shelf
  }

  /** Without what is over. */
  #currentOf(resource: Resource): OfferShelf<KeptOffer> | undefined {
    const shelf = this.#shelves.get(resource)
    shelf?.dropOver(this.#components.clock.now())
    return shelf
  }

  /** The first of the entries, without those whose signature turns out to be wrong: these are not kept any longer. */
  #proven(shelf: OfferShelf<KeptOffer>, entries: Iterable<KeptOffer>, limit: number): readonly OfferEntry[] {
    const proven: OfferEntry[] = []
    for (const entry of entries) {
      if (proven.length >= limit) break
      if (this.#prove(entry)) proven.push(entry)
      else shelf.delete(entry.offer.node)
    }
    return proven
  }

  /** True when the offer's node signed it. */
  #prove(entry: KeptOffer): boolean {
    if (entry.isProven) return true
    entry.signer = this.#components.reader.signerOf(entry.offer, entry.signed, entry.signer)
    entry.isProven = entry.signer?.peer === entry.peer
    return entry.isProven
  }

  /** The offer with whose it is; undefined when its signature was looked at and is not its node's. */
  #entryOf(
    offer: Offer,
    { signed, author, known }: { signed: SignedDocument; author: PeerId | undefined; known: KeptOffer | undefined },
  ): KeptOffer | undefined {
    if (author === undefined) {
      const signer = this.#components.reader.signerOf(offer, signed, known?.signer)
      if (signer === undefined) return undefined
      return { offer, signed, peer: signer.peer, isHearsay: known?.isHearsay ?? true, signer, isProven: true }
    }
    const entry: KeptOffer = { offer, signed, peer: author, isHearsay: false, signer: known?.signer, isProven: false }
    return !this.isWanted(offer.resource) || this.#prove(entry) ? entry : undefined
  }
}

function addressOf(peer: PeerId): Address | undefined {
  try {
    return addressOfPeerId(peer)
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
