import type { Clock, Logger, Network, Random, Signer, Store } from '@stead/core'
import { type AddressBook, chainIdentityOf, EvmChain } from '@stead/evm'
import { Libp2pNetwork } from '@stead/libp2p'
import { createSigner, loadSecp256k1, type Secp256k1 } from '@stead/protocol'
import { SqliteStore } from '@stead/sqlite'
import { PrometheusMetrics } from '../adapters/prometheus-metrics.ts'
import { systemClock } from '../adapters/system-clock.ts'
import { systemRandom } from '../adapters/system-random.ts'
import { type NodeDirectories, nodeKeyPath, storeDirectory } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import { loadOrCreateKey } from '../identity/key-file.ts'
import { makePrivateDirectory } from '../identity/private-file.ts'
import { type ChainSettings, checkSettings } from './check-settings.ts'
import { PeerMemory } from './peer-memory.ts'
import type { StopStack } from './stop-stack.ts'

/** What a node stands on: its key, its journal, the chain and the network, all of them up. */
export interface Foundation {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: PrometheusMetrics
  readonly store: SqliteStore
  readonly secp256k1: Secp256k1
  readonly signer: Signer
  readonly chain: EvmChain
  readonly addressBook: AddressBook
  readonly network: Network
  /** Where this node keeps what must outlive it. */
  readonly dataDir: string
}

/** Puts something between a node and its network: a recorder, a slow line, a node that does not keep to the rules. */
export type NetworkDecorator = (network: Network) => Network

/** What opening needs. */
export interface FoundationComponents {
  readonly logger: Logger
  readonly stops: StopStack
  /** @default the network itself */
  readonly decorateNetwork?: NetworkDecorator | undefined
}

/** What is to be opened. */
export interface FoundationOptions {
  readonly config: NodeConfig
  readonly directories: NodeDirectories
}

/** Addresses of peers met before that are tried at a start. */
const RECALLED_MAX = 16

/**
 * Opens what a node stands on; each part is on the stop stack as soon as it is up.
 * @throws as {@link checkSettings}; CoreError STORE_LOCKED and others of the store, NodeError, ChainError, Libp2pError
 */
export async function openFoundation(
  components: FoundationComponents,
  options: FoundationOptions,
): Promise<Foundation> {
  const { logger, stops, decorateNetwork = (network) => network } = components
  const { config, directories } = options
  const [clock, random, metrics] = [systemClock, systemRandom, new PrometheusMetrics()]
  const settings = await checkSettings(config)
  makePrivateDirectory(directories.dataDir)
  // First of all: a second node on the same folder must find out before it touches anything.
  const store = await SqliteStore.open({ logger, metrics }, { directory: storeDirectory(directories.dataDir) })
  stops.push('store', () => store.close())
  const secp256k1 = await loadSecp256k1()
  const privateKey = loadOrCreateKey(nodeKeyPath(directories.dataDir), { secp256k1, random })
  const signer = createSigner(secp256k1, privateKey)
  const { addressBook } = settings
  const chain = await openChain({ logger, metrics, clock, signer }, settings, config)
  stops.push('chain', () => chain.stop())
  const network = decorateNetwork(
    await openNetwork({ store, clock, random, logger, metrics, privateKey, stops }, config),
  )
  return {
    clock,
    random,
    logger,
    metrics,
    store,
    secp256k1,
    signer,
    chain,
    addressBook,
    network,
    dataDir: directories.dataDir,
  }
}

async function openChain(
  components: ConstructorParameters<typeof EvmChain>[0],
  { rpcUrl, addressBook }: ChainSettings,
  config: NodeConfig,
): Promise<EvmChain> {
  const { deployedAtBlock } = addressBook
  const { confirmations } = config.chain
  const identity = chainIdentityOf(addressBook)
  const chain = new EvmChain(components, { rpcUrl, identity, deployedAtBlock, confirmations })
  await chain.start()
  return chain
}

async function openNetwork(
  components: Pick<Foundation, 'clock' | 'random' | 'logger' | 'metrics'> & {
    readonly store: Store
    readonly privateKey: Uint8Array
    readonly stops: StopStack
  },
  config: NodeConfig,
): Promise<Network> {
  const { stops } = components
  const memory = new PeerMemory(components)
  const known = await memory.recall()
  const { listen, announce, bootstrap, mdns } = config.network
  const network = new Libp2pNetwork(components, {
    listen,
    announce,
    mdns,
    bulkListen: config.bulk.listen,
    bulkAnnounce: config.bulk.announce,
    bootstrap: [...new Set([...bootstrap, ...known.slice(0, RECALLED_MAX)])],
    known,
  })
  await network.start()
  stops.push('network', () => network.stop())
  memory.start(network)
  stops.push('peer memory', () => memory.stop())
  return network
}
