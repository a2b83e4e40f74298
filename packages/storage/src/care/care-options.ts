import { z } from 'zod'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** Parsed options of a {@link Caretaker}. */
export interface CaretakerOptions {
  readonly sharePpm: number
  readonly wardsMax: number
  readonly segmentsMax: number
  readonly roundEveryMs: number
  readonly lookEveryMs: number
  readonly settleEveryMs: number
  readonly absentAfterMs: number
  readonly takeOverAfterMs: number
  readonly givenUpAfterMs: number
  readonly lostAfterMs: number
}

/** What may be written for {@link CaretakerOptions}; defaults are filled in. */
export type CaretakerInput = { readonly [Key in keyof CaretakerOptions]?: CaretakerOptions[Key] | undefined }

/** Options of a caretaker; strict, so that a misspelt one is refused. */
export const caretakerOptionsSchema: z.ZodType<CaretakerOptions, CaretakerInput> = z.strictObject({
  /**
   * What is billed on top of what nodes are paid, in millionths, 0 .. 10000000.
   * @default 200000 (a fifth): the gas of the channels, and reading and sending for repairs
   */
  sharePpm: z.int().min(0).max(10_000_000).default(200_000),
  /**
   * Payers that are looked after, 1 .. 15.
   * @default 8: a node takes sixteen agreements of one payer, and there are those of its own
   */
  wardsMax: z.int().min(1).max(15).default(8),
  /**
   * Segments of one payer, 1 .. 1000000.
   * @default 65536: half a tebibyte to a tebibyte
   */
  segmentsMax: z.int().min(1).max(1_000_000).default(65_536),
  /**
   * How often each payer's segments are looked at, in milliseconds.
   * @default 1 hour: as a payer does
   */
  roundEveryMs: z.int().min(1000).default(HOUR_MS),
  /**
   * How often all nodes are asked whether they are there, in milliseconds; half of it to half as much again by chance.
   * @default 5 minutes: as a payer does
   */
  lookEveryMs: z.int().min(1000).default(300_000),
  /**
   * How often nodes prove and are paid, in milliseconds; less than the day that they wait for it.
   * @default 20 hours: some kilobytes of evidence for each are kept until the payer is back
   */
  settleEveryMs: z
    .int()
    .min(1000)
    .default(20 * HOUR_MS),
  /**
   * A payer that was not heard of for so long is away, and its segments are repaired, in milliseconds.
   * @default 1 day: its own daemon repairs every hour, and is off at night
   */
  absentAfterMs: z.int().min(1000).default(DAY_MS),
  /**
   * After so long everything that the payer has is made again, in milliseconds.
   * @default 7 days: half of what nodes wait for pay
   */
  takeOverAfterMs: z
    .int()
    .min(1000)
    .default(7 * DAY_MS),
  /**
   * After so long nothing is to be had any more where the payer had it, in milliseconds.
   * @default 14 days: what nodes wait for pay
   */
  givenUpAfterMs: z
    .int()
    .min(1000)
    .default(14 * DAY_MS),
  /**
   * A node that is away for so long is not waited for any more, in milliseconds.
   * @default 7 days: as for a payer
   */
  lostAfterMs: z
    .int()
    .min(1000)
    .default(7 * DAY_MS),
})
