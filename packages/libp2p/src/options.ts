import { multiaddr } from '@multiformats/multiaddr'
import { z } from 'zod'
import { parseEndpoint } from './bulk/endpoint.ts'
import { ENDPOINTS_MAX } from './bulk/messages.ts'
import { Libp2pError } from './errors.ts'

/** Settings of a Libp2pNetwork; the unit is the last word of a name. */
export interface Libp2pOptions {
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly bootstrap: readonly string[]
  readonly known: readonly string[]
  readonly mdns: boolean
  readonly relayServer: boolean
  readonly relayClient: boolean
  readonly dhtServer: boolean
  readonly connectionsMax: number
  readonly idlePeersMax: number
  readonly inboundConnectionsPerSecondMax: number
  readonly peersTarget: number
  readonly discoveryIntervalMs: number
  readonly dialTimeoutMs: number
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
  readonly requestsInFlightPerPeerMax: number
  readonly requestBytesInFlightPerPeerMax: number
  readonly queuedBytesPerStreamMax: number
  readonly stallTimeoutMs: number
  readonly frameTimeoutMs: number
  readonly badPeerRefuseMs: number
  readonly bulkListen: string
  readonly bulkAnnounce: readonly string[]
  readonly bulkConnectionsMax: number
  readonly bulkIdleMs: number
  readonly bulkConnectTimeoutMs: number
  readonly bulkRetryMs: number
  readonly bulkTicketLifeMs: number
  readonly bulkGreetingTimeoutMs: number
  readonly provideIntervalMs: number
  readonly provideTimeoutMs: number
  readonly gossipHeartbeatMs: number
  readonly gossipMessagesPerSecondPerPeerMax: number
}

/** What a caller may give: any part of {@link Libp2pOptions}. */
export type Libp2pOptionsInput = { readonly [Name in keyof Libp2pOptions]?: Libp2pOptions[Name] | undefined }

const KIB = 1024
const MIB = 1024 * KIB
const MINUTE_MS = 60_000
const TIMER_MS_MAX = 2 ** 31 - 1

const addressSchema = z.string().refine(isMultiaddr, { error: 'not a multiaddr such as /ip4/203.0.113.7/tcp/4801' })
const peerAddressSchema = addressSchema.refine((text) => text.includes('/p2p/'), {
  error: 'a peer address ends in /p2p/<peer id>',
})

function isMultiaddr(text: string): boolean {
  try {
    multiaddr(text)
    return true
  } catch {
    return false
  }
}

function count(max: number, normal: number, why: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(1).max(max).default(normal).describe(why)
}

function duration(minMs: number, normalMs: number, why: string): z.ZodDefault<z.ZodInt> {
  return z.int().min(minMs).max(TIMER_MS_MAX).default(normalMs).describe(why)
}

const endpointSchema = z.string().refine((text) => (parseEndpoint(text)?.port ?? 0) > 0, {
  error: 'not an IP address and a port such as 203.0.113.7:4802 or [2001:db8::7]:4802',
})

const schema = z.strictObject({
  listen: z
    .array(addressSchema)
    .max(16)
    .default(['/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/0/ws'])
    .describe(
      'Multiaddrs to listen on, TCP and WebSocket. Default: every interface and a free port, so that nothing must be chosen.',
    ),
  announce: z
    .array(addressSchema)
    .max(16)
    .default([])
    .describe(
      'Multiaddrs to tell peers instead of those listened on; for a port that a router forwards. Default: none.',
    ),
  bootstrap: z
    .array(peerAddressSchema)
    .max(64)
    .default([])
    .describe(
      'Peers to try first, with /p2p/. They are peers like others. Default: none, for the first node of a network.',
    ),
  known: z
    .array(peerAddressSchema)
    .max(1024)
    .default([])
    .describe(
      'Where peers were met before, with /p2p/: used when one of them is to be reached, and among those dialled at random. Default: none; peers then have to be found first.',
    ),
  mdns: z
    .boolean()
    .default(false)
    .describe('Find peers on the local network by multicast. Default off: a node says nothing on a LAN unasked.'),
  relayServer: z
    .boolean()
    .default(false)
    .describe(
      'Relay for peers that cannot be dialled, 2 minutes and 128 KiB each. Default off: it spends the bandwidth of others.',
    ),
  relayClient: z
    .boolean()
    .default(false)
    .describe(
      'Be reachable, and reach others, through relays. Default off: only nodes that cannot be dialled need it.',
    ),
  dhtServer: z
    .boolean()
    .default(true)
    .describe(
      'Keep a share of the provider table and answer lookups. Default on: a table needs servers, and records are small.',
    ),
  connectionsMax: count(10_000, 300, 'Connections. Default 300: about 100 KiB of memory each.'),
  idlePeersMax: count(
    10_000,
    64,
    'Connected peers above which those that were of no use for a minute are let go, never the gossip mesh. Default 64: a newcomer finds room everywhere, and each connection more costs a ping and a share of gossip every few seconds.',
  ),
  inboundConnectionsPerSecondMax: count(
    10_000,
    50,
    'New inbound connections per second from one host. Default 50: a handshake costs about 5 ms of a core, and a household or a test network shares one address.',
  ),
  peersTarget: count(
    1000,
    8,
    'Below this number of connected peers the node dials peers it has heard of, at random. Default 8: one more than a gossip mesh needs, so that a network started from one bootstrap node does not stay a star.',
  ),
  discoveryIntervalMs: duration(
    100,
    10_000,
    'ms between two rounds of such dials, and to a search for neighbours after a peer came or went; while nobody does, searches come up to 30 times as rarely. Default 10 s: a lost peer is replaced soon, at no cost while all is well; the first rounds come faster.',
  ),
  dialTimeoutMs: duration(
    100,
    10_000,
    'ms for connecting, handshake included. Default 10 s: three TCP retransmissions.',
  ),
  pingIntervalMs: duration(
    100,
    15_000,
    'ms between two measurements of the round trip to each connected peer. Default 15 s: nearness changes slowly, and two missed pings find a dead link within two minutes.',
  ),
  pingTimeoutMs: duration(
    10,
    20_000,
    'ms after which a ping counts as missed. Default 20 s: on a slow uplink it waits behind a large message.',
  ),
  requestsInFlightPerPeerMax: count(
    65_536,
    1024,
    'Own requests to one peer and protocol that may wait for answers. Default 1024: enough to fill a link of 100 ms at 10,000 requests per second.',
  ),
  requestBytesInFlightPerPeerMax: z
    .int()
    .min(64 * KIB)
    .max(1024 * MIB)
    .default(64 * MIB)
    .describe(
      'Bytes of requests in flight per peer and protocol, own and received each. Default 64 MiB: four of the largest.',
    ),
  queuedBytesPerStreamMax: z
    .int()
    .min(MIB)
    .max(1024 * MIB)
    .default(64 * MIB)
    .describe(
      'Bytes that may wait for one peer to take them before the stream is cut. Default 64 MiB: four of the largest answers.',
    ),
  stallTimeoutMs: duration(
    100,
    30_000,
    'ms that a peer may take nothing while bytes wait for it. Default 30 s: a mobile link that changes cells comes back sooner.',
  ),
  frameTimeoutMs: duration(
    100,
    15_000,
    'ms for a begun message to arrive whole, plus 1 s per 32 KiB. Default 15 s: slower is no use, and half a message costs memory.',
  ),
  badPeerRefuseMs: duration(
    100,
    10 * MINUTE_MS,
    'ms for which a peer that broke a protocol is refused. Default 10 min: long for an attacker, short for a bug that was fixed.',
  ),
  bulkListen: z
    .string()
    .refine((text) => text === 'auto' || text === 'off' || parseEndpoint(text) !== undefined, {
      error: 'not auto, off, or an IP address and a port such as 0.0.0.0:4802',
    })
    .default('auto')
    .describe(
      'Where to listen for data connections, as host:port; auto is a free port beside the first plain TCP address of `listen`, off means none, neither taken nor made. Default auto: bulk bytes cost a quarter of the processor time there.',
    ),
  bulkAnnounce: z
    .array(endpointSchema)
    .max(ENDPOINTS_MAX)
    .default([])
    .describe(
      'Public host:port at which the data listener can be reached too; for a port that a router forwards. Default: none, peers try the address they know.',
    ),
  bulkConnectionsMax: count(
    10_000,
    256,
    'Data connections, taken and made each. Default 256: some large objects at once, with 48 nodes each; beyond it requests go over libp2p.',
  ),
  bulkIdleMs: duration(
    100,
    60_000,
    'ms without a request after which the stream of a bulk protocol is closed. Default 1 min: opening one takes four round trips.',
  ),
  bulkConnectTimeoutMs: duration(
    100,
    2000,
    'ms for a data connection, from the ticket to the welcome. Default 2 s: the request that waits goes over libp2p then.',
  ),
  bulkRetryMs: duration(
    100,
    5 * MINUTE_MS,
    'ms after a failed data connection to try it again. Default 5 min: a firewall rarely changes, and each try may cost 2 s.',
  ),
  bulkTicketLifeMs: duration(
    100,
    10_000,
    'ms for which a ticket to the data listener is good, once. Default 10 s: it is used at once, over a slow link too.',
  ),
  bulkGreetingTimeoutMs: duration(
    100,
    5000,
    'ms that a socket may take to show its ticket, TLS handshake included. Default 5 s: three TCP retransmissions.',
  ),
  provideIntervalMs: duration(
    1000,
    10 * MINUTE_MS,
    'ms between two announcements of what this node provides. Default 10 min: nodes come and go, and their share of the table with them.',
  ),
  provideTimeoutMs: duration(
    100,
    10_000,
    'ms for one announcement. Default 10 s: unreachable nodes on the way are skipped.',
  ),
  gossipHeartbeatMs: duration(
    50,
    1000,
    'ms between two repairs of the gossip mesh. Default 1 s, as gossipsub advises.',
  ),
  gossipMessagesPerSecondPerPeerMax: count(
    100_000,
    200,
    'Gossip messages taken from one peer per second, with a burst of five seconds. Default 200: checking them costs about 2 % of a core.',
  ),
})

/** The schema itself, for generated documentation. */
export const libp2pOptionsSchema: z.ZodType<Libp2pOptions, Libp2pOptionsInput> = schema

/** Checks options, fills in defaults and freezes. @throws Libp2pError LIBP2P_BAD_OPTION naming each wrong field */
export function parseLibp2pOptions(input: unknown): Libp2pOptions {
  const parsed = schema.safeParse(input)
  if (parsed.success) return Object.freeze(parsed.data)
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
  throw new Libp2pError('LIBP2P_BAD_OPTION', `bad network options: ${problems.join('; ')}`, { details: { problems } })
}
