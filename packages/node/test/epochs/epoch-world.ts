import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Address,
  type Economy,
  hash,
  microUsd,
  type Signer,
  silentLogger,
  silentMetrics,
  type Wei,
} from '@stead/core'
import type { EpochService } from '@stead/epochs'
import { type AddressBook, chainIdentityOf, EvmChain, signNodeConsent, writeAddressBook } from '@stead/evm'
import { AnvilProcess } from '@stead/evm/anvil'
import { deployContracts } from '@stead/evm/deploy'
import { bytesToHex, createSigner, keccakText, loadSecp256k1, type Secp256k1 } from '@stead/protocol'
import {
  defaultAuditParameters,
  defaultQualityParameters,
  encodePolicy,
  policyId,
  type QualityParameters,
  utilityProgram,
} from '@stead/rewards'
import { DaemonClient } from '@stead/sdk'
import { buildTestPurse } from '@stead/testkit'
import { systemClock } from '../../src/adapters/system-clock.ts'
import { readApiFile } from '../../src/api/api-file.ts'
import { nodeDirectories } from '../../src/config/directories.ts'
import { loadNodeConfig } from '../../src/config/load-node-config.ts'
import type { NetworkDecorator } from '../../src/daemon/foundation.ts'
import { SteadNode } from '../../src/daemon/stead-node.ts'

const TOKEN: bigint = 10n ** 18n
const GAS: Wei = (1000n * TOKEN) as Wei
const EPOCH_SECONDS = 8
const CHALLENGE_SECONDS = 4
const BLOCK_MS = 500

/** Few probes, so that an epoch of seconds holds them. */
const QUALITY: QualityParameters = {
  ...defaultQualityParameters,
  probersPerNode: 3,
  probersMin: 2,
  probesPerEpoch: 4,
  audits: { ...defaultAuditParameters, auditorsPerNode: 3, auditorsMin: 2 },
}
const UTILITY_POLICY: Uint8Array = encodePolicy(utilityProgram, { quality: QUALITY })

/** One operator with one bonded node. */
export interface WorldMember {
  readonly name: string
  readonly node: SteadNode
  readonly nodeKey: Signer
  readonly operator: Signer
  readonly account: EvmChain
  readonly economy: Economy
  readonly epochs: EpochService
}

/** What a world's chain is like. */
export interface EpochWorldOptions {
  /** @default 8 */
  readonly epochSeconds?: number
  /** Time to answer a possession challenge. @default a day */
  readonly answerSeconds?: number
  /** How long a proposed root waits for a challenge. @default 4 */
  readonly challengeSeconds?: number
}

let salts = 0

/** A chain with epochs of seconds, and nodes in this process that take part in them. */
export class EpochWorld {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'stead-epochs-'))
  readonly members: WorldMember[] = []
  readonly #options: EpochWorldOptions
  readonly #stops: (() => Promise<void>)[] = []
  #anvil: AnvilProcess | undefined
  #book: AddressBook | undefined
  #secp256k1: Secp256k1 | undefined
  #mining: NodeJS.Timeout | undefined
  #holder: EvmChain | undefined

  constructor(options: EpochWorldOptions = {}) {
    this.#options = options
  }

  get book(): AddressBook {
    if (this.#book === undefined) throw new TypeError('not started')
    return this.#book
  }

  /** Holds all tokens and some dollars: buys lots, pays providers. */
  get holder(): EvmChain {
    if (this.#holder === undefined) throw new TypeError('not started')
    return this.#holder
  }

  get secp256k1(): Secp256k1 {
    if (this.#secp256k1 === undefined) throw new TypeError('not started')
    return this.#secp256k1
  }

  signerOf(name: string): Signer {
    return createSigner(this.secp256k1, keccakText(`epoch world ${name}`))
  }

  async start(): Promise<void> {
    this.#secp256k1 = await loadSecp256k1()
    const anvil = new AnvilProcess(
      { clock: systemClock, logger: silentLogger },
      { directory: join(this.directory, 'chain') },
    )
    this.#anvil = anvil
    await anvil.start()
    const signer = this.signerOf('holder')
    await anvil.faucet(signer.address, { gasWei: GAS })
    this.#book = await deployContracts(
      { clock: systemClock, logger: silentLogger, signer },
      {
        rpcUrl: anvil.rpcUrl,
        dollar: 'test',
        ...this.#options,
        epochSeconds: this.#options.epochSeconds ?? EPOCH_SECONDS,
        challengeSeconds: this.#options.challengeSeconds ?? CHALLENGE_SECONDS,
        decisionSeconds: 20,
        programs: [{ id: policyId(UTILITY_POLICY), source: 'minted' }],
      },
    )
    await writeAddressBook(this.#bookPath, this.book)
    writeFileSync(this.#policyPath, UTILITY_POLICY)
    this.#holder = await this.connect(signer)
    await anvil.faucet(signer.address, { dollarMicroUsd: microUsd(1_000_000_000n), dollar: this.book.dollar })
    // A chain without blocks has no epochs.
    this.#mining = setInterval(() => void this.rpc('evm_mine').catch(() => undefined), BLOCK_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#mining)
    for (const { node } of this.members) await node.stop()
    for (const stop of this.#stops) await stop()
    await this.#anvil?.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  async rpc(method: string, ...params: unknown[]): Promise<unknown> {
    const response = await fetch(this.#rpcUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    })
    return ((await response.json()) as { result: unknown }).result
  }

  /** A chain adapter of an account; stopped with the world. */
  async connect(signer: Signer): Promise<EvmChain> {
    const chain = new EvmChain(
      { clock: systemClock, logger: silentLogger, metrics: silentMetrics, signer },
      { rpcUrl: this.#rpcUrl, identity: chainIdentityOf(this.book), deployedAtBlock: this.book.deployedAtBlock },
    )
    await chain.start()
    this.#stops.push(() => chain.stop())
    return chain
  }

  /** Brings up a node of an operator of its own, bonded, that knows the first member. */
  async join(
    name: string,
    flags: Readonly<Record<string, unknown>> = {},
    decorateNetwork?: NetworkDecorator,
  ): Promise<WorldMember> {
    const [nodeKey, operator] = [this.signerOf(`node ${name}`), this.signerOf(`operator ${name}`)]
    const directory = join(this.directory, name)
    const operatorKey = this.#writeKeys(directory, name)
    for (const { address } of [nodeKey, operator]) await this.#anvil?.faucet(address, { gasWei: GAS })
    const account = await this.connect(operator)
    await this.#bond(account, nodeKey, operator.address)
    const member = await this.#up({ name, nodeKey, operator, account }, { operatorKey, flags, decorateNetwork })
    this.members.push(member)
    return member
  }

  /** Stops a member's node and starts it again in the same folder. */
  async restart(member: WorldMember, flags: Readonly<Record<string, unknown>> = {}): Promise<WorldMember> {
    await member.node.stop()
    const operatorKey = join(this.directory, member.name, 'keys', 'operator.key')
    const again = await this.#up(member, { operatorKey, flags })
    this.members.splice(this.members.indexOf(member), 1, again)
    return again
  }

  async #up(
    of: Pick<WorldMember, 'name' | 'nodeKey' | 'operator' | 'account'>,
    {
      operatorKey,
      flags,
      decorateNetwork,
    }: {
      readonly operatorKey: string
      readonly flags: Readonly<Record<string, unknown>>
      readonly decorateNetwork?: NetworkDecorator | undefined
    },
  ): Promise<WorldMember> {
    const directories = nodeDirectories(join(this.directory, of.name), {})
    const others = this.members.filter(({ name }) => name !== of.name)
    const bootstrap = others.flatMap(({ node }) => node.foundation.network.addresses().slice(0, 1)).slice(0, 1)
    const { config } = loadNodeConfig({
      directories,
      environment: {},
      flags: {
        'chain.rpcUrl': this.#rpcUrl,
        'chain.addressBook': this.#bookPath,
        'network.listen': ['/ip4/127.0.0.1/tcp/0'],
        'network.bootstrap': bootstrap,
        'network.mdns': false,
        'provide.enabled': true,
        'provide.operator': of.operator.address,
        'provide.concurrency': '1',
        'epochs.watch': true,
        'epochs.operatorKey': operatorKey,
        'epochs.policies': [this.#policyPath],
        ...flags,
      },
    })
    const node = new SteadNode({ logger: silentLogger, decorateNetwork }, { config, directories })
    await node.start()
    const { epochs } = node
    if (epochs === undefined) throw new TypeError('the node takes no part in epochs')
    return { ...of, node, economy: await of.account.economy(this.book), epochs }
  }

  /** The member's own HTTP API. */
  clientOf({ node }: WorldMember): DaemonClient {
    const connection = async () => {
      const access = readApiFile(node.directories.stateDir)
      if (access === undefined) throw new TypeError('the node serves no API')
      return access
    }
    return new DaemonClient({ connection, fetch: globalThis.fetch, clock: systemClock })
  }

  async giveDollars(to: Address, dollars: number): Promise<void> {
    const dollarMicroUsd = microUsd(BigInt(dollars) * 1_000_000n)
    await this.#anvil?.faucet(to, { dollarMicroUsd, dollar: this.book.dollar })
  }

  /** A payer's voucher of so many dollars, claimed on chain: its fee is in the lot of the epoch that runs. */
  async pay(member: WorldMember, dollars: number): Promise<void> {
    const allocationMicroUsd = microUsd(BigInt(dollars) * 1_000_000n)
    const voucherKey = this.signerOf(`voucher ${++salts}`)
    const salt = hash(`0x${salts.toString(16).padStart(64, '0')}`)
    const leaf = { node: member.nodeKey.address, operator: member.operator.address, allocationMicroUsd }
    const purse = buildTestPurse(this.book, { payer: this.holder.account, voucherKey, salt }, [leaf])
    await this.holder.fund(purse)
    await this.holder.claim([purse.claimOf(0, allocationMicroUsd)])
  }

  /** Resolves with the first answer that is not undefined; every look is after a new block. */
  async until<Value>(what: string, look: () => Promise<Value | undefined>, timeoutMs = 60_000): Promise<Value> {
    const startedMs = systemClock.monotonicMs()
    for (;;) {
      const value = await look()
      if (value !== undefined) return value
      if (systemClock.monotonicMs() - startedMs > timeoutMs) throw new Error(`not in time: ${what}`)
      await this.nextBlock()
    }
  }

  async nextBlock(): Promise<void> {
    const history = await this.holder.history(this.book)
    const before = await history.head()
    while ((await history.head()).number === before.number) await systemClock.sleep(50)
  }

  get #rpcUrl(): string {
    return this.#anvil?.rpcUrl ?? ''
  }

  get #bookPath(): string {
    return join(this.directory, 'address-book.json')
  }

  get #policyPath(): string {
    return join(this.directory, 'utility.policy')
  }

  #writeKeys(directory: string, name: string): string {
    mkdirSync(join(directory, 'keys'), { recursive: true, mode: 0o700 })
    const path = (file: string) => join(directory, 'keys', file)
    const write = (file: string, of: string) =>
      writeFileSync(path(file), `${bytesToHex(keccakText(`epoch world ${of}`))}\n`, { mode: 0o600 })
    write('node.key', `node ${name}`)
    write('operator.key', `operator ${name}`)
    return path('operator.key')
  }

  async #bond(account: EvmChain, nodeKey: Signer, operator: Address): Promise<void> {
    await (await this.holder.economy(this.book)).transfer(operator, 5000n * TOKEN)
    const consent = signNodeConsent(nodeKey, operator, chainIdentityOf(this.book))
    await (await account.economy(this.book)).bond(nodeKey.address, 2000n * TOKEN, consent)
  }
}
