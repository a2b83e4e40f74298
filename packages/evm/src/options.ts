import type { ChainIdentity } from '@stead/core'
import { z } from 'zod'
import { chainIdentitySchema, rpcUrlSchema } from './chain-fields.ts'

const durationMs = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)

/** Options of the chain adapter; strict, so that a misspelt one is refused. */
export const evmOptionsSchema: z.ZodType<EvmOptions, EvmInput> = z.strictObject({
  rpcUrl: rpcUrlSchema.describe('Where the chain is reached: JSON-RPC over HTTP or HTTPS.'),
  identity: chainIdentitySchema.describe('Chain id and contracts, from the address book.'),
  deployedAtBlock: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'First block that can hold an event of the contracts; the address book knows it and saves a long search.',
    ),
  requestTimeoutMs: durationMs(100, 120_000)
    .default(10_000)
    .describe('Longest wait for one RPC answer; a healthy public endpoint never needs so long.'),
  receiptTimeoutMs: durationMs(1000, 3_600_000)
    .default(180_000)
    .describe('Longest wait until a transaction is mined and confirmed; about 15 slow blocks.'),
  receiptPollMinMs: durationMs(5, 10_000)
    .default(10)
    .describe('First pause between looks for a receipt; a local chain mines at once.'),
  receiptPollMaxMs: durationMs(5, 60_000)
    .default(2000)
    .describe('Longest pause between looks for a receipt; pauses grow by half to it, for chains with slow blocks.'),
  feeBumpAfterMs: durationMs(100, 3_600_000)
    .default(45_000)
    .describe('A transaction that no block took for so long is offered again for a quarter more; a few blocks.'),
  replacedAfterMs: durationMs(100, 600_000)
    .default(10_000)
    .describe(
      'A transaction whose nonce is used but that has no receipt for so long was replaced, and is sent again; endpoints ' +
        'of many machines may be behind by some seconds.',
    ),
  confirmations: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Blocks that must hold a transaction, its own included, and a purse before anybody works for it; 1 is right where ' +
        'blocks are final at once. What a longer fork undoes all the same is noticed, and done again.',
    ),
  thawPollMs: durationMs(50, 3_600_000)
    .default(15_000)
    .describe('Pause between looks for purses that thaw; a thaw takes a day at least.'),
  logBlocksMax: z
    .int()
    .min(10)
    .max(1_000_000)
    .default(5000)
    .describe('Blocks in one search for events; common endpoints allow so many, and a refused search is halved.'),
  approval: z
    .enum(['unlimited', 'exact'])
    .default('unlimited')
    .describe(
      'How many dollars the Escrow may draw: `exact` approves each funding, one transaction more every time; unlimited ' +
        'is safe because only `fund` draws, only the account itself can call it, and nobody can change the contract.',
    ),
})

/** Parsed options of the chain adapter. */
export interface EvmOptions {
  readonly rpcUrl: string
  readonly identity: ChainIdentity
  readonly deployedAtBlock: number
  readonly requestTimeoutMs: number
  readonly receiptTimeoutMs: number
  readonly receiptPollMinMs: number
  readonly receiptPollMaxMs: number
  readonly feeBumpAfterMs: number
  readonly replacedAfterMs: number
  readonly confirmations: number
  readonly thawPollMs: number
  readonly logBlocksMax: number
  readonly approval: 'unlimited' | 'exact'
}

/** What a caller may write; defaults are filled in. */
export type EvmInput = Pick<EvmOptions, 'rpcUrl'> & {
  readonly identity: { chainId: number; escrow: string; stake: string; dollar: string }
} & { readonly [Key in Exclude<keyof EvmOptions, 'rpcUrl' | 'identity'>]?: EvmOptions[Key] | undefined }
