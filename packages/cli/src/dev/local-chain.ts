import { join } from 'node:path'
import type { Address, Clock, Logger, MicroUsd, Signer, Wei } from '@stead/core'
import { hasCode, silentMetrics } from '@stead/core'
import { type AddressBook, chainIdentityOf, EvmChain, readAddressBook, writeAddressBook } from '@stead/evm'
import { AnvilProcess } from '@stead/evm/anvil'
import { deployContracts } from '@stead/evm/deploy'
import { loadOrCreateKey, systemClock, systemRandom } from '@stead/node/identity'
import { createSigner, type Secp256k1 } from '@stead/protocol'
import type { DevLayout } from './dev-layout.ts'
import { bondMember, DAILY_EPOCHS, type LocalEpochs, utilityOf } from './local-economy.ts'

const ETHER_WEI = 10n ** 18n
/** Gas for years of claims on a chain where it costs nothing. */
const GIFT_GAS_WEI: Wei = (100n * ETHER_WEI) as Wei
/** Below this a member is given gas again. */
const GAS_LOW_WEI = 10n * ETHER_WEI
/** Test dollars for the payer: more than any example costs, small enough to read. */
export const GIFT_DOLLARS_MICRO_USD: MicroUsd = 1_000_000_000n as MicroUsd
/** Below this the payer is given test dollars again. */
const DOLLARS_LOW_MICRO_USD = 100_000_000n

/** What the local chain needs. */
export interface LocalChainComponents {
  readonly logger: Logger
  readonly secp256k1: Secp256k1
  readonly onEnded: (error: Error) => void
}

/** Which local chain. */
export interface LocalChainOptions {
  readonly layout: DevLayout
  readonly port: number
  /** Fixed when the contracts are deployed. @default a day each */
  readonly epochs?: LocalEpochs
}

/** The chain of a local network with its contracts. */
export class LocalChain {
  readonly #components: LocalChainComponents
  readonly #layout: DevLayout
  readonly #clock: Clock = systemClock
  readonly #anvil: AnvilProcess
  readonly #epochs: LocalEpochs
  #chain: EvmChain | undefined
  #book: AddressBook | undefined

  constructor(components: LocalChainComponents, options: LocalChainOptions) {
    this.#epochs = options.epochs ?? DAILY_EPOCHS
    this.#components = components
    this.#layout = options.layout
    const { logger, onEnded } = components
    this.#anvil = new AnvilProcess(
      { clock: this.#clock, logger, onEnded },
      { directory: options.layout.chainDir, port: options.port, blockSeconds: this.#epochs.blockSeconds },
    )
  }

  get rpcUrl(): string {
    return this.#anvil.rpcUrl
  }

  /** Where the contracts are. @throws TypeError before start */
  get book(): AddressBook {
    if (this.#book === undefined) throw new TypeError('the local chain was not started')
    return this.#book
  }

  /** Starts the chain where it was left; contracts are deployed the first time. @throws ChainError */
  async start(): Promise<void> {
    await this.#anvil.start()
    const known = await this.#connect().catch((error: unknown) => {
      // No book yet, or a book of a chain whose state was lost.
      if (hasCode(error, 'CHAIN_ADDRESS_BOOK') || hasCode(error, 'CHAIN_WRONG_CONTRACT')) return false
      throw error
    })
    if (known) return
    await this.#deploy()
    await this.#connect()
  }

  async stop(): Promise<void> {
    await this.#chain?.stop()
    await this.#anvil.stop()
  }

  /** Gives a member gas, and where asked test dollars, when it is low on them. */
  async provideFor(account: Address, options: { readonly isPayer: boolean }): Promise<void> {
    const have = await this.#balances(account)
    const needsGas = have.gasWei < GAS_LOW_WEI
    const needsDollars = options.isPayer && have.dollarMicroUsd < DOLLARS_LOW_MICRO_USD
    if (!needsGas && !needsDollars) return
    await this.#anvil.faucet(account, {
      ...(needsGas ? { gasWei: GIFT_GAS_WEI } : {}),
      ...(needsDollars ? { dollarMicroUsd: GIFT_DOLLARS_MICRO_USD, dollar: this.book.dollar } : {}),
    })
  }

  /** Gives an account test dollars. @throws ChainError */
  async giveDollars(account: Address, dollarMicroUsd: MicroUsd): Promise<void> {
    await this.#anvil.faucet(account, { dollarMicroUsd, dollar: this.book.dollar })
  }

  /** Gives an operator tokens and bonds its node, unless it is bonded. @throws ChainError */
  async bond(node: Signer, operator: Signer): Promise<void> {
    if (this.#chain === undefined) throw new TypeError('the local chain was not started')
    await this.provideFor(operator.address, { isPayer: false })
    const account = this.#adapterOf(operator, this.book)
    const { identity } = this.#chain
    try {
      await bondMember({
        holder: await this.#chain.economy(this.book),
        account: await account.economy(this.book),
        operator: operator.address,
        node,
        identity,
      })
    } finally {
      await account.stop()
    }
  }

  #adapterOf(signer: Signer, book: AddressBook): EvmChain {
    return new EvmChain(
      { logger: this.#components.logger, metrics: silentMetrics, clock: this.#clock, signer },
      { rpcUrl: this.rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock },
    )
  }

  #balances(account: Address): ReturnType<EvmChain['balances']> {
    if (this.#chain === undefined) throw new TypeError('the local chain was not started')
    return this.#chain.balances(account)
  }

  #deployer(): ReturnType<typeof createSigner> {
    const { secp256k1 } = this.#components
    const key = loadOrCreateKey(this.#layout.deployerKey, { secp256k1, random: systemRandom })
    return createSigner(secp256k1, key)
  }

  async #connect(): Promise<true> {
    const book = await readAddressBook(this.#layout.addressBook)
    const chain = this.#adapterOf(this.#deployer(), book)
    await chain.start()
    this.#book = book
    this.#chain = chain
    return true
  }

  async #deploy(): Promise<void> {
    const { logger } = this.#components
    const signer = this.#deployer()
    await this.#anvil.faucet(signer.address, { gasWei: GIFT_GAS_WEI })
    const { epochSeconds, challengeSeconds, decisionSeconds, halvingSeconds } = this.#epochs
    const programs = [{ id: utilityOf(this.#epochs).id, source: 'minted' as const }]
    const book = await deployContracts(
      { clock: this.#clock, logger, signer },
      {
        rpcUrl: this.rpcUrl,
        dollar: 'test',
        epochSeconds,
        challengeSeconds,
        decisionSeconds,
        halvingSeconds,
        programs,
      },
    )
    // The contracts must be on disk before anything names them.
    await this.#anvil.saveState()
    await writeAddressBook(join(this.#layout.addressBook), book)
  }
}
