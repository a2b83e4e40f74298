import { type Address, type Hash, TOKEN_UNITS } from '@stead/core'
import { z } from 'zod'
import { addressSchema, rpcUrlSchema } from '../chain-fields.ts'

const DAY_SECONDS = 86_400
const seconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)
const amount = z.bigint().positive()

/** A reward program that is in use from the beginning. */
export interface GenesisProgram {
  /** Hash of its code and parameters. */
  readonly id: Hash
  readonly source: 'minted' | 'sponsored'
}

const programSchema: z.ZodType<GenesisProgram, { readonly id: string; readonly source: 'minted' | 'sponsored' }> =
  z.strictObject({
    id: z
      .string()
      .regex(/^0x[0-9a-f]{64}$/, 'the hash of a program is 0x and 64 hexadecimal digits')
      .transform((text) => text as Hash & string),
    source: z.enum(['minted', 'sponsored']),
  })

/** What to deploy where. All of it but the fee, κ, programs and adjudicators stands for good. */
export const deployOptionsSchema: z.ZodType<DeployOptions, DeployInput> = z.strictObject({
  rpcUrl: rpcUrlSchema,
  /** The settlement dollar: an ERC-20 with 6 decimals, or `test` to deploy one that anybody can mint (devnets only). */
  dollar: z.union([z.literal('test'), addressSchema]),
  /** Who receives the genesis supply of the token, but for the liquidity. @default the deploying account */
  holder: addressSchema.optional(),
  /** Genesis supply in token units. @default a billion tokens */
  supply: amount.default(1_000_000_000n * TOKEN_UNITS),
  /** Dollars of the deploying account that seed the exchange; 0 leaves the pair empty. @default 0; 100,000 test dollars */
  liquidityMicroUsd: z.bigint().nonnegative().optional(),
  /** Tokens that seed it, which sets the first price. @default a million tokens */
  liquidityTokens: amount.default(1_000_000n * TOKEN_UNITS),
  /** Time that providers have for their last claims, one day to a year. @default one day, the least that is safe */
  thawSeconds: seconds(DAY_SECONDS, 365 * DAY_SECONDS).default(DAY_SECONDS),
  /** Protocol fee in ten-thousandths, 0 .. 1000. @default 500, which is 5 % */
  feeBps: z.int().min(0).max(1000).default(500),
  /** Length of an epoch. @default a day: rewards are daily, and a day's fees are worth an auction */
  epochSeconds: seconds(1, 365 * DAY_SECONDS).default(DAY_SECONDS),
  /** Time in which a lot's price halves. @default a 24th of an epoch: any price is reached before the next begins */
  halvingSeconds: seconds(1, 365 * DAY_SECONDS).optional(),
  /** What the first sale starts at, token units per micro-dollar. @default 20 tokens a dollar, twice the pair's price */
  firstPrice: amount.default(20n * 10n ** 12n),
  /** Least fees that are sold. @default 20 dollars, well above the gas of buying them; 1 micro-dollar on devnets */
  minimumLotMicroUsd: amount.optional(),
  /** Part of what is burned that may be minted again, in ten-thousandths, 0 .. 9000. @default 8000 */
  kappaBps: z.int().min(0).max(9000).default(8000),
  /** How long a reward root can be challenged; a day at least but on devnets. @default one day */
  challengeSeconds: seconds(1, 5 * DAY_SECONDS).default(DAY_SECONDS),
  /** How long a challenged one can be decided; a day at least but on devnets. @default two days: people sleep */
  decisionSeconds: seconds(1, 5 * DAY_SECONDS).default(2 * DAY_SECONDS),
  /** Stake of a node whose operator proposes or challenges. @default 1000 tokens */
  minimumStake: amount.default(1000n * TOKEN_UNITS),
  /** What proposer and challenger put in. @default 100 tokens */
  deposit: amount.default(100n * TOKEN_UNITS),
  /** Time that a node has to answer a possession challenge. @default one day: machines break, and people sleep */
  answerSeconds: seconds(1, 3 * DAY_SECONDS).default(DAY_SECONDS),
  /** What a possession challenge costs when it is answered. @default 10 tokens, above the gas of an answer on a rollup */
  possessionDeposit: amount.default(10n * TOKEN_UNITS),
  /** Programs in use from the beginning. @default none */
  programs: z.array(programSchema).max(32).default([]),
  /** From a decision of governance to its execution. @default two days */
  timelockSeconds: seconds(1, 365 * DAY_SECONDS).default(2 * DAY_SECONDS),
  /** From a proposal to the snapshot of votes. @default one day, to get hold of one's tokens */
  votingDelaySeconds: seconds(1, 30 * DAY_SECONDS).default(DAY_SECONDS),
  /** Time to vote. @default five days */
  votingPeriodSeconds: seconds(1, 90 * DAY_SECONDS).default(5 * DAY_SECONDS),
  /** Votes that a proposer needs. @default a million tokens, a thousandth of the supply */
  proposalThreshold: z
    .bigint()
    .nonnegative()
    .default(1_000_000n * TOKEN_UNITS),
  /** Part of the supply that must vote, in ten-thousandths, 1 .. 10000. @default 400, as most token votes have */
  quorumBps: z.int().min(1).max(10_000).default(400),
  /** Longest wait for one RPC answer. @default 10000 ms, as the chain adapter */
  requestTimeoutMs: z.int().min(100).max(120_000).default(10_000),
  /** Longest wait for each transaction. @default 3 minutes, as the chain adapter */
  receiptTimeoutMs: z.int().min(1000).max(3_600_000).default(180_000),
})

/** Parsed options of a deployment. */
export interface DeployOptions {
  readonly rpcUrl: string
  readonly dollar: 'test' | Address
  readonly holder?: Address | undefined
  readonly supply: bigint
  readonly liquidityMicroUsd?: bigint | undefined
  readonly liquidityTokens: bigint
  readonly thawSeconds: number
  readonly feeBps: number
  readonly epochSeconds: number
  readonly halvingSeconds?: number | undefined
  readonly firstPrice: bigint
  readonly minimumLotMicroUsd?: bigint | undefined
  readonly kappaBps: number
  readonly challengeSeconds: number
  readonly decisionSeconds: number
  readonly minimumStake: bigint
  readonly deposit: bigint
  readonly answerSeconds: number
  readonly possessionDeposit: bigint
  readonly programs: readonly GenesisProgram[]
  readonly timelockSeconds: number
  readonly votingDelaySeconds: number
  readonly votingPeriodSeconds: number
  readonly proposalThreshold: bigint
  readonly quorumBps: number
  readonly requestTimeoutMs: number
  readonly receiptTimeoutMs: number
}

type Loose<Value> = { readonly [Key in keyof Value]?: Value[Key] | undefined }

/** What a caller may write; defaults are filled in. */
export type DeployInput = Pick<DeployOptions, 'rpcUrl'> & {
  readonly dollar: string
  readonly holder?: string | undefined
  readonly programs?: { id: string; source: 'minted' | 'sponsored' }[] | undefined
} & Loose<Omit<DeployOptions, 'rpcUrl' | 'dollar' | 'holder' | 'programs'>>
