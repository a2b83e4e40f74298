import { type Clock, isSteadError, type Network, type PeerId } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { ManualClock, SeededRandom } from '@stead/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { ConnectionTrimmer, IDLE_AFTER_MS, type TrimCandidate } from '../src/connection-trimmer.ts'
import { Libp2pNetwork } from '../src/libp2p-network.ts'
import type { Libp2pOptionsInput } from '../src/options.ts'
import { PeerUsage } from '../src/peer-usage.ts'
import { until } from './support/attacker.ts'
import { systemClock, systemRandom } from './support/system-ports.ts'
import { createTestNetwork, testPorts } from './support/test-networks.ts'

const INTERVAL_MS = 10_000
const idle = { idleMs: IDLE_AFTER_MS, isInMesh: false }

/** Who is let go in one round. */
async function letGo(
  connected: readonly TrimCandidate[],
  limits: { readonly idlePeersMax: number; readonly outboundKept: number },
): Promise<readonly string[]> {
  const clock = new ManualClock()
  const closed: string[] = []
  const trimmer = new ConnectionTrimmer(
    {
      clock,
      random: new SeededRandom(1),
      count: () => connected.length,
      connected: () => connected,
      close: (peer) => closed.push(peer),
    },
    { ...limits, intervalMs: INTERVAL_MS },
  )
  trimmer.start()
  await clock.advance(INTERVAL_MS)
  trimmer.stop()
  return closed
}

const inbound = (name: string): TrimCandidate => ({ peer: name as PeerId, isOutbound: false, ...idle })
const outbound = (name: string): TrimCandidate => ({ peer: name as PeerId, isOutbound: true, ...idle })

describe('ConnectionTrimmer', () => {
  it('lets nobody go while there are no more than may be', async () => {
    const limits = { idlePeersMax: 2, outboundKept: 0 }
    expect(await letGo([inbound('a'), inbound('b')], limits)).toEqual([])
  })

  it('lets only the surplus go, and never one that is in use or in the mesh', async () => {
    const busy = { ...inbound('busy'), idleMs: IDLE_AFTER_MS - 1 }
    const mesh = { ...inbound('mesh'), isInMesh: true }
    const limits = { idlePeersMax: 2, outboundKept: 0 }
    expect(await letGo([busy, inbound('idle'), mesh], limits)).toEqual(['idle'])
    expect(await letGo([busy, mesh, { ...mesh, peer: 'other' as PeerId }], limits)).toEqual([])
  })

  it('keeps connections of its own making, however many strangers come', async () => {
    const strangers = Array.from({ length: 100 }, (_, index) => ({ ...inbound(`stranger ${index}`), idleMs: 0 }))
    const own = Array.from({ length: 10 }, (_, index) => outbound(`own ${index}`))
    const closed = await letGo([...strangers, ...own], { idlePeersMax: 20, outboundKept: 8 })
    expect(closed).toHaveLength(2)
  })

  it('counts connections of its own making that are in use among those it keeps', async () => {
    const busy = Array.from({ length: 8 }, (_, index) => ({ ...outbound(`busy ${index}`), idleMs: 0 }))
    const closed = await letGo([...busy, outbound('a'), outbound('b')], { idlePeersMax: 4, outboundKept: 8 })
    expect(closed.toSorted()).toEqual(['a', 'b'])
  })
})

describe('PeerUsage', () => {
  it('takes nobody for idle who has something in flight, however long', async () => {
    const clock = new ManualClock()
    const usage = new PeerUsage(clock)
    const peer = 'peer' as PeerId
    usage.add(peer)
    await clock.advance(5000)
    expect(usage.idleMs(peer)).toBe(5000)
    const ends = [usage.begin(peer), usage.begin(peer)]
    await clock.advance(3_600_000)
    ends[0]?.()
    expect(usage.idleMs(peer)).toBe(0)
    ends[1]?.()
    await clock.advance(1000)
    expect(usage.idleMs(peer)).toBe(1000)
  })
})

describe('PeerUsage of strangers', () => {
  it('remembers nobody who is neither connected nor asked any more', () => {
    const usage = new PeerUsage(new ManualClock())
    for (let number = 0; number < 1000; number++) usage.begin(`made up ${number}` as PeerId)()
    expect(usage.count).toBe(0)
    const peer = 'peer' as PeerId
    usage.add(peer)
    const end = usage.begin(peer)
    usage.forget(peer)
    expect(usage.count).toBe(1)
    end()
    expect(usage.count).toBe(0)
  })
})

describe('a network that many have connected to', () => {
  const networks: Network[] = []
  afterEach(async () => {
    await Promise.all(networks.splice(0).map((network) => network.stop()))
  })
  const isConnectedTo = (network: Network, peer: PeerId): boolean =>
    network.peers().some((other) => other.peer === peer && other.connected)
  const connectedTo = (network: Network): number => network.peers().filter(({ connected }) => connected).length

  /** A network whose clock runs ahead by so much. */
  function networkWithClock(skippedMs: () => number, options: Libp2pOptionsInput): Network {
    const clock: Clock = {
      now: () => systemClock.now(),
      sleep: (ms, signal) => systemClock.sleep(ms, signal),
      setTimer: (ms, callback) => systemClock.setTimer(ms, callback),
      monotonicMs: () => systemClock.monotonicMs() + skippedMs(),
    }
    const network = new Libp2pNetwork(
      { ...testPorts, clock, privateKey: systemRandom.bytes(32) },
      { listen: ['/ip4/127.0.0.1/tcp/0'], discoveryIntervalMs: 200, gossipHeartbeatMs: 200, ...options },
    )
    networks.push(network)
    return network
  }

  it('keeps those of its gossip mesh', async () => {
    let skippedMs = 0
    const hub = networkWithClock(() => skippedMs, { peersTarget: 1, idlePeersMax: 1 })
    hub.subscribe('offers', () => 'accept')
    await hub.start()
    const [address = ''] = hub.addresses()
    const visitors = Array.from({ length: 5 }, () => createTestNetwork({ peersTarget: 1 }))
    networks.push(...visitors)
    const heard = new Set<Network>()
    for (const visitor of visitors.slice(0, 3)) {
      visitor.subscribe('offers', () => {
        heard.add(visitor)
        return 'accept'
      })
    }
    for (const visitor of visitors) {
      await visitor.start()
      await visitor.connect(address, 5000)
    }
    await until('those of the topic hear what is said in it', async () => {
      await hub.publish('offers', systemRandom.bytes(8))
      return heard.size === 3
    })
    skippedMs += IDLE_AFTER_MS
    await until('only the mesh is left', () => connectedTo(hub) === 3)
    for (const visitor of visitors.slice(0, 3)) expect(isConnectedTo(visitor, hub.self)).toBe(true)
  })

  it('lets idle ones go, and they reach it again when they want something', async () => {
    let skippedMs = 0
    const hub = networkWithClock(() => skippedMs, { peersTarget: 1, idlePeersMax: 2 })
    hub.handle('/stead/echo/1', { messageBytesMax: 64, inFlightPerPeerMax: 8, handlerTimeoutMs: 5000 }, (request) =>
      Promise.resolve(request.payload),
    )
    await hub.start()
    const [address = ''] = hub.addresses()
    const visitors = Array.from({ length: 5 }, () => createTestNetwork({ peersTarget: 1 }))
    networks.push(...visitors)
    for (const visitor of visitors) {
      await visitor.start()
      await visitor.connect(address, 5000)
    }
    await until('all are connected', () => connectedTo(hub) === 5)
    skippedMs += IDLE_AFTER_MS
    await until('the surplus is gone', () => connectedTo(hub) === 2)
    await until('they have noticed', () => visitors.filter((visitor) => isConnectedTo(visitor, hub.self)).length === 2)
    for (const visitor of visitors) {
      // Lookups in the table connect as well, and one that comes again has an idle one let go: who asks in that very
      // moment is cut off, and asks again as callers do.
      await until('it is answered', async () => {
        try {
          const answer = await visitor.request(hub.self, '/stead/echo/1', new Uint8Array([7]), { timeoutMs: 2000 })
          return equalBytes(answer, new Uint8Array([7]))
        } catch (error) {
          if (isSteadError(error) && error.retryable) return false
          throw error
        }
      })
    }
  })
})
