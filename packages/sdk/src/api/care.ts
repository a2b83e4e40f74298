import type { Address, MicroUsd, UnixMs } from '@stead/core'
import { z } from 'zod'
import { addressWire, countWire, microUsdWire, optionalWire, unixMsWire, type Wire } from './scalars.ts'

/** Body of `POST /v1/storage/caretaker`. */
export interface CaretakerRequest {
  /** @default who takes the smallest share */
  readonly node?: Address
  /** Paid ahead, and all that can be spent. @default 45 days of `perDayMicroUsd` */
  readonly budgetMicroUsd?: MicroUsd
  /** @default twice what storing costs a day now, a tenth of a cent at least */
  readonly perDayMicroUsd?: MicroUsd
}

/** Wire form of {@link CaretakerRequest}. */
export const caretakerRequestWire: Wire<CaretakerRequest> = z.strictObject({
  node: optionalWire(addressWire),
  budgetMicroUsd: optionalWire(microUsdWire),
  perDayMicroUsd: optionalWire(microUsdWire),
})

/** A node that sells care. */
export interface CareOfferView {
  readonly node: Address
  readonly operator: Address
  /** Billed on top of what it pays to nodes, in millionths of that. */
  readonly sharePpm: number
  /** Most segments of one payer. */
  readonly segmentsMax: number
  /** A payer of which it heard nothing for so long is away, in seconds. */
  readonly absentSeconds: number
  readonly expiresAt: UnixMs
}

/** Nodes that sell care now, who takes the smallest share first. */
export interface CareOfferList {
  readonly offers: readonly CareOfferView[]
}

/** Wire form of {@link CareOfferList}. */
export const careOfferListWire: Wire<CareOfferList> = z.object({
  offers: z.array(
    z.object({
      node: addressWire,
      operator: addressWire,
      sharePpm: countWire,
      segmentsMax: countWire,
      absentSeconds: countWire,
      expiresAt: unixMsWire,
    }),
  ),
})

/** Who looks after what this node keeps while this node is away. */
export interface CaretakerView {
  readonly node: Address
  /** Billed on top of what it pays to nodes, in millionths of that. */
  readonly sharePpm: number
  readonly budgetMicroUsd: MicroUsd
  readonly perDayMicroUsd: MicroUsd
  readonly appointedAt: UnixMs
  /** When it was last told what is kept. */
  readonly heardAt: UnixMs
  /** Billed with evidence that was found right. */
  readonly acceptedMicroUsd: MicroUsd
  readonly refusedMicroUsd: MicroUsd
  /** Why a bill was last refused. */
  readonly refusal?: string
  /** What it says itself; missing until it was asked by this daemon. */
  readonly said?: {
    readonly segments: number
    /** In agreements of its own. */
    readonly pieces: number
    readonly bytes: number
    /** Since it was appointed. */
    readonly madePieces: number
    readonly unrepairedSegments: number
    readonly spentMicroUsd: MicroUsd
  }
}

/** Wire form of {@link CaretakerView}. */
export const caretakerViewWire: Wire<CaretakerView> = z.object({
  node: addressWire,
  sharePpm: countWire,
  budgetMicroUsd: microUsdWire,
  perDayMicroUsd: microUsdWire,
  appointedAt: unixMsWire,
  heardAt: unixMsWire,
  acceptedMicroUsd: microUsdWire,
  refusedMicroUsd: microUsdWire,
  refusal: optionalWire(z.string()),
  said: optionalWire(
    z.object({
      segments: countWire,
      pieces: countWire,
      bytes: countWire,
      madePieces: countWire,
      unrepairedSegments: countWire,
      spentMicroUsd: microUsdWire,
    }),
  ),
})

/** A payer that a caretaker looks after. */
export interface WardView {
  readonly payer: Address
  readonly segments: number
  readonly pieces: number
  readonly bytes: number
  readonly budgetMicroUsd: MicroUsd
  readonly spentMicroUsd: MicroUsd
  /** Since when the payer was not heard of. */
  readonly silentMs: number
}

/** Wire form of {@link WardView}. */
export const wardViewWire: Wire<WardView> = z.object({
  payer: addressWire,
  segments: countWire,
  pieces: countWire,
  bytes: countWire,
  budgetMicroUsd: microUsdWire,
  spentMicroUsd: microUsdWire,
  silentMs: countWire,
})
