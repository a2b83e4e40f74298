import { statfs } from 'node:fs/promises'
import { messageOf } from '@stead/core'
import type { DoctorCheck, DoctorReport } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'
import { isPhraseUnseen, readPhrase } from '../identity/phrase-file.ts'

/** Looks at everything that a node depends on; each check says what it found and what to do. */
export async function examineNode(node: SteadNode): Promise<DoctorReport> {
  const checks = await Promise.all([
    attempt('store', () => checkStore(node)),
    attempt('disk', () => checkDisk(node)),
    attempt('chain', () => checkChain(node)),
    attempt('account', () => checkAccount(node)),
    attempt('network', async () => checkNetwork(node)),
    attempt('offers', async () => checkOffers(node)),
    attempt('provider', () => checkProvider(node)),
    attempt('recovery phrase', async () => checkPhrase(node)),
    attempt('signatures', async () => checkSignatures(node)),
  ])
  const walls = await attemptWalls(node)
  const all = [...checks, ...walls]
  return { healthy: all.every((check) => check.state !== 'failed'), checks: all }
}

type Finding = Omit<DoctorCheck, 'name'>

async function attempt(name: string, look: () => Promise<Finding>): Promise<DoctorCheck> {
  try {
    return { name, ...(await look()) }
  } catch (error) {
    return { name, state: 'failed', detail: messageOf(error), next: 'Look into the log of the node.' }
  }
}

async function checkStore(node: SteadNode): Promise<Finding> {
  const { tables, rows, diskBytes } = await node.foundation.store.verify()
  return { state: 'ok', detail: `${rows} rows in ${tables} tables verified, ${mebibytes(diskBytes)} on disk` }
}

/** Below this a node may not finish what it accepted. */
const DISK_FREE_BYTES_LOW = 256 * 1024 * 1024

async function checkDisk(node: SteadNode): Promise<Finding> {
  const { bavail, bsize } = await statfs(node.directories.dataDir)
  const detail = `${mebibytes(bavail * bsize)} free in ${node.directories.dataDir}`
  if (bavail * bsize >= DISK_FREE_BYTES_LOW) return { state: 'ok', detail }
  return { state: 'warning', detail, next: `Free some space: at least ${mebibytes(DISK_FREE_BYTES_LOW)} are advised.` }
}

async function checkChain(node: SteadNode): Promise<Finding> {
  const { chain, clock } = node.foundation
  try {
    const ageS = Math.round((clock.now() - (await chain.blockTime())) / 1000)
    return { state: 'ok', detail: `chain ${chain.identity.chainId}, latest block ${ageS} s old` }
  } catch (error) {
    return {
      state: 'failed',
      detail: messageOf(error),
      next: 'Check the endpoint, or use another one: stead up --rpc <url>',
    }
  }
}

async function checkAccount(node: SteadNode): Promise<Finding> {
  const { chain } = node.foundation
  const { dollarMicroUsd, gasWei } = await chain.balances(chain.account)
  const detail = `${chain.account} holds ${dollarMicroUsd} micro-dollars and ${gasWei} wei for gas`
  if (gasWei > 0n) return { state: 'ok', detail }
  return {
    state: 'warning',
    detail,
    next: `Send some of the chain's coin to ${chain.account}; claims and purses cost gas.`,
  }
}

function checkNetwork(node: SteadNode): Finding {
  const { network } = node.foundation
  const connected = network.peers().filter((peer) => peer.connected)
  const detail = `${connected.length} peers connected, listening on ${network.addresses().length} addresses`
  if (connected.length > 0) return { state: 'ok', detail }
  return { state: 'warning', detail, next: 'Name a live peer: stead up --bootstrap <multiaddr with /p2p/>' }
}

function checkOffers(node: SteadNode): Finding {
  const offers = node.trade.offers.list('compute')
  const detail = `${offers.length} valid offers of compute known`
  return offers.length > 0
    ? { state: 'ok', detail }
    : { state: 'warning', detail, next: 'See who is there: stead peers' }
}

async function checkProvider(node: SteadNode): Promise<Finding> {
  const { provider } = node.trade
  if (provider === undefined) return { state: 'ok', detail: 'this node sells nothing (provide.enabled is false)' }
  const { state, running, waiting } = provider.compute.status()
  const { claim } = await provider.market.earnings()
  const detail = `${state}, ${running} tasks running, ${waiting} waiting; claims: ${claim.decision} (${claim.reason})`
  if (claim.error === undefined) return { state: 'ok', detail }
  return { state: 'warning', detail: `${detail}; ${claim.error}`, next: 'Try a claim now: stead settle' }
}

function checkPhrase({ directories: { dataDir } }: SteadNode): Finding {
  if (readPhrase(dataDir) === undefined) return { state: 'ok', detail: 'none yet: nothing was kept on the network' }
  if (!isPhraseUnseen(dataDir)) return { state: 'ok', detail: 'there, and was shown' }
  const detail = 'nobody was shown it yet: when this machine is lost, so is what is kept'
  return { state: 'warning', detail, next: 'Write it down: stead phrase' }
}

function checkSignatures(node: SteadNode): Finding {
  const { name } = node.foundation.secp256k1
  if (name === 'native') return { state: 'ok', detail: 'secp256k1 by the native library' }
  const next = 'Install the dependencies again with a C compiler at hand; everything works without it, slower.'
  return { state: 'warning', detail: `secp256k1 by ${name}, about ten times slower than native`, next }
}

/** The walls around guests; the executor is started for it, because only then they can be tried. */
async function attemptWalls(node: SteadNode): Promise<readonly DoctorCheck[]> {
  try {
    await node.executor.ensure()
    return node.executor.isolation().walls.map(({ name, up, detail }) => ({
      name: `sandbox ${name}`,
      state: up ? 'ok' : 'warning',
      detail,
    }))
  } catch (error) {
    return [{ name: 'sandbox', state: 'failed', detail: messageOf(error), next: 'Look into the log of the node.' }]
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
