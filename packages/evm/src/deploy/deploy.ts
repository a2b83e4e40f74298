import type { Clock, Logger, Signer } from '@stead/core'
import type { AddressBook } from '../address-book.ts'
import { ChainRpc } from '../chain-rpc.ts'
import { ChainError } from '../errors.ts'
import { JsonRpc } from '../json-rpc.ts'
import { TransactionSender } from '../transaction-sender.ts'
import { Deployer } from './deployer.ts'
import { seedExchange } from './exchange.ts'
import { deployContractsOnly } from './genesis.ts'
import { type DeployInput, type DeployOptions, deployOptionsSchema } from './options.ts'

/** Chains on which money may be made of nothing. */
const DEVNET_CHAIN_IDS: readonly number[] = [31337, 1337]
const DEVNET_LIQUIDITY_MICRO_USD = 100_000_000_000n
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

/**
 * Puts the contracts on a chain, seeds the exchange, and returns where everything is.
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
    const deployer = new Deployer({ rpc, sender, logger }, signer.address)
    return await deployAll({ rpc, deployer }, withDevnetDefaults(options, chainId), chainId)
  } finally {
    jsonRpc.stop()
  }
}

/** On a devnet money is made of nothing, and the smallest lot is worth a sale. @throws ChainError CHAIN_NOT_DEVNET */
function withDevnetDefaults(options: DeployOptions, chainId: number): DeployOptions {
  const isDevnet = DEVNET_CHAIN_IDS.includes(chainId)
  if (options.dollar === 'test' && !isDevnet)
    throw new ChainError('CHAIN_NOT_DEVNET', `chain ${chainId} is no devnet (${DEVNET_CHAIN_IDS.join(', ')})`, {
      details: { chainId },
    })
  return {
    ...options,
    liquidityMicroUsd: options.liquidityMicroUsd ?? (options.dollar === 'test' ? DEVNET_LIQUIDITY_MICRO_USD : 0n),
    minimumLotMicroUsd: options.minimumLotMicroUsd ?? (isDevnet ? 1n : 20_000_000n),
  }
}

async function deployAll(
  components: { readonly rpc: ChainRpc; readonly deployer: Deployer },
  options: DeployOptions,
  chainId: number,
): Promise<AddressBook> {
  const { rpc, deployer } = components
  if (options.dollar !== 'test' && !(await rpc.hasCode(options.dollar))) {
    throw new ChainError('CHAIN_WRONG_CONTRACT', `no contract is at ${options.dollar} on chain ${chainId}`, {
      details: { contract: options.dollar, chainId },
    })
  }
  const deployedAtBlock = await rpc.blockNumber()
  const contracts = await deployContractsOnly(deployer, options)
  const exchange = await seedExchange({ rpc, deployer }, contracts, options)
  return { version: 3, chainId, ...contracts, ...exchange, deployedAtBlock }
}
