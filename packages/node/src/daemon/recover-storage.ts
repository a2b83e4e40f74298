import { renameSync } from 'node:fs'
import { type Address, hasCode, type Logger, silentMetrics } from '@stead/core'
import { bytesToHex, peerIdOfPublicKey } from '@stead/protocol'
import { SqliteStore } from '@stead/sqlite'
import { type PayerRow, type RecoveredStorage, rootSecretOf, type TreeObjectStore } from '@stead/storage'
import { readApiFile } from '../api/api-file.ts'
import { type NodeDirectories, nodeKeyPath, storeDirectory } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import { NodeError } from '../errors.ts'
import { makePrivateDirectory, writePrivateFile } from '../identity/private-file.ts'
import type { BuyingStorage } from './buying-storage.ts'
import { checkSettings } from './check-settings.ts'
import { SteadNode } from './stead-node.ts'
import { noteLostBooks, placePhrase } from './storage-phrase.ts'

/** What is to be recovered, and where. */
export interface RecoverOptions {
  readonly config: NodeConfig
  /** A folder whose node does not run. */
  readonly directories: NodeDirectories
  readonly phrase: string
  /**
   * `beside`: the machines that wrote until now still run, and this one keeps what it writes with a key of its own.
   * An address: the machine that is gone; this one takes its key, its money and its agreements.
   * @default the only machine that wrote
   */
  readonly replace?: Address | 'beside'
  /**
   * Keepers of roots that do not answer now are gone for good: those that are left agree alone, and others take their place.
   * @default false
   */
  readonly withoutAbsent?: boolean
}

/** What a recovery phrase brought back. */
export interface RecoveredNode {
  readonly node: Address
  readonly buckets: readonly string[]
  /** Missing where the machine runs beside others. */
  readonly books?: RecoveredStorage
}

/**
 * Brings back what a phrase gives: finds the catalogue, takes the place of the machine that is gone, makes its books again.
 * @throws NodeError NODE_NETWORK_UNKNOWN, NODE_RUNNING, NODE_PHRASE_OTHER, NODE_PAYER_UNKNOWN, NODE_PAYER_RUNS;
 *   as {@link checkSettings}; StorageError STORAGE_BAD_PHRASE, STORAGE_ROOT_UNKNOWN, STORAGE_ROOT_AWAY
 */
export async function recoverStorage(
  { logger }: { readonly logger: Logger },
  { config, directories, phrase, replace, withoutAbsent = false }: RecoverOptions,
): Promise<RecoveredNode> {
  // Whoever mistyped a word is told so before being asked for anything else.
  rootSecretOf(phrase)
  requireNetwork(config)
  // Nothing is sold or served while the node is not yet who it will be.
  const quiet: NodeConfig = {
    ...config,
    provide: { ...config.provide, enabled: false },
    s3: { ...config.s3, enabled: false },
  }
  await checkSettings(quiet)
  await aloneIn(directories, logger, () => placePhrase(directories.dataDir, phrase))
  const plan = { config: quiet, directories }
  const found = await withNode(logger, plan, async (node) => {
    const { objects } = await openStorage(node, withoutAbsent)
    const self = node.foundation.signer.address
    // The newest root tells it, and no segment is read: repairs may have put the pieces where only the payer finds them.
    const payers = await objects.payers()
    if (replace === 'beside') return { self, buckets: await bucketsOf(objects) }
    const lost = lostPayer(payers, replace)
    if (lost.payer !== self) await refuseIfRunning(node, lost)
    await noteLostBooks(node.foundation.store, true)
    return { self, lost }
  })
  const { self, buckets = [], lost } = found
  if (lost === undefined) return { node: self, buckets }
  if (lost.payer !== self) takeKey(directories.dataDir, lost, self)
  return await withNode(logger, plan, async (node) => {
    const storage = await openStorage(node, withoutAbsent)
    const books = await storage.recover()
    return { node: lost.payer, buckets: await bucketsOf(storage.objects), books }
  })
}

/** @throws NodeError NODE_NETWORK_UNKNOWN */
function requireNetwork({ chain, network }: NodeConfig): void {
  const missing = [
    ...(chain.rpcUrl === undefined ? ['chain.rpcUrl (--rpc <url>)'] : []),
    ...(chain.addressBook === undefined ? ['chain.addressBook (--address-book <file>)'] : []),
    ...(network.bootstrap.length === 0 && !network.mdns ? ['network.bootstrap (--bootstrap <multiaddr>)'] : []),
  ]
  if (missing.length === 0) return
  throw new NodeError('NODE_NETWORK_UNKNOWN', `not set: ${missing.join(', ')}`, { details: { missing } })
}

/** Does something in a folder while no node can run there. @throws NodeError NODE_RUNNING; CoreError of the store */
async function aloneIn({ dataDir, stateDir }: NodeDirectories, logger: Logger, work: () => void): Promise<void> {
  makePrivateDirectory(dataDir)
  const options = { directory: storeDirectory(dataDir) }
  const store = await SqliteStore.open({ logger, metrics: silentMetrics }, options).catch((cause: unknown) => {
    if (!hasCode(cause, 'STORE_LOCKED')) throw cause
    const pid = readApiFile(stateDir)?.pid
    const process = pid === undefined ? '' : ` (process ${pid})`
    throw new NodeError('NODE_RUNNING', `a node runs in ${dataDir}${process}`, { details: { dataDir, pid }, cause })
  })
  try {
    work()
  } finally {
    await store.close()
  }
}

const ANSWER_TIMEOUT_MS = 15_000

/** Asks the machine that is said to be gone: whoever answers has its key. @throws NodeError NODE_PAYER_RUNS */
async function refuseIfRunning({ foundation }: SteadNode, { payer, privateKey }: PayerRow): Promise<void> {
  const { network, secp256k1 } = foundation
  const peer = peerIdOfPublicKey(secp256k1.publicKey(privateKey))
  try {
    await network.ping(peer, ANSWER_TIMEOUT_MS)
  } catch (error) {
    if (hasCode(error, 'NETWORK_UNREACHABLE') || hasCode(error, 'NETWORK_TIMEOUT')) return
    throw error
  }
  throw new NodeError('NODE_PAYER_RUNS', `${payer} still runs: it answers as ${peer}`, { details: { payer, peer } })
}

async function openStorage(node: SteadNode, withoutAbsent: boolean): Promise<BuyingStorage> {
  const storage = await node.trade.payer.storage.open()
  // It costs money, which the node may not have yet: whatever runs afterwards shows what changed in shares.
  await storage.objects.shares.stop()
  if (withoutAbsent) storage.consumer.pointers.takeAbsentForGone()
  return storage
}

async function bucketsOf(objects: TreeObjectStore): Promise<readonly string[]> {
  return (await objects.buckets()).map(({ name }) => name)
}

function lostPayer(payers: readonly PayerRow[], replace: Address | undefined): PayerRow {
  const [only] = payers
  const lost = replace === undefined ? only : payers.find(({ payer }) => payer === replace)
  if (lost !== undefined && (replace !== undefined || payers.length === 1)) return lost
  const known = payers.map(({ payer }) => payer)
  const message =
    replace === undefined
      ? `${payers.length} machines wrote under this phrase: ${known.join(', ')}`
      : `${replace} did not write under this phrase; these did: ${known.join(', ')}`
  throw new NodeError('NODE_PAYER_UNKNOWN', message, { details: { payers: known } })
}

/** The key that the folder had stays beside the new one, under its own address: it may have been given money. */
function takeKey(dataDir: string, { privateKey }: PayerRow, own: Address): void {
  const path = nodeKeyPath(dataDir)
  renameSync(path, `${path}.was-${own}`)
  writePrivateFile(path, `${bytesToHex(privateKey)}\n`, true)
}

async function withNode<Result>(
  logger: Logger,
  plan: { readonly config: NodeConfig; readonly directories: NodeDirectories },
  work: (node: SteadNode) => Promise<Result>,
): Promise<Result> {
  const node = new SteadNode({ logger }, plan)
  try {
    await node.start()
    return await work(node)
  } finally {
    await node.stop()
  }
}
