import { type MicroUsd, microUsd, TOKEN_UNITS } from '@stead/core'
import { z } from 'zod'
import { PART_BYTES_MAX } from './messages.ts'
import { BLOCK_BYTES } from './proof/proof-tree.ts'
import { FRAME_PLAIN_BYTES, SEGMENT_PLAIN_BYTES } from './segment/segment-layout.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** Parsed options of a {@link PieceLog}. */
export interface PieceLogOptions {
  readonly capacityBytes: number
  readonly keepFreeBytes: number
  readonly fileBytesMax: number
  readonly trashShareMax: number
}

/** What may be written for {@link PieceLogOptions}; defaults are filled in. */
export type PieceLogInput = { readonly [Key in keyof PieceLogOptions]?: PieceLogOptions[Key] | undefined } & {
  readonly capacityBytes: number
}

/** Options of a log of pieces; strict, so that a misspelt one is refused. */
export const pieceLogOptionsSchema: z.ZodType<PieceLogOptions, PieceLogInput> = z.strictObject({
  /** Bytes on disk that the operator shares, pieces and trash together. */
  capacityBytes: z.int().min(0),
  /**
   * Bytes of the disk that are never used, whatever was shared.
   * @default 1 GiB: a disk that is full harms everything else on the machine
   */
  keepFreeBytes: z.int().min(0).default(GIB),
  /**
   * Bytes of one file, 64 KiB .. 1 TiB.
   * @default 256 MiB: copied in a second when it is compacted, a few thousand files for a terabyte
   */
  fileBytesMax: z
    .int()
    .min(64 * KIB)
    .max(1024 * GIB)
    .default(256 * MIB),
  /**
   * Share of a file that may be trash, 0.05 .. 1, before it is compacted.
   * @default 0.5: at most half of the shared room is trash, and each byte is copied once on average
   */
  trashShareMax: z.number().min(0.05).max(1).default(0.5),
})

/** Parsed options of a {@link StorageProvider}. */
export interface StorageProviderOptions {
  readonly priceMicroUsdPerTibHour: MicroUsd
  readonly periodSecondsMax: number
  readonly unpaidSecondsMax: number
  readonly runwaySecondsMin: number
  readonly agreementsMax: number
  readonly agreementsPerPayerMax: number
  readonly pendingBytesMax: number
  readonly pendingBytesPerPayerMax: number
  readonly pendingMs: number
  readonly clockSkewMs: number
  readonly registersMax: number
  readonly registersPerPayerMax: number
  readonly registersOfStrangersMax: number
  readonly registerBytesMax: number
  readonly unaskedMs: number
  readonly scrubMs: number
}

/** What may be written for {@link StorageProviderOptions}; defaults are filled in. */
export type StorageProviderInput = {
  readonly [Key in keyof StorageProviderOptions]?:
    | (StorageProviderOptions[Key] extends bigint ? bigint : StorageProviderOptions[Key])
    | undefined
}

const DAY_SECONDS = 86_400
/**
 * Least {@link StorageProviderOptions.unpaidSecondsMax} of a node with stake: a revision may be asked about for seven days, an
 * answer takes three at most, and one more for clocks and blocks. Who deletes sooner is punished for what it was free to do.
 */
export const STAKED_UNPAID_SECONDS_MIN: number = 11 * DAY_SECONDS

/** Options of the providing side; strict, so that a misspelt one is refused. */
export const storageProviderOptionsSchema: z.ZodType<StorageProviderOptions, StorageProviderInput> = z.strictObject({
  /**
   * Price of a tebibyte that is kept for an hour, in micro-dollars.
   * @default 5000: about 3.60 dollars a month, a little below what the cheapest clouds take, egress included
   */
  priceMicroUsdPerTibHour: z
    .bigint()
    .min(0n)
    .default(5000n)
    .transform((value) => microUsd(value)),
  /**
   * A payer proves and pays at least so often, in seconds, 1 .. 30 days.
   * @default 1 day: what a node can lose by a payer that goes away
   */
  periodSecondsMax: z
    .int()
    .min(1)
    .max(30 * DAY_SECONDS)
    .default(DAY_SECONDS),
  /**
   * Seconds without a payment after which pieces may be deleted.
   * @default 14 days: a payer's machine may be broken, and its owner on holiday
   */
  unpaidSecondsMax: z
    .int()
    .min(1)
    .max(365 * DAY_SECONDS)
    .default(14 * DAY_SECONDS),
  /**
   * For so many seconds a channel must have money before more is taken.
   * @default 1 day: long enough to notice and to lock more
   */
  runwaySecondsMin: z
    .int()
    .min(0)
    .max(365 * DAY_SECONDS)
    .default(DAY_SECONDS),
  /**
   * Agreements that are kept, 1 .. 100000.
   * @default 4096
   */
  agreementsMax: z.int().min(1).max(100_000).default(4096),
  /**
   * Agreements of one payer.
   * @default 16: one is enough for a tebibyte
   */
  agreementsPerPayerMax: z.int().min(1).max(1000).default(16),
  /**
   * Bytes of pieces that were sent and not agreed, of all payers together.
   * @default 4 GiB
   */
  pendingBytesMax: z
    .int()
    .min(0)
    .default(4 * GIB),
  /**
   * Bytes of pieces of one payer that were sent and not agreed.
   * @default 512 MiB: half a minute of a fast line
   */
  pendingBytesPerPayerMax: z
    .int()
    .min(0)
    .default(512 * MIB),
  /**
   * How long a piece that is not agreed is kept, in milliseconds.
   * @default 10 minutes
   */
  pendingMs: z.int().min(1000).default(600_000),
  /**
   * How far the payer's clock may be ahead, in milliseconds.
   * @default 2 minutes
   */
  clockSkewMs: z.int().min(0).default(120_000),
  /**
   * Registers (pointers of trees) that are kept, 1 .. 1000000.
   * @default 65536
   */
  registersMax: z.int().min(1).max(1_000_000).default(65_536),
  /**
   * Registers of one payer that pieces are kept for.
   * @default 4096: one for each bucket that was ever made
   */
  registersPerPayerMax: z.int().min(0).max(1_000_000).default(4096),
  /**
   * Registers of all others together.
   * @default 1024: other machines of payers, whose agreements are elsewhere
   */
  registersOfStrangersMax: z.int().min(0).max(1_000_000).default(1024),
  /**
   * Bytes of all registers together; the usual one has some kilobytes. Not paid for: who pays for pieces has them.
   * @default 1 GiB
   */
  registerBytesMax: z.int().min(0).default(GIB),
  /**
   * A register that nobody asked for so long ends when its owner keeps no pieces here, in milliseconds.
   * @default 90 days
   */
  unaskedMs: z
    .int()
    .min(1000)
    .default(90 * DAY_SECONDS * 1000),
  /**
   * How long it takes until every piece was read once to see whether it rotted, in milliseconds.
   * @default 30 days: a terabyte at 400 kilobytes a second
   */
  scrubMs: z
    .int()
    .min(60_000)
    .default(30 * DAY_SECONDS * 1000),
})

/** Parsed options of the buying side. */
export interface StorageConsumerOptions {
  readonly priceMaxMicroUsdPerTibHour: MicroUsd
  readonly allocationMicroUsd: MicroUsd
  readonly hasDistinctSubnets: boolean
  readonly offerWaitMs: number
  readonly quoteTimeoutMs: number
  readonly settleEveryMs: number
  readonly lookEveryMs: number
  readonly lostAfterMs: number
  readonly shunMs: number
  readonly hedgeAfterMs: number
  readonly awayWaitMs: number
  readonly partBytesMax: number
  readonly challengeOn: 'never' | 'lied' | 'lost'
  readonly randomPerMonth: number
  readonly depositsMaxTokenUnits: bigint
}

/** What may be written for {@link StorageConsumerOptions}; defaults are filled in. */
export type StorageConsumerInput = {
  readonly [Key in keyof StorageConsumerOptions]?:
    | (StorageConsumerOptions[Key] extends bigint ? bigint : StorageConsumerOptions[Key])
    | undefined
}

const money = (fallback: bigint): z.ZodType<MicroUsd, bigint | undefined> =>
  z
    .bigint()
    .min(0n)
    .default(fallback)
    .transform((value) => microUsd(value))

/** Options of the buying side; strict, so that a misspelt one is refused. */
export const storageConsumerOptionsSchema: z.ZodType<StorageConsumerOptions, StorageConsumerInput> = z.strictObject({
  /**
   * Most that a tebibyte-hour may cost, in micro-dollars.
   * @default 20000: about 15 dollars a month, what the large clouds take
   */
  priceMaxMicroUsdPerTibHour: money(20_000n),
  /**
   * What is locked for one node at once, in micro-dollars.
   * @default 100000 (ten cents): 20 hours of a tebibyte, a month of a few dozen gibibytes
   */
  allocationMicroUsd: money(100_000n),
  /**
   * One piece of a segment to each /24 and /64.
   * @default true; false for a network in one place, whose loss loses everything
   */
  hasDistinctSubnets: z.boolean().default(true),
  /**
   * How long nodes are looked for, in milliseconds.
   * @default 30 seconds
   */
  offerWaitMs: z.int().min(0).default(30_000),
  /**
   * How long nodes may take for their quotes, in milliseconds.
   * @default 10 seconds
   */
  quoteTimeoutMs: z.int().min(100).default(10_000),
  /**
   * How often nodes prove and are paid, in milliseconds.
   * @default 1 hour: twenty-four proofs a day, each of a few kilobytes
   */
  settleEveryMs: z.int().min(1000).default(3_600_000),
  /**
   * How often nodes are asked whether they are there, in milliseconds.
   * @default 5 minutes
   */
  lookEveryMs: z.int().min(1000).default(300_000),
  /**
   * After being away for so long a node is not waited for any more, in milliseconds.
   * @default 7 days: a holiday; what is repaired sooner is decided by how likely the segment is to be unreadable
   */
  lostAfterMs: z
    .int()
    .min(1000)
    .default(7 * 86_400_000),
  /**
   * How long a node that refused, lost or lied is left out when pieces are placed, in milliseconds.
   * @default 10 minutes
   */
  shunMs: z.int().min(0).default(600_000),
  /**
   * After so long without an answer another node is asked for the same bytes, in milliseconds.
   * @default 400: longer than a good answer takes around the world
   */
  hedgeAfterMs: z.int().min(1).default(400),
  /**
   * How long a read waits for nodes that have what it needs and cannot be reached now, in milliseconds.
   * @default 60 seconds: what a network takes to find itself again after all of it was restarted on a busy machine
   */
  awayWaitMs: z.int().min(0).default(60_000),
  /**
   * Bytes of a piece that are sent in one message, 64 KiB .. 1 MiB, whole blocks.
   * @default 1 MiB: one for each node is in memory
   */
  partBytesMax: z.int().min(BLOCK_BYTES).max(PART_BYTES_MAX).multipleOf(BLOCK_BYTES).default(PART_BYTES_MAX),
  /**
   * What an off-chain proof must have come to before the node is asked on chain, at most once a week.
   * @default lied: who says itself that a piece is gone is not to lose stake for saying so
   */
  challengeOn: z.enum(['never', 'lied', 'lost']).default('lied'),
  /**
   * Nodes that are asked on chain by lot, in thirty days, 0 .. 1000.
   * @default 0: an answered challenge costs the deposit and about 274,000 gas, and shows what hourly proofs show for nothing
   */
  randomPerMonth: z.int().min(0).max(1000).default(0),
  /**
   * Most of deposits that may be out, or lost to nodes that answered, in thirty days; of what is asked by itself. In token
   * units.
   * @default 30 tokens: three deposits, as many nodes as may lie at once before a 4-of-12 segment has to be repaired soon
   */
  depositsMaxTokenUnits: z
    .bigint()
    .min(0n)
    .default(30n * TOKEN_UNITS),
})

/** Parsed options of a {@link TreeObjectStore}. */
export interface ObjectStoreOptions {
  readonly segmentBytes: number
  readonly gatherMs: number
  readonly batchWritesMax: number
  readonly cacheBytesMax: number
  readonly graceMs: number
  readonly keepUnfinishedMs: number
}

/** What may be written for {@link ObjectStoreOptions}; defaults are filled in. */
export type ObjectStoreInput = {
  readonly [Key in keyof ObjectStoreOptions]?: ObjectStoreOptions[Key] | undefined
}

/** Options of a store of objects; strict, so that a misspelt one is refused. */
export const objectStoreOptionsSchema: z.ZodType<ObjectStoreOptions, ObjectStoreInput> = z.strictObject({
  /**
   * Bytes of an object that are sealed and coded at once, 64 KiB less a tag .. 16 MiB less its tags.
   * @default the most, 16,773,120: pieces of 1 MiB. Less takes less memory, and more pieces
   */
  segmentBytes: z.int().min(FRAME_PLAIN_BYTES).max(SEGMENT_PLAIN_BYTES).default(SEGMENT_PLAIN_BYTES),
  /**
   * Milliseconds that a write waits for others to be committed with, 0 .. 1000.
   * @default 20: less than a round trip to far nodes, which every commit takes
   */
  gatherMs: z.int().min(0).max(1000).default(20),
  /**
   * Writes in one commit, 1 .. 1000.
   * @default 256: each may change a page of 64 KiB, so that a commit fits into a segment of 16 MiB
   */
  batchWritesMax: z.int().min(1).max(1000).default(256),
  /**
   * Bytes of memory for pages that were read or written of late, from 1 MiB on.
   * @default 32 MiB: the upper pages of a bucket with millions of objects
   */
  cacheBytesMax: z
    .int()
    .min(MIB)
    .default(32 * MIB),
  /**
   * Milliseconds that bytes are kept after their last object was replaced or deleted: what another machine began to read
   * stays readable so long.
   * @default 10 minutes: what a download of a whole segment takes on a slow line
   */
  graceMs: z.int().min(0).default(600_000),
  /**
   * Milliseconds after which segments that no root knows are garbage, and writes that got nowhere are given up.
   * @default 7 days: a machine that sleeps over a weekend goes on with its upload
   */
  keepUnfinishedMs: z.int().min(0).default(604_800_000),
})
