import type { Address, Clock, Logger, Signer } from '@stead/core'
import * as AbiConstructor from 'ox/AbiConstructor'
import { z } from 'zod'
import type { AddressBook } from '../address-book.ts'
import type { Hex } from '../answer.ts'
import { addressSchema, rpcUrlSchema } from '../chain-fields.ts'
import { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { escrowBytecode } from '../generated/escrow-bytecode.ts'
import { stakeAbi } from '../generated/stake.ts'
import { stakeBytecode } from '../generated/stake-bytecode.ts'
import { testDollarAbi } from '../generated/test-dollar.ts'
import { testDollarBytecode } from '../generated/test-dollar-bytecode.ts'
import { JsonRpc } from '../json-rpc.ts'
import { TransactionSender } from '../transaction-sender.ts'

/** Chains on which money may be made of nothing. */
const DEVNET_CHAIN_IDS: readonly number[] = [31337, 1337]
const DAY_SECONDS = 86_400
/** As the chain adapter does by default. */
const SENDING = {
  receiptPollMinMs: 10,
  receiptPollMaxMs: 2000,
  feeBumpAfterMs: 45_000,
  replacedAfterMs: 10_000,
  confirmations: 1,
} as const

/** What deploying needs; the account pays for gas and has no power over the contracts afterwards. */
export interface DeployComponents {
  readonly clock: Clock
  readonly logger: Logger
  readonly signer: Signer
}

/** What to deploy where. */
export const deployOptionsSchema: z.ZodType<DeployOptions, DeployInput> = z.strictObject({
  rpcUrl: rpcUrlSchema,
  /** The settlement dollar: an ERC-20 with 6 decimals, or `test` to deploy one that anybody can mint (devnets only). */
  dollar: z.union([z.literal('test'), addressSchema]),
  /** What operators bond. @default the dollar, until there is a token to bond */
  stakeToken: addressSchema.optional(),
  /** Time that providers have for their last claims, one day to a year. @default one day, the least that is safe */
  thawSeconds: z
    .int()
    .min(DAY_SECONDS)
    .max(365 * DAY_SECONDS)
    .default(DAY_SECONDS),
  /** Protocol fee in ten-thousandths, 0 .. 1000. @default 500, which is 5 % */
  feeBps: z.int().min(0).max(1000).default(500),
  /** Longest wait for one RPC answer. @default 10000 ms, as the chain adapter */
  requestTimeoutMs: z.int().min(100).max(120_000).default(10_000),
  /** Longest wait for each transaction. @default 3 minutes, as the chain adapter */
  receiptTimeoutMs: z.int().min(1000).max(3_600_000).default(180_000),
})

interface DeployOptions {
  readonly rpcUrl: string
  readonly dollar: 'test' | Address
  readonly stakeToken?: Address | undefined
  readonly thawSeconds: number
  readonly feeBps: number
  readonly requestTimeoutMs: number
  readonly receiptTimeoutMs: number
}

/** What a caller may write; defaults are filled in. */
export interface DeployInput {
  readonly rpcUrl: string
  readonly dollar: string
  readonly stakeToken?: string | undefined
  readonly thawSeconds?: number | undefined
  readonly feeBps?: number | undefined
  readonly requestTimeoutMs?: number | undefined
  readonly receiptTimeoutMs?: number | undefined
}

/**
 * Puts the contracts on a chain and returns where they are.
 * @throws ChainError CHAIN_NOT_DEVNET, CHAIN_WRONG_CONTRACT, CHAIN_REVERTED and those of every transaction; ZodError
 */
export async function deployContracts(components: DeployComponents, input: DeployInput): Promise<AddressBook> {
  const options = deployOptionsSchema.parse(input)
  const { clock, logger, signer } = components
  const jsonRpc = new JsonRpc({ clock }, options)
  try {
    const rpc = new ChainRpc(jsonRpc)
    const chainId = await rpc.chainId()
    const sender = new TransactionSender(
      { rpc, clock, logger, signer, stopped: new AbortController().signal },
      { ...SENDING, ...options, chainId },
    )
    return await deployAll({ rpc, sender, logger }, { ...options, chainId })
  } finally {
    jsonRpc.stop()
  }
}

async function deployAll(
  components: { readonly rpc: ChainRpc; readonly sender: TransactionSender; readonly logger: Logger },
  options: DeployOptions & { readonly chainId: number },
): Promise<AddressBook> {
  const { rpc, sender, logger } = components
  const { chainId, thawSeconds, feeBps } = options
  if (options.dollar === 'test' && !DEVNET_CHAIN_IDS.includes(chainId))
    throw new ChainError('CHAIN_NOT_DEVNET', `chain ${chainId} is no devnet (${DEVNET_CHAIN_IDS.join(', ')})`, {
      details: { chainId },
    })
  const existing = [options.dollar, options.stakeToken].filter((token) => token !== undefined && token !== 'test')
  for (const token of existing) {
    if (await rpc.hasCode(token)) continue
    throw new ChainError('CHAIN_WRONG_CONTRACT', `no contract is at ${token} on chain ${chainId}`, {
      details: { contract: token, chainId },
    })
  }
  const deployedAtBlock = await rpc.blockNumber()
  const deployOne = async (name: string, data: Hex): Promise<Address> => {
    const receipt = await sender.send({ data, doing: `the deployment of ${name}` })
    if (receipt.created === undefined)
      throw new ChainError('CHAIN_BAD_ANSWER', `the receipt of ${receipt.transaction} names no contract`)
    logger.info('contract deployed', { name, contract: receipt.created, gasUsed: receipt.gasUsed })
    return receipt.created
  }
  const dollar =
    options.dollar === 'test'
      ? await deployOne(
          'TestDollar',
          AbiConstructor.encode(AbiConstructor.fromAbi(testDollarAbi), { bytecode: testDollarBytecode }),
        )
      : options.dollar
  const stakeToken = options.stakeToken ?? dollar
  const escrow = await deployOne(
    'Escrow',
    AbiConstructor.encode(AbiConstructor.fromAbi(escrowAbi), {
      bytecode: escrowBytecode,
      args: [dollar, thawSeconds, feeBps],
    }),
  )
  const stake = await deployOne(
    'Stake',
    AbiConstructor.encode(AbiConstructor.fromAbi(stakeAbi), { bytecode: stakeBytecode, args: [stakeToken] }),
  )
  return { version: 1, chainId, escrow, stake, dollar, stakeToken, deployedAtBlock }
}
