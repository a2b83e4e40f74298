import type { Address, UnixMs } from '@stead/core'
import type { OfferEntry } from './offer-entry.ts'

/** An offer on a shelf. */
export interface ShelvedOffer extends OfferEntry {
  /** True while others alone told of it, and its node was not heard itself. */
  readonly isHearsay: boolean
}

/**
 * Room for so many offers of one resource, one of each node. Whoever was heard itself keeps its place as long as it
 * renews its offer: who makes up nodes without end fills the room that is left, and pushes nobody out. When there is no
 * room, a node that is heard itself takes the place of hearsay, so that a peer which tells of thousands holds nothing by
 * it; or that of the node which came last of the operator with the most, if its own operator has fewer even with it. The
 * last and not the oldest, because anybody can name an operator in an offer: false nodes of it come after true ones.
 */
export class OfferShelf<Entry extends ShelvedOffer> {
  readonly #entriesMax: number
  /** Hearsay in the order of its last renewal, the others in that in which they came. */
  readonly #entries: Map<Address, Entry> = new Map()
  /** The nodes of each operator, in the order in which they came. */
  readonly #nodesOf: Map<Address, Set<Address>> = new Map()
  /** Nothing is over before. */
  #nextOverAt = 0
  #version = 0

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax
  }

  /** Another number after each change. */
  get version(): number {
    return this.#version
  }

  get size(): number {
    return this.#entries.size
  }

  /** Of hearsay the one that was renewed longest ago first. */
  entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  get(node: Address): Entry | undefined {
    return this.#entries.get(node)
  }

  delete(node: Address): void {
    const operator = this.#entries.get(node)?.offer.operator
    if (operator === undefined) return
    this.#version++
    this.#entries.delete(node)
    const nodes = this.#nodesOf.get(operator)
    nodes?.delete(node)
    if (nodes?.size === 0) this.#nodesOf.delete(operator)
  }

  /** Drops what is over. */
  dropOver(now: UnixMs): void {
    if (now < this.#nextOverAt) return
    this.#nextOverAt = Number.POSITIVE_INFINITY
    for (const [node, { offer }] of this.#entries) {
      if (offer.expiresAt <= now) this.delete(node)
      else this.#nextOverAt = Math.min(this.#nextOverAt, offer.expiresAt)
    }
  }

  /** Keeps an offer in place of the one of its node; false when there is no room for it. */
  put(entry: Entry, now: UnixMs): boolean {
    const { node, operator, expiresAt } = entry.offer
    this.#version++
    this.#nextOverAt = Math.min(this.#nextOverAt, expiresAt)
    const before = this.#entries.get(node)
    if (before?.offer.operator === operator) {
      // Of hearsay the one that was renewed longest ago gives way; whoever was heard itself keeps its place.
      if (before.isHearsay || entry.isHearsay) this.#entries.delete(node)
      this.#entries.set(node, entry)
      return true
    }
    if (before !== undefined) this.delete(node)
    if (!this.#hasRoom()) this.dropOver(now)
    if (!this.#hasRoom()) {
      const victim = entry.isHearsay ? undefined : (this.#oldestHearsay() ?? this.#lastOfLargest(operator))
      if (victim === undefined) return false
      this.delete(victim)
    }
    this.#entries.set(node, entry)
    const nodes = this.#nodesOf.get(operator)
    if (nodes === undefined) this.#nodesOf.set(operator, new Set([node]))
    else nodes.add(node)
    return true
  }

  #hasRoom(): boolean {
    return this.#entries.size < this.#entriesMax
  }

  #oldestHearsay(): Address | undefined {
    for (const [node, { isHearsay }] of this.#entries) if (isHearsay) return node
    return undefined
  }

  /** The node that gives way to one more of an operator; undefined when nobody has more than that operator then. */
  #lastOfLargest(operator: Address): Address | undefined {
    let largest: ReadonlySet<Address> = new Set()
    for (const nodes of this.#nodesOf.values()) if (nodes.size > largest.size) largest = nodes
    const isFairer = largest.size > (this.#nodesOf.get(operator)?.size ?? 0) + 1
    return isFairer ? Array.from(largest).at(-1) : undefined
  }
}
