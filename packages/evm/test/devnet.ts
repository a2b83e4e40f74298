import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Address,
  type Hash,
  hash,
  type MicroUsd,
  microUsd,
  type Signer,
  silentLogger,
  silentMetrics,
  type Wei,
} from '@stead/core'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { buildTestPurse, type TestPurse } from '@stead/testkit'
import { AnvilProcess } from '../src/anvil/index.ts'
import { type DeployInput, deployContracts } from '../src/deploy/index.ts'
import { type AddressBook, chainIdentityOf, EvmChain, type EvmInput } from '../src/index.ts'
import { systemClock } from './system-clock.ts'

export const ONE_COIN: Wei = 1_000_000_000_000_000_000n as Wei
export const dollars = (amount: number): MicroUsd => microUsd(BigInt(Math.round(amount * 1_000_000)))
const secp256k1 = await loadSecp256k1()
let keysMade = 0

/** A new account whose key no other test uses. */
export function newSigner(): Signer {
  const key = new Uint8Array(32).fill(0x42)
  new DataView(key.buffer).setUint32(0, ++keysMade)
  return createSigner(secp256k1, key)
}

/** Any 32 bytes that are not used elsewhere. */
export function newSalt(): Hash {
  return hash(`0x${(++keysMade).toString(16).padStart(64, '0')}`)
}

/** A local chain with the contracts on it, and chain adapters for accounts that have money. */
export interface Devnet {
  readonly anvil: AnvilProcess
  readonly book: AddressBook
  /** An adapter for a new account with gas and dollars; stopped with the devnet. */
  connect(input?: Partial<EvmInput>, signer?: Signer): Promise<EvmChain>
  give(account: Address, gift: { gasWei?: Wei; dollarMicroUsd?: MicroUsd }): Promise<void>
  /** Moves the chain's time forward and mines a block. */
  passSeconds(seconds: number): Promise<void>
  rpc(method: string, ...parameters: unknown[]): Promise<unknown>
  stop(): Promise<void>
}

export async function rawRpc(url: string, method: string, parameters: unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: parameters })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } }
  if (answer.error !== undefined) throw new Error(answer.error.message)
  return answer.result
}

async function deployTo(anvil: AnvilProcess, input: Partial<DeployInput>): Promise<AddressBook> {
  const signer = newSigner()
  await anvil.faucet(signer.address, { gasWei: ONE_COIN })
  const components = { clock: systemClock, logger: silentLogger, signer }
  return deployContracts(components, { rpcUrl: anvil.rpcUrl, dollar: 'test', ...input })
}

export async function startDevnet(input: Partial<DeployInput> = {}): Promise<Devnet> {
  const directory = mkdtempSync(join(tmpdir(), 'stead-chain-'))
  const anvil = new AnvilProcess({ clock: systemClock, logger: silentLogger }, { directory })
  await anvil.start()
  const chains: EvmChain[] = []
  const book = await deployTo(anvil, input).catch(async (error: unknown) => {
    await anvil.stop()
    throw error
  })
  const rpc = (method: string, ...parameters: unknown[]): Promise<unknown> => rawRpc(anvil.rpcUrl, method, parameters)
  const give: Devnet['give'] = (account, gift) => anvil.faucet(account, { ...gift, dollar: book.dollar })
  return {
    anvil,
    book,
    give,
    rpc,
    connect: async (input = {}, signer) => {
      const owner = signer ?? newSigner()
      if (signer === undefined) await give(owner.address, { gasWei: ONE_COIN, dollarMicroUsd: dollars(1000) })
      const chain = new EvmChain(
        { clock: systemClock, logger: silentLogger, metrics: silentMetrics, signer: owner },
        { rpcUrl: anvil.rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock, ...input },
      )
      chains.push(chain)
      await chain.start()
      return chain
    },
    passSeconds: async (seconds) => {
      await rpc('evm_increaseTime', seconds)
      await rpc('evm_mine')
    },
    stop: async () => {
      for (const chain of chains) await chain.stop()
      await anvil.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A purse of `payer` with one leaf per allocation, vouchers signed by `voucherKey`. */
export function buildPurse(
  chain: Pick<AddressBook, 'chainId' | 'escrow'>,
  parties: { readonly payer: Address; readonly voucherKey: Signer },
  allocations: readonly MicroUsd[],
): TestPurse {
  const leaves = allocations.map((allocationMicroUsd) => ({
    node: newSigner().address,
    operator: newSigner().address,
    allocationMicroUsd,
  }))
  return buildTestPurse(chain, { ...parties, salt: newSalt() }, leaves)
}
