import { type GossipSub, gossipsub } from '@libp2p/gossipsub'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, PeerDiscovery, Secp256k1PrivateKey, Transport } from '@libp2p/interface'
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Logger } from '@stead/core'
import { createLibp2p, type Libp2pInit } from 'libp2p'
import { BoundedDatastore } from './bounded-datastore.ts'
import type { GossipRules } from './gossip.ts'
import { quietLibp2pLogger } from './libp2p-logger.ts'
import type { Libp2pOptions } from './options.ts'
import { GOSSIP_OVERLAY, GOSSIP_RPC_LIMITS, TABLE_SHAPE } from './overlay.ts'
import { TABLE_PROTOCOL } from './provider-table.ts'

type Components = Parameters<NonNullable<Libp2pInit['transports']>[number]>[0]

/** The libp2p services that a node runs. */
interface NodeServices extends Record<string, unknown> {
  readonly identify: Identify
  readonly identifyPush: IdentifyPush
  readonly ping: Ping
  readonly dht: KadDHT
  readonly pubsub: GossipSub
}

/** A libp2p node with our services. */
export type SteadLibp2p = Libp2p<NodeServices>

/** What {@link createNode} needs. */
export interface NodeParts {
  readonly privateKey: Secp256k1PrivateKey
  readonly logger: Logger
  readonly gater: ConnectionGater
  readonly gossip: GossipRules
}

/** Peer and provider records kept; about 500 bytes each. */
const RECORDS_MAX = 20_000
const MIB = 1024 * 1024
/** The longest wait that a timer knows: 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** Puts a libp2p node together, not started. Modules that the options leave out are not even loaded. */
export async function createNode(parts: NodeParts, options: Libp2pOptions): Promise<SteadLibp2p> {
  const relay = options.relayClient || options.relayServer ? await import('@libp2p/circuit-relay-v2') : undefined
  const transports: ((components: Components) => Transport)[] = [tcp({ maxConnections: options.connectionsMax })]
  if (usesWebSockets(options)) transports.push((await import('@libp2p/websockets')).webSockets())
  if (relay !== undefined && options.relayClient) transports.push(relay.circuitRelayTransport())
  const peerDiscovery: ((components: Components) => PeerDiscovery)[] = []
  if (options.mdns) peerDiscovery.push((await import('@libp2p/mdns')).mdns({ serviceTag: '_stead._udp.local' }))
  return createLibp2p<NodeServices>({
    start: false,
    privateKey: parts.privateKey,
    logger: quietLibp2pLogger(parts.logger),
    nodeInfo: { name: 'stead', version: '0.1.0', userAgent: 'stead/0.1.0' },
    addresses: {
      listen: options.relayClient ? [...options.listen, '/p2p-circuit'] : [...options.listen],
      announce: [...options.announce],
    },
    connectionGater: parts.gater,
    datastore: new BoundedDatastore(RECORDS_MAX),
    transports,
    peerDiscovery,
    connectionEncrypters: [noise()],
    // A window larger than the read buffer would let a fast peer break a paused stream.
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 2 * MIB, maxReadBufferLength: 4 * MIB } })],
    // Our own pings over the request stream measure better and find dead links as well.
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: options.connectionsMax,
      inboundConnectionThreshold: options.inboundConnectionsPerSecondMax,
      maxIncomingPendingConnections: options.inboundConnectionsPerSecondMax,
      dialTimeout: options.dialTimeoutMs,
      addressDialTimeout: Math.min(5000, options.dialTimeoutMs),
    },
    services: {
      identify: identify({ protocolPrefix: 'stead' }),
      identifyPush: identifyPush({ protocolPrefix: 'stead' }),
      ping: ping({ protocolPrefix: 'stead' }),
      dht: tableFactory(options),
      pubsub: gossipFactory(parts, options),
      ...(relay !== undefined && options.relayServer ? { relay: relay.circuitRelayServer() } : {}),
    },
  })
}

/** Eight megabytes of modules, which a node that speaks only TCP can do without. */
function usesWebSockets({ listen, announce, bootstrap }: Libp2pOptions): boolean {
  return [...listen, ...announce, ...bootstrap].some((address) => /\/wss?(\/|$)/.test(address))
}

function tableFactory(options: Libp2pOptions): (components: Components & NodeServices) => KadDHT {
  return kadDHT({
    protocol: TABLE_PROTOCOL,
    clientMode: !options.dhtServer,
    // Networks on one machine or LAN are networks too.
    peerInfoMapper: passthroughMapper,
    // A node that has just joined is useless until it knows its neighbours.
    initialQuerySelfInterval: 100,
    // All later searches are NeighbourSearch's, which knows whether anything changed.
    querySelfInterval: TIMER_MS_MAX,
    ...TABLE_SHAPE,
    // A node that is gone must leave the table soon after its announcements stop.
    reprovide: {
      validity: 3 * options.provideIntervalMs,
      interval: options.provideIntervalMs,
      threshold: options.provideIntervalMs,
    },
    networkDialTimeout: { minTimeout: 1000, maxTimeout: 3000 },
  })
}

function gossipFactory(
  { gossip }: NodeParts,
  options: Libp2pOptions,
): (components: Components & NodeServices) => GossipSub {
  return gossipsub({
    ...GOSSIP_OVERLAY,
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => gossip.messageId(message.topic, message.data),
    dataTransform: {
      inboundTransform: (topic, data) => gossip.checkInbound(topic, data),
      outboundTransform: (_topic, data) => data,
    },
    seenTTL: gossip.seenForMs,
    heartbeatInterval: options.gossipHeartbeatMs,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    // Many honest nodes share one address: a household, or a local network on one machine.
    scoreParams: { IPColocationFactorWeight: 0 },
    maxInboundDataLength: MIB,
    maxOutboundBufferSize: 4 * MIB,
    maxTopicBytesPerPeer: 256 * 1024,
    decodeRpcLimits: GOSSIP_RPC_LIMITS,
  })
}
