import {
  address,
  type Clock,
  type MicroUsd,
  microUsd,
  type PeerId,
  type Random,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import {
  MarketPayer,
  MarketProvider,
  marketPayerOptionsSchema,
  marketProviderOptionsSchema,
  type PayerChannel,
} from '@stead/market'
import { createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { MemoryChain, MemoryHub, MemoryLedger, MemoryStore } from '@stead/testkit'

const secp256k1 = await loadSecp256k1()
const payerSigner = createSigner(secp256k1, new Uint8Array(32).fill(1))
const providerSigner = createSigner(secp256k1, new Uint8Array(32).fill(2))
const operator = address(`0x${'0f'.repeat(20)}`)
const account = address(`0x${'aa'.repeat(20)}`)

/** A store that keeps a day's work without history, so that the bench measures the market and not the simulation. */
class LeanStore extends MemoryStore {
  readonly #rows: Map<string, Uint8Array> = new Map()

  override async write(batch: Parameters<MemoryStore['write']>[0]): Promise<void> {
    for (const operation of batch) {
      if (operation.kind === 'put') this.#rows.set(`${operation.table} ${operation.key}`, operation.value)
      else this.#rows.delete(`${operation.table} ${operation.key}`)
    }
  }
}

/** A payer and a provider in one process over simulated ports and the real clock. */
export class OneShotWorld {
  readonly payerPeer: PeerId = peerIdOfPublicKey(payerSigner.publicKey)
  readonly secp256k1Name: string = secp256k1.name
  readonly #hub: MemoryHub
  readonly #ledger: MemoryLedger
  readonly #parts: { readonly clock: Clock; readonly random: Random }
  #payer: MarketPayer | undefined
  #provider: MarketProvider | undefined

  constructor(clock: Clock, random: Random) {
    this.#parts = { clock, random }
    this.#hub = new MemoryHub({ clock, random })
    this.#ledger = new MemoryLedger({ clock, secp256k1 })
    this.#ledger.give(account, { dollarMicroUsd: 10n ** 13n, gasWei: 10n ** 18n })
  }

  get payer(): MarketPayer {
    if (this.#payer === undefined) throw new TypeError('not open')
    return this.#payer
  }

  get provider(): MarketProvider {
    if (this.#provider === undefined) throw new TypeError('not open')
    return this.#provider
  }

  async open(allocationMicroUsd: MicroUsd): Promise<PayerChannel> {
    const common = { ...this.#parts, secp256k1, logger: silentLogger, metrics: silentMetrics }
    const providerPeer = peerIdOfPublicKey(providerSigner.publicKey)
    const [payerNetwork, providerNetwork] = [this.#hub.createNode(this.payerPeer), this.#hub.createNode(providerPeer)]
    const [payerChain, providerChain] = [
      new MemoryChain(this.#ledger, account),
      new MemoryChain(this.#ledger, operator),
    ]
    await Promise.all([payerNetwork, providerNetwork, payerChain, providerChain].map((part) => part.start()))
    const providerParts = { ...common, network: providerNetwork, store: new LeanStore(), chain: providerChain }
    const provider = new MarketProvider(
      { ...providerParts, signer: providerSigner },
      marketProviderOptionsSchema.parse({ operator }),
    )
    const terms = Uint8Array.of(1)
    const leastUnitMicroUsd = microUsd(1n)
    provider.sell({
      resource: 'compute',
      terms: () => terms,
      quote: () => ({ terms, concurrency: 64, leastUnitMicroUsd }),
    })
    await provider.start()
    const payerParts = { ...common, network: payerNetwork, store: new LeanStore(), chain: payerChain }
    const payer = new MarketPayer({ ...payerParts, signer: payerSigner }, marketPayerOptionsSchema.parse({}))
    await payer.start()
    this.#payer = payer
    this.#provider = provider
    return this.#openChannel(payer, providerPeer, allocationMicroUsd)
  }

  async stop(): Promise<void> {
    await this.#payer?.stop()
    await this.#provider?.stop()
  }

  async #openChannel(payer: MarketPayer, peer: PeerId, allocationMicroUsd: MicroUsd): Promise<PayerChannel> {
    const now = this.#parts.clock.now()
    const { chainId, escrow } = this.#ledger.identity
    const offer = {
      version: 1,
      node: providerSigner.address,
      operator,
      resource: 'compute',
      chainId,
      escrow,
      region: '-',
      sequence: 1,
      issuedAt: now,
      expiresAt: now,
      terms: Uint8Array.of(1),
    } as const
    const signed = { document: new Uint8Array(0), signature: new Uint8Array(65) }
    const providers = [{ offer, peer, signed }]
    const [answer] = await payer.quotes({ resource: 'compute', need: Uint8Array.of(1), providers, timeoutMs: 5_000 })
    if (answer?.kind !== 'quote') throw new TypeError('no quote')
    const { channels, refused } = await payer.openChannels([{ quote: answer.opened, allocationMicroUsd }])
    const [channel] = channels
    if (channel === undefined) throw refused[0]?.error ?? new TypeError('no channel')
    return channel
  }
}
