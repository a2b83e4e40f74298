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
  type TransactionOutcome,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { type AddressBook, chainIdentityOf, EvmChain, type EvmEconomy, signNodeConsent } from '@stead/evm'
import { AnvilProcess } from '@stead/evm/anvil'
import { deployContracts } from '@stead/evm/deploy'
import { systemClock } from '@stead/node/identity'
import { createSigner, keccakText, loadSecp256k1 } from '@stead/protocol'
import { buildTestPurse, type TestPurse } from '@stead/testkit'

export const TOKEN: bigint = 10n ** 18n
export const UTILITY: Hash = hash(`0x${'a1'.repeat(32)}`)
export const COVERAGE: Hash = hash(`0x${'c0'.repeat(32)}`)
const WINDOW_SECONDS = 1000
const EPOCH_SECONDS = 10_000
const PURSE_MICRO_USD = 1_000_000n
const secp256k1 = await loadSecp256k1()

/** A key that no other name stands for. */
export function signerOf(name: string): Signer {
  return createSigner(secp256k1, keccakText(name))
}

/** A local chain with the contracts, and one rich account that does everything whose gas is measured. */
export class ChainNetwork {
  readonly signer: Signer = signerOf('rich')
  readonly book: AddressBook
  readonly chain: EvmChain
  readonly economy: EvmEconomy
  readonly #anvil: AnvilProcess
  readonly #directory: string
  readonly #alive: NodeJS.Timeout
  #salt = 0

  private constructor(parts: {
    anvil: AnvilProcess
    directory: string
    book: AddressBook
    chain: EvmChain
    economy: EvmEconomy
    alive: NodeJS.Timeout
  }) {
    this.#anvil = parts.anvil
    this.#directory = parts.directory
    this.#alive = parts.alive
    this.book = parts.book
    this.chain = parts.chain
    this.economy = parts.economy
  }

  static async start(): Promise<ChainNetwork> {
    const directory = mkdtempSync(join(tmpdir(), 'stead-gas-'))
    // The system clock's waits do not keep a process alive.
    const alive = setInterval(() => undefined, 60_000)
    const anvil = new AnvilProcess({ clock: systemClock, logger: silentLogger }, { directory })
    await anvil.start()
    const deployer = signerOf('deployer')
    await anvil.faucet(deployer.address, { gasWei: (10n * TOKEN) as Wei })
    const book = await deployContracts(
      { clock: systemClock, logger: silentLogger, signer: deployer },
      {
        rpcUrl: anvil.rpcUrl,
        dollar: 'test',
        holder: signerOf('rich').address,
        epochSeconds: EPOCH_SECONDS,
        challengeSeconds: WINDOW_SECONDS,
        decisionSeconds: WINDOW_SECONDS,
        programs: [
          { id: UTILITY, source: 'minted' },
          { id: COVERAGE, source: 'sponsored' },
        ],
      },
    )
    const chain = new EvmChain(
      { clock: systemClock, logger: silentLogger, metrics: silentMetrics, signer: signerOf('rich') },
      { rpcUrl: anvil.rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock },
    )
    const network = new ChainNetwork({ anvil, directory, book, chain, economy: await chain.economy(book), alive })
    const gift = { gasWei: (1000n * TOKEN) as Wei, dollarMicroUsd: microUsd(10n ** 12n), dollar: book.dollar }
    await anvil.faucet(network.signer.address, gift)
    await network.chain.start()
    return network
  }

  async stop(): Promise<void> {
    await this.chain.stop()
    await this.#anvil.stop()
    rmSync(this.#directory, { recursive: true, force: true })
    clearInterval(this.#alive)
  }

  /** Moves the chain's time forward. */
  async passSeconds(seconds: number): Promise<void> {
    for (const [method, params] of [['evm_increaseTime', [seconds]] as const, ['evm_mine', []] as const]) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      await fetch(this.#anvil.rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    }
  }

  /** A window of proposals and one second. */
  passWindow(): Promise<void> {
    return this.passSeconds(WINDOW_SECONDS + 1)
  }

  /** Ends the epoch that runs. */
  endEpoch(): Promise<void> {
    return this.passSeconds(EPOCH_SECONDS)
  }

  /** A purse with one leaf for each provider. */
  purse(providers: readonly { readonly node: Address; readonly operator: Address }[]): TestPurse {
    const salt = hash(`0x${(++this.#salt).toString(16).padStart(64, '0')}`)
    const leaves = providers.map((provider) => ({ ...provider, allocationMicroUsd: microUsd(PURSE_MICRO_USD) }))
    return buildTestPurse(this.chain.identity, { payer: this.signer.address, voucherKey: this.signer, salt }, leaves)
  }

  async bond(node: Signer, isFirst: boolean): Promise<TransactionOutcome> {
    const consent = isFirst ? signNodeConsent(node, this.signer.address, this.chain.identity) : new Uint8Array()
    return await this.economy.bond(node.address, 1000n * TOKEN, consent)
  }

  async epochNow(): Promise<number> {
    const { genesisAt, epochSeconds } = await this.economy.epochTerms()
    return Math.floor(((await this.chain.blockTime()) - genesisAt) / 1000 / epochSeconds)
  }

  async later(): Promise<UnixMs> {
    return ((await this.chain.blockTime()) + 600_000) as UnixMs
  }
}

/** A share of a purse's leaf. */
export function share(parts: number): MicroUsd {
  return microUsd((PURSE_MICRO_USD * BigInt(parts)) / 10n)
}
