import { computeTermsSchema, isFinal } from '@stead/compute'
import { type Address, type MicroUsd, messageOf, type UnixMs } from '@stead/core'
import type { OfferEntry } from '@stead/market'
import { addressOfPeerId } from '@stead/protocol'
import type {
  AccountStatus,
  AuditStatus,
  NodeStatus,
  OfferStatus,
  PeerStatus,
  ProviderStatus,
  StorageStatus,
} from '@stead/sdk/api'
import { storageTermsSchema } from '@stead/storage'
import type { SteadNode } from '../daemon/stead-node.ts'
import type { SharedStorage } from '../daemon/trade.ts'
import { NodeError } from '../errors.ts'
import { VERSION } from '../version.ts'
import { examineNode } from './doctor.ts'
import type { Handlers } from './handlers.ts'
import { placementView } from './placement-view.ts'
import { runSelftest } from './selftest.ts'

type NodeRoutes = 'leaveStorage' | 'getStatus' | 'listPeers' | 'listOffers' | 'finish' | 'getDoctor' | 'runSelftest'

/** What the node is and does. */
export function nodeHandlers(node: SteadNode): Pick<Handlers, NodeRoutes> {
  return {
    getStatus: () => statusOf(node),
    listPeers: async () => ({ peers: peersOf(node) }),
    listOffers: async () => ({ offers: SOLD.flatMap((resource) => node.trade.offers.list(resource)).map(offerOf) }),
    finish: async () => {
      if (node.trade.provider === undefined && (await node.trade.payer.compute.jobs()).length === 0) {
        throw new NodeError('NODE_NOT_PROVIDING', 'this node sells nothing and has no jobs', {
          next: 'Stop it with Ctrl-C.',
        })
      }
      return { ...node.finish(), reasons: [] }
    },
    leaveStorage: async ({ body }) => {
      const storage = node.trade.provider?.storage
      if (storage === undefined)
        throw new NodeError('NODE_NOT_PROVIDING', 'this node shares no disk space', {
          next: 'There is nothing to hand over; to stop everything else: stead finish',
        })
      if (body.leave) await storage.provider.leave()
      else await storage.provider.stay()
      // Payers hear of it now, not when the offer would be told again.
      node.trade.offers.refresh('storage')
      return storageStatusOf(storage, node)
    },
    getDoctor: () => examineNode(node),
    runSelftest: () => runSelftest(node),
  }
}

async function statusOf(node: SteadNode): Promise<NodeStatus> {
  const { chain, network, signer } = node.foundation
  const { provider, payer, offers, caretaker } = node.trade
  const account = await accountOf(node, chain.account)
  const peers = network.peers().filter((peer) => peer.connected)
  const channels = payer.market.channels()
  const locked = channels.reduce(
    (sum, channel) => sum + channel.terms.allocationMicroUsd - channel.stats().paidMicroUsd,
    0n,
  )
  const kept = await payer.storage.placement()
  const running = (await payer.compute.jobs()).filter((job) => !isFinal(job.state))
  return {
    version: VERSION,
    node: signer.address,
    peer: network.self,
    ...(provider === undefined ? {} : { operator: provider.operator }),
    dataDirectory: node.directories.dataDir,
    processId: process.pid,
    startedAt: node.startedAtMs as UnixMs,
    roles: provider === undefined ? ['payer'] : ['payer', 'provider'],
    addresses: network.addresses(),
    peers: peers.length,
    offers: offers.list('compute').length,
    chain: {
      chainId: chain.identity.chainId,
      escrow: chain.identity.escrow,
      reachable: account.stale === undefined,
      account,
    },
    provider: await providerStatusOf(node),
    ...(provider?.storage === undefined ? {} : { storage: storageStatusOf(provider.storage, node) }),
    ...(caretaker === undefined ? {} : { wards: caretaker.status() }),
    ...(kept === undefined ? {} : { kept: placementView(kept) }),
    payer: { jobsRunning: running.length, lockedMicroUsd: locked as MicroUsd },
  }
}

/** What an account holds; an outage is shown as such, never as zero. */
async function accountOf(node: SteadNode, account: Address): Promise<AccountStatus> {
  try {
    return { account, ...(await node.foundation.chain.balances(account)) }
  } catch (error) {
    return { account, stale: messageOf(error) }
  }
}

async function providerStatusOf(node: SteadNode): Promise<ProviderStatus> {
  const { provider } = node.trade
  if (provider === undefined) {
    const none = { running: 0, queued: 0, succeeded: 0, failed: 0, timedOut: 0, rejected: 0 }
    return { state: 'off', reason: 'not-enabled', ...none, unclaimedMicroUsd: 0n as MicroUsd }
  }
  const status = provider.compute.status()
  const { claimableMicroUsd } = await provider.market.earnings()
  const state = status.state === 'running' ? 'serving' : status.state === 'stopped' ? 'finished' : status.state
  const { tasks } = status
  const reason = status.reason ?? (state === 'serving' && status.running === 0 ? 'no-work-asked' : undefined)
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    running: status.running,
    queued: status.waiting,
    succeeded: tasks.succeeded,
    failed: sumOf(tasks.failed),
    timedOut: tasks.timedOut,
    rejected: sumOf(tasks.rejected),
    unclaimedMicroUsd: claimableMicroUsd,
  }
}

function storageStatusOf({ provider, challenges }: SharedStorage, node: SteadNode): StorageStatus {
  const { leaving, ...status } = provider.status()
  const state = status.state === 'running' ? 'serving' : status.state === 'stopped' ? 'finished' : status.state
  const possession = challenges.status()
  const audits = auditsOf(node)
  return {
    ...status,
    state,
    possession,
    ...(audits === undefined ? {} : { audits }),
    ...(leaving === undefined ? {} : { leaving }),
  }
}

function auditsOf({ epochs }: SteadNode): AuditStatus | undefined {
  const newest = epochs?.computer.audits.newest
  if (newest === undefined) return undefined
  const { epoch, provenPpm, counts, isWarned, isPenalised, decidedAt } = newest
  const isProven = provenPpm === undefined ? null : provenPpm > 0
  return { epoch, isProven, outcomes: counts, isWarned, isPenalised, ...(isWarned ? { decidedAt } : {}) }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function peersOf(node: SteadNode): PeerStatus[] {
  return node.foundation.network
    .peers()
    .filter((peer) => peer.connected)
    .map(({ peer, addresses, rttMs }) => ({
      peer,
      node: addressOfPeerId(peer),
      addresses,
      ...(rttMs === undefined ? {} : { rttMs }),
    }))
}

/** What nodes can sell today. */
const SOLD = ['compute', 'storage'] as const

function offerOf({ offer, peer }: OfferEntry): OfferStatus {
  const terms =
    offer.resource === 'storage'
      ? storageTermsSchema.decodeDocument(offer.terms)
      : computeTermsSchema.decodeDocument(offer.terms)
  const plain = Object.fromEntries(
    Object.entries(terms).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]),
  )
  const { node, operator, resource, region, expiresAt } = offer
  return { node, peer, operator, resource, ...(region === '-' ? {} : { region }), expiresAt, terms: plain }
}
