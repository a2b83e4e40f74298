import { type Address, address, type ChainIdentity } from '@stead/core'
import { z } from 'zod'

/** An address in any letter case, given back in lower case. */
export const addressSchema: z.ZodType<Address, string> = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'an EVM address is 0x and 40 hexadecimal digits')
  .transform((text) => address(text))

/** An HTTP endpoint of a chain. */
export const rpcUrlSchema: z.ZodType<string, string> = z.url({
  protocol: /^https?$/,
  error: 'an http:// or https:// URL',
})

/** Which contracts on which chain. */
export const chainIdentitySchema: z.ZodType<
  ChainIdentity,
  { chainId: number; escrow: string; stake: string; dollar: string }
> = z.strictObject({
  chainId: z.int().min(1),
  escrow: addressSchema,
  stake: addressSchema,
  dollar: addressSchema,
})

const durationMs = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)

/** Options of the chain adapter; strict, so that a misspelt one is refused. */
export const evmOptionsSchema: z.ZodType<EvmOptions, EvmInput> = z.strictObject({
  /** Where the chain is reached: JSON-RPC over HTTP. */
  rpcUrl: rpcUrlSchema,
  /** Contracts and chain id, from the address book. */
  identity: chainIdentitySchema,
  /**
   * First block that can hold an event of these contracts.
   * @default 0; the address book knows better, which saves a long search on an old chain
   */
  deployedAtBlock: z.int().min(0).default(0),
  /** Longest wait for one RPC answer, 100 .. 120000 ms. @default 10000, which a healthy public endpoint never needs */
  requestTimeoutMs: durationMs(100, 120_000).default(10_000),
  /** Longest wait for a transaction to be mined and confirmed, 1 s .. 1 h. @default 3 minutes, about 15 slow blocks */
  receiptTimeoutMs: durationMs(1000, 3_600_000).default(180_000),
  /** Shortest and longest pause between looks for a receipt. @default 25 ms for a local chain .. 2 s for a real one */
  receiptPollMinMs: durationMs(5, 10_000).default(25),
  receiptPollMaxMs: durationMs(5, 60_000).default(2000),
  /** A transaction that no block took for so long is offered again for more. @default 45 s, a few blocks */
  feeBumpAfterMs: durationMs(100, 3_600_000).default(45_000),
  /** Blocks that must hold a transaction, its own included, 1 .. 64. @default 1, right where blocks are final at once */
  confirmations: z.int().min(1).max(64).default(1),
  /** Pause between looks for purses that thaw, 50 ms .. 1 h. @default 15 s: a thaw takes a day at least */
  thawPollMs: durationMs(50, 3_600_000).default(15_000),
  /** Blocks in one search for events, 10 .. 1000000. @default 5000, which common endpoints allow */
  logBlocksMax: z.int().min(10).max(1_000_000).default(5000),
  /**
   * How many dollars the Escrow may draw from the account: `exact` approves each funding, which costs a transaction
   * every time. @default unlimited: only `fund` draws, only the account itself can call it, and nobody can change it
   */
  approval: z.enum(['unlimited', 'exact']).default('unlimited'),
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
  readonly confirmations: number
  readonly thawPollMs: number
  readonly logBlocksMax: number
  readonly approval: 'unlimited' | 'exact'
}

/** What a caller may write; defaults are filled in. */
export type EvmInput = Pick<EvmOptions, 'rpcUrl'> & {
  readonly identity: { chainId: number; escrow: string; stake: string; dollar: string }
} & { readonly [Key in Exclude<keyof EvmOptions, 'rpcUrl' | 'identity'>]?: EvmOptions[Key] | undefined }
