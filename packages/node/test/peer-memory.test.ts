import { silentLogger, silentMetrics } from '@stead/core'
import { Libp2pNetwork } from '@stead/libp2p'
import { MemoryStore } from '@stead/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { PeerMemory } from '../src/daemon/peer-memory.ts'
import { systemClock, systemRandom } from '../src/identity/index.ts'

const running: Libp2pNetwork[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((network) => network.stop()))
})

async function startNetwork(
  bootstrap: readonly string[],
  privateKey: Uint8Array,
  known: readonly string[] = [],
): Promise<Libp2pNetwork> {
  const components = {
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics: silentMetrics,
    privateKey,
  }
  const network = new Libp2pNetwork(components, { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap, known })
  await network.start()
  running.push(network)
  return network
}

const keyOf = (digit: number): Uint8Array => new Uint8Array(32).fill(digit)
const isConnected = (network: Libp2pNetwork, other: Libp2pNetwork) => () =>
  network.peers().some((info) => info.peer === other.self && info.connected)
// A peer that connected to us tells where it listens a moment later.
const isKnown = (network: Libp2pNetwork, other: Libp2pNetwork) => () =>
  network.peers().some((info) => info.peer === other.self && info.connected && info.addresses.length > 0)

describe('a node that was in the network before', () => {
  it('finds back through any peer that it met, when its bootstrap node is gone', async () => {
    const store = new MemoryStore()
    const bootstrap = await startNetwork([], keyOf(1))
    const other = await startNetwork(bootstrap.addresses(), keyOf(2))
    const before = await startNetwork(bootstrap.addresses(), keyOf(3))
    const memory = new PeerMemory({ store, clock: systemClock, logger: silentLogger })
    memory.start(before)
    await expect.poll(isKnown(before, other), { timeout: 15_000 }).toBe(true)
    await memory.stop()
    await before.stop()
    await bootstrap.stop()

    const again = new PeerMemory({ store, clock: systemClock, logger: silentLogger })
    const recalled = await again.recall()
    expect(recalled.some((address) => address.endsWith(`/p2p/${other.self}`))).toBe(true)
    const after = await startNetwork([...bootstrap.addresses(), ...recalled], keyOf(3))
    await expect.poll(isConnected(after, other), { timeout: 15_000 }).toBe(true)
  })

  it('reaches whom it met by name at once, although nobody tells where that is', async () => {
    const other = await startNetwork([], keyOf(4))
    const alone = await startNetwork([], keyOf(5), other.addresses())
    expect(await alone.connect(other.self, 5000)).toBe(other.self)
  })

  it('remembers peers, the latest first, and survives a damaged row', async () => {
    const store = new MemoryStore()
    const row = (seenAt: number) =>
      new TextEncoder().encode(JSON.stringify({ addresses: [`/ip4/127.0.0.1/tcp/${seenAt}/p2p/x`], seenAt }))
    await store.write(
      [
        ...[1, 2, 3].map((seenAt) => ({
          kind: 'put' as const,
          table: 'known-peers',
          key: `peer-${seenAt}`,
          value: row(seenAt),
        })),
        { kind: 'put', table: 'known-peers', key: 'broken', value: new TextEncoder().encode('{"addresses":') },
        {
          kind: 'put',
          table: 'known-peers',
          key: 'odd',
          value: new TextEncoder().encode('{"addresses":7,"seenAt":"x"}'),
        },
      ],
      'process',
    )
    const memory = new PeerMemory({ store, clock: systemClock, logger: silentLogger })
    expect(await memory.recall()).toEqual([3, 2, 1].map((seenAt) => `/ip4/127.0.0.1/tcp/${seenAt}/p2p/x`))
  })
})
