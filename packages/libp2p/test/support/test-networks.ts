import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork, type Libp2pNetworkComponents, type Libp2pOptionsInput } from '@stead/libp2p'
import { systemClock, systemRandom } from './system-ports.ts'

/** Ports for a network in a test: real time and chance, no log. */
export const testPorts: Omit<Libp2pNetworkComponents, 'privateKey'> = {
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  metrics: silentMetrics,
}

/** A network on loopback with a key of its own, quick to repair itself. */
export function createTestNetwork(
  options: Libp2pOptionsInput = {},
  ports: Partial<Libp2pNetworkComponents> = {},
): Libp2pNetwork {
  return new Libp2pNetwork(
    { ...testPorts, privateKey: systemRandom.bytes(32), ...ports },
    {
      listen: ['/ip4/127.0.0.1/tcp/0'],
      inboundConnectionsPerSecondMax: 1000,
      discoveryIntervalMs: 1000,
      gossipHeartbeatMs: 200,
      dialTimeoutMs: 3000,
      ...options,
    },
  )
}
