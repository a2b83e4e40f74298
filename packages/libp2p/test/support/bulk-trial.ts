import type { ProtocolLimits, RequestOptions } from '@stead/core'
import type { Libp2pNetwork, Libp2pOptionsInput } from '@stead/libp2p'
import { CountingMetrics } from './counting-metrics.ts'
import { createTestNetwork } from './test-networks.ts'

/** The protocol of the tests of data connections. */
export const PROTOCOL = '/stead/test/1'
/** Its limits. */
export const LIMITS: ProtocolLimits = {
  messageBytesMax: 16 * 1024 * 1024,
  inFlightPerPeerMax: 64,
  handlerTimeoutMs: 20_000,
  bulk: true,
}
/** A request of it. */
export const PATIENT: RequestOptions = { timeoutMs: 20_000, bulk: true }

/** A started network and what it counted. */
export interface Trial {
  readonly network: Libp2pNetwork
  readonly metrics: CountingMetrics
  /** Data connections that are open now. */
  open(direction: 'inbound' | 'outbound'): number
  /** How often something became of a data connection. */
  outcomes(direction: 'inbound' | 'outbound', outcome: string): number
  address(): string
}

/** Networks of one test. */
export class Trials {
  readonly #networks: Libp2pNetwork[] = []

  /** Starts one that serves {@link PROTOCOL} by echo, unless `prepare` does something else. */
  async start(options: Libp2pOptionsInput = {}, prepare?: (network: Libp2pNetwork) => void): Promise<Trial> {
    const metrics = new CountingMetrics()
    const network = createTestNetwork(options, { metrics })
    this.#networks.push(network)
    if (prepare === undefined) network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    else prepare(network)
    await network.start()
    return {
      network,
      metrics,
      open: (direction) => metrics.valueOf('stead_network_data_connections', { direction }),
      outcomes: (direction, outcome) =>
        metrics.valueOf('stead_network_data_connection_attempts_total', { direction, outcome }),
      address: () => network.addresses()[0] ?? '',
    }
  }

  /** A pair, the second connected to the first. */
  async startPair(
    options: Libp2pOptionsInput = {},
    prepare?: (network: Libp2pNetwork) => void,
  ): Promise<[Trial, Trial]> {
    const server = await this.start(options, prepare)
    const client = await this.start(options, () => undefined)
    await client.network.connect(server.address(), 5000)
    return [server, client]
  }

  async stop(): Promise<void> {
    await Promise.all(this.#networks.splice(0).map((network) => network.stop()))
  }
}
