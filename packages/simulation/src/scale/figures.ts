import { computeConsumerOptionsSchema, NEAR_PER_PROVIDER, PINGS_AT_ONCE } from '@stead/compute'
import {
  DIALS_PER_ROUND,
  GOSSIP_OVERLAY,
  GOSSIP_RPC_LIMITS,
  GOSSIP_SEEN_FOR_MS,
  PINGS_MISSED_MAX,
  parseLibp2pOptions,
  SEARCH_PAUSE_INTERVALS_MAX,
  TABLE_SHAPE,
} from '@stead/libp2p'
import {
  marketPayerOptionsSchema,
  OFFERS_FIND_TIMEOUT_MS,
  OFFERS_PER_ANSWER_MAX,
  offerBookOptionsSchema,
  tellingPace,
} from '@stead/market'

/** What the protocol is set to: every figure that the model counts with. */
export interface ScaleFigures {
  readonly offers: {
    readonly lifeMs: number
    readonly refreshMs: number
    readonly keptMax: number
    readonly perAnswerMax: number
    readonly askedPeersMax: number
    readonly findTimeoutMs: number
  }
  readonly gossip: {
    readonly meshTarget: number
    readonly meshMin: number
    readonly meshMax: number
    readonly meshDialledMin: number
    readonly lazyPeersMin: number
    readonly lazyPeersShare: number
    readonly idsToldHeartbeats: number
    readonly idsToldMax: number
    readonly idsTakenMax: number
    readonly dontWantFromBytes: number
    readonly dontWantsTakenMax: number
    readonly floodsOwn: boolean
    readonly heartbeatMs: number
    readonly seenForMs: number
    readonly perSecondPerPeerMax: number
  }
  readonly connections: {
    readonly max: number
    readonly idleMax: number
    readonly target: number
    readonly dialsPerRound: number
    readonly roundMs: number
    readonly dialTimeoutMs: number
    readonly pingMs: number
    readonly pingTimeoutMs: number
    readonly pingsMissedMax: number
  }
  readonly table: {
    readonly bucketSize: number
    readonly parallel: number
    readonly paths: number
    readonly provideMs: number
    readonly refreshMs: number
    readonly neighboursMs: number
    readonly keptMax: number
  }
  readonly search: {
    readonly pingsAtOnce: number
    readonly quoteTimeoutMs: number
    readonly askedAtOnceMax: number
    readonly providersMax: number
    readonly nearEnough: number
    readonly waitMs: number
  }
}

/** The routing table of the library repairs each of its buckets so often; not an option of ours. */
const TABLE_REFRESH_MS = 5 * 60_000
/** Ids that the library tells one peer at most; where there are more it draws so many. */
const IDS_TOLD_MAX = 5000
/** Records of all kinds that a node of the table keeps; libp2p/src/create-node.ts. */
const TABLE_KEPT_MAX = 20_000

/**
 * The figures as the code has them, defaults where a person could set another.
 * @param nodes of the network, all of which offer something: they tell their offers the more rarely the more they know
 */
export function figuresOfTheCode(nodes: number): ScaleFigures {
  const libp2p = parseLibp2pOptions({})
  const book = offerBookOptionsSchema.parse({})
  const pace = tellingPace(Math.min(nodes, book.offersPerResourceMax), book)
  const payer = marketPayerOptionsSchema.parse({})
  const consumer = computeConsumerOptionsSchema.parse({})
  return {
    offers: {
      lifeMs: pace.lifeMs,
      refreshMs: pace.refreshMs,
      keptMax: book.offersPerResourceMax,
      perAnswerMax: OFFERS_PER_ANSWER_MAX,
      askedPeersMax: book.exchangePeersMax,
      findTimeoutMs: OFFERS_FIND_TIMEOUT_MS,
    },
    gossip: {
      meshTarget: GOSSIP_OVERLAY.D,
      meshMin: GOSSIP_OVERLAY.Dlo,
      meshMax: GOSSIP_OVERLAY.Dhi,
      meshDialledMin: GOSSIP_OVERLAY.Dout,
      lazyPeersMin: GOSSIP_OVERLAY.Dlazy,
      lazyPeersShare: GOSSIP_OVERLAY.gossipFactor,
      idsToldHeartbeats: GOSSIP_OVERLAY.mcacheGossip,
      idsToldMax: IDS_TOLD_MAX,
      idsTakenMax: GOSSIP_RPC_LIMITS.maxIhaveMessageIDs,
      dontWantFromBytes: GOSSIP_OVERLAY.idontwantMinDataSize,
      dontWantsTakenMax: GOSSIP_OVERLAY.idontwantMaxMessages,
      floodsOwn: GOSSIP_OVERLAY.floodPublish,
      heartbeatMs: libp2p.gossipHeartbeatMs,
      seenForMs: GOSSIP_SEEN_FOR_MS,
      perSecondPerPeerMax: libp2p.gossipMessagesPerSecondPerPeerMax,
    },
    connections: {
      max: libp2p.connectionsMax,
      idleMax: libp2p.idlePeersMax,
      target: libp2p.peersTarget,
      dialsPerRound: DIALS_PER_ROUND,
      roundMs: libp2p.discoveryIntervalMs,
      dialTimeoutMs: libp2p.dialTimeoutMs,
      pingMs: libp2p.pingIntervalMs,
      pingTimeoutMs: libp2p.pingTimeoutMs,
      pingsMissedMax: PINGS_MISSED_MAX,
    },
    table: {
      bucketSize: TABLE_SHAPE.kBucketSize,
      parallel: TABLE_SHAPE.alpha,
      paths: TABLE_SHAPE.disjointPaths,
      provideMs: libp2p.provideIntervalMs,
      refreshMs: TABLE_REFRESH_MS,
      neighboursMs: SEARCH_PAUSE_INTERVALS_MAX * libp2p.discoveryIntervalMs,
      keptMax: TABLE_KEPT_MAX,
    },
    search: {
      pingsAtOnce: PINGS_AT_ONCE,
      quoteTimeoutMs: consumer.quoteTimeoutMs,
      askedAtOnceMax: payer.askedAtOnceMax,
      providersMax: consumer.providersPerJobMax,
      nearEnough: NEAR_PER_PROVIDER * consumer.providersPerJobMax,
      waitMs: consumer.offerWaitMs,
    },
  }
}
