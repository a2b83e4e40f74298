import type { Address, MicroUsd, PeerId } from '@stead/core'
import type { Resource } from '@stead/protocol'
import type { Refusal } from './refusal.ts'

/** Who asks for a quote and for what. */
export interface SellerRequest {
  /** The payer's voucher key; the same key as its peer id. */
  readonly payer: Address
  readonly peer: PeerId
  /** What is needed: a DAG-CBOR document of the resource's own schema, from a stranger, at most 4 KiB. */
  readonly need: Uint8Array
}

/** Terms that a resource locks for one payer. */
export interface SellerQuote {
  /** DAG-CBOR of the resource's own schema, at most 4 KiB. */
  readonly terms: Uint8Array
  /** Units of work that it takes from this payer at once, 1 .. 65535. */
  readonly concurrency: number
  /** What was asked about is there already. It may be otherwise in the next quote, which terms may not: see Quote.isWarm. */
  readonly isWarm?: boolean
  /** The least that one unit can cost; a stranger's prepayment is never above it. */
  readonly leastUnitMicroUsd: MicroUsd
}

/** What one resource sells through the market; each resource of a node registers one. */
export interface ResourceSeller {
  readonly resource: Resource
  /** DAG-CBOR terms for the offer now. */
  terms(): Uint8Array
  /** Locks terms for this request, or refuses with a reason and numbers. Throwing a SteadError is answered as such. */
  quote(request: SellerRequest): SellerQuote | Refusal
}
