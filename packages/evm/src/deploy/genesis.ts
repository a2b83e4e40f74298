import type { Address } from '@stead/core'
import * as AbiConstructor from 'ox/AbiConstructor'
import { equivocationAbi } from '../generated/equivocation.ts'
import { equivocationBytecode } from '../generated/equivocation-bytecode.ts'
import { escrowAbi } from '../generated/escrow.ts'
import { escrowBytecode } from '../generated/escrow-bytecode.ts'
import { possessionAbi } from '../generated/possession.ts'
import { possessionBytecode } from '../generated/possession-bytecode.ts'
import { rewardsAbi } from '../generated/rewards.ts'
import { rewardsBytecode } from '../generated/rewards-bytecode.ts'
import { stakeAbi } from '../generated/stake.ts'
import { stakeBytecode } from '../generated/stake-bytecode.ts'
import { steadGovernorAbi } from '../generated/stead-governor.ts'
import { steadGovernorBytecode } from '../generated/stead-governor-bytecode.ts'
import { steadTimelockAbi } from '../generated/stead-timelock.ts'
import { steadTimelockBytecode } from '../generated/stead-timelock-bytecode.ts'
import { steadTokenAbi } from '../generated/stead-token.ts'
import { steadTokenBytecode } from '../generated/stead-token-bytecode.ts'
import { testDollarAbi } from '../generated/test-dollar.ts'
import { testDollarBytecode } from '../generated/test-dollar-bytecode.ts'
import type { Deployer } from './deployer.ts'
import type { DeployOptions } from './options.ts'

/** Our own contracts, by their place in the address book. */
export interface GenesisContracts {
  readonly dollar: Address
  readonly token: Address
  readonly timelock: Address
  readonly equivocation: Address
  readonly possession: Address
  readonly stake: Address
  readonly escrow: Address
  readonly rewards: Address
  readonly governor: Address
}

const SOURCES = { minted: 1, sponsored: 2 } as const

/**
 * Creates all contracts, each with the addresses of those that it needs, also of later ones: so none has an owner that
 * connects them afterwards, and none can be connected differently.
 */
export async function deployContractsOnly(deployer: Deployer, options: DeployOptions): Promise<GenesisContracts> {
  const dollar =
    options.dollar === 'test'
      ? await deployer.create(
          'TestDollar',
          AbiConstructor.encode(AbiConstructor.fromAbi(testDollarAbi), { bytecode: testDollarBytecode }),
        )
      : options.dollar
  const [token, timelock, equivocation, possession, stake, escrow, rewards, governor] =
    await deployer.addressesOfNext(8)
  if (!token || !timelock || !equivocation || !possession || !stake || !escrow || !rewards || !governor)
    throw new TypeError('eight addresses were asked for')
  const places = { dollar, token, timelock, equivocation, possession, stake, escrow, rewards, governor }
  await deployer.create('SteadToken', tokenData(places, deployer.account, options), token)
  await deployer.create('SteadTimelock', timelockData(places, options), timelock)
  await deployer.create('Equivocation', equivocationData(places), equivocation)
  await deployer.create('Possession', possessionData(places, options), possession)
  await deployer.create('Stake', stakeData(places), stake)
  await deployer.create('Escrow', escrowData(places, options), escrow)
  await deployer.create('Rewards', rewardsData(places, options), rewards)
  await deployer.create('SteadGovernor', governorData(places, options), governor)
  return places
}

function tokenData({ rewards }: GenesisContracts, account: Address, { supply }: DeployOptions): `0x${string}` {
  const creation = AbiConstructor.fromAbi(steadTokenAbi)
  return AbiConstructor.encode(creation, { bytecode: steadTokenBytecode, args: [rewards, account, supply] })
}

function timelockData({ governor }: GenesisContracts, { timelockSeconds }: DeployOptions): `0x${string}` {
  const args = [BigInt(timelockSeconds), governor] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(steadTimelockAbi), { bytecode: steadTimelockBytecode, args })
}

function equivocationData({ stake }: GenesisContracts): `0x${string}` {
  const creation = AbiConstructor.fromAbi(equivocationAbi)
  return AbiConstructor.encode(creation, { bytecode: equivocationBytecode, args: [stake] })
}

function possessionData({ stake, escrow, token }: GenesisContracts, options: DeployOptions): `0x${string}` {
  const terms = { answerSeconds: options.answerSeconds, deposit: options.possessionDeposit }
  const args = [stake, escrow, token, terms] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(possessionAbi), { bytecode: possessionBytecode, args })
}

function stakeData({ token, timelock, equivocation, possession }: GenesisContracts): `0x${string}` {
  const args = [token, timelock, [equivocation, possession]] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(stakeAbi), { bytecode: stakeBytecode, args })
}

function escrowData({ dollar, token, timelock }: GenesisContracts, options: DeployOptions): `0x${string}` {
  const sale = {
    epochSeconds: BigInt(options.epochSeconds),
    halvingSeconds: BigInt(options.halvingSeconds ?? Math.max(1, Math.floor(options.epochSeconds / 24))),
    firstPrice: options.firstPrice,
    minimumLot: options.minimumLotMicroUsd ?? 1n,
  }
  const args = [dollar, token, timelock, options.thawSeconds, options.feeBps, sale] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(escrowAbi), { bytecode: escrowBytecode, args })
}

function rewardsData(places: GenesisContracts, options: DeployOptions): `0x${string}` {
  const { token, stake, escrow, timelock } = places
  const terms = {
    challengeSeconds: BigInt(options.challengeSeconds),
    decisionSeconds: BigInt(options.decisionSeconds),
    minimumStake: options.minimumStake,
    deposit: options.deposit,
  }
  const programs = options.programs.map(({ id, source }) => ({ id, source: SOURCES[source] }))
  const args = [token, stake, escrow, timelock, options.kappaBps, terms, programs] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(rewardsAbi), { bytecode: rewardsBytecode, args })
}

function governorData(places: GenesisContracts, options: DeployOptions): `0x${string}` {
  const { token, timelock, escrow, stake, rewards } = places
  const terms = {
    votingDelay: options.votingDelaySeconds,
    votingPeriod: options.votingPeriodSeconds,
    proposalThreshold: options.proposalThreshold,
    quorumBps: BigInt(options.quorumBps),
  }
  const args = [token, timelock, escrow, stake, rewards, terms] as const
  return AbiConstructor.encode(AbiConstructor.fromAbi(steadGovernorAbi), { bytecode: steadGovernorBytecode, args })
}
