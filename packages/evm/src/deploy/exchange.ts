import { type Address, microUsd } from '@stead/core'
import factoryArtifact from '@uniswap/v2-core/build/UniswapV2Factory.json' with { type: 'json' }
import routerArtifact from '@uniswap/v2-periphery/build/UniswapV2Router02.json' with { type: 'json' }
import wrapperArtifact from '@uniswap/v2-periphery/build/WETH9.json' with { type: 'json' }
import * as AbiConstructor from 'ox/AbiConstructor'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer, type Hex } from '../answer.ts'
import type { ChainRpc } from '../chain-rpc.ts'
import { approveData, mintData } from '../contract-calls.ts'
import { NOBODY } from '../nobody.ts'
import type { Deployer } from './deployer.ts'
import type { GenesisContracts } from './genesis.ts'
import type { DeployOptions } from './options.ts'

const parsed = AbiFunction.from
const transfer = parsed('function transfer(address to, uint256 amount) returns (bool)')
const createPair = parsed('function createPair(address first, address second) returns (address)')
const getPair = parsed('function getPair(address first, address second) view returns (address)')
const addLiquidity = parsed(
  'function addLiquidity(address first, address second, uint256 firstWanted, uint256 secondWanted, uint256 firstLeast, uint256 secondLeast, address to, uint256 deadline) returns (uint256, uint256, uint256)',
)
const DEADLINE_SECONDS = 3600n

/** The exchange's contracts, by their place in the address book. */
export interface Exchange {
  readonly exchangeFactory: Address
  readonly exchangeRouter: Address
  /** Where token and dollar are swapped. */
  readonly exchangePair: Address
}

/**
 * Deploys Uniswap v2 as its authors published it, opens the pair of token and dollar, and gives it its first liquidity.
 * The shares belong to the timelock, which nobody can make move them: the liquidity stays for good. What is left of
 * the supply goes to its holder.
 */
export async function seedExchange(
  components: { readonly rpc: ChainRpc; readonly deployer: Deployer },
  contracts: GenesisContracts,
  options: DeployOptions,
): Promise<Exchange> {
  const { rpc, deployer } = components
  const { dollar, token, timelock } = contracts
  const exchangeFactory = await deployer.create('UniswapV2Factory', created(factoryArtifact.bytecode, [NOBODY]))
  const wrapper = await deployer.create('WETH9', `0x${wrapperArtifact.bytecode}`)
  const routerData = created(routerArtifact.bytecode, [exchangeFactory, wrapper])
  const exchangeRouter = await deployer.create('UniswapV2Router02', routerData)
  await deployer.call(exchangeFactory, AbiFunction.encodeData(createPair, [token, dollar]), 'the creation of the pair')
  const answer = await rpc.call({ to: exchangeFactory, data: AbiFunction.encodeData(getPair, [token, dollar]) })
  const exchangePair = addressAnswer(AbiFunction.decodeResult(getPair, answer), 'getPair')
  const dollars = microUsd(options.liquidityMicroUsd ?? 0n)
  const tokens = dollars > 0n ? options.liquidityTokens : 0n
  if (dollars > 0n) {
    if (options.dollar === 'test')
      await deployer.call(dollar, mintData(deployer.account, dollars), 'the making of dollars')
    await deployer.call(dollar, approveData(exchangeRouter, dollars), 'the approval of dollars')
    await deployer.call(token, approveData(exchangeRouter, tokens), 'the approval of tokens')
    // All in one transaction: what lies in a pair between two of them is anybody's. The exact amounts are asked for,
    // so that nobody who was there first has set another price.
    const deadline = BigInt((await rpc.latestBlock()).timestampSeconds) + DEADLINE_SECONDS
    const seed = [token, dollar, tokens, dollars, tokens, dollars, timelock, deadline] as const
    await deployer.call(exchangeRouter, AbiFunction.encodeData(addLiquidity, [...seed]), 'the first liquidity')
  }
  if (options.holder !== undefined) {
    const rest = AbiFunction.encodeData(transfer, [options.holder, options.supply - tokens])
    await deployer.call(token, rest, 'the transfer of the genesis supply')
  }
  return { exchangeFactory, exchangeRouter, exchangePair }
}

/** Creation data of a contract whose constructor takes addresses only. */
function created(bytecode: string, addresses: readonly Address[]): Hex {
  const inputs = addresses.map((_, index) => ({ type: 'address', name: `address${index}` }) as const)
  const creation = AbiConstructor.from({ type: 'constructor', stateMutability: 'nonpayable', inputs })
  return AbiConstructor.encode(creation, { bytecode: `0x${bytecode}`, args: [...addresses] })
}
