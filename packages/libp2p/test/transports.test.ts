import { createServer } from 'node:net'
import { hasCode, type Network, type PeerId } from '@stead/core'
import { Libp2pNetwork, type Libp2pOptionsInput, parseLibp2pOptions } from '@stead/libp2p'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from './support/attacker.ts'
import { createTestNetwork, testPorts } from './support/test-networks.ts'

const PROTOCOL = '/stead/test/1'
const MIB = 1024 * 1024
const LIMITS = { messageBytesMax: 16 * MIB, inFlightPerPeerMax: 64, handlerTimeoutMs: 20_000 }
let networks: Network[] = []

afterEach(async () => {
  await Promise.all(networks.map((network) => network.stop()))
  networks = []
})

async function startNetwork(options: Libp2pOptionsInput = {}): Promise<Network> {
  const network = createTestNetwork(options)
  networks.push(network)
  network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
  await network.start()
  return network
}

describe('addresses', () => {
  it('may be WebSocket ones', async () => {
    const server = await startNetwork({ listen: ['/ip4/127.0.0.1/tcp/0/ws'] })
    const client = await startNetwork({ listen: [], bootstrap: [server.addresses()[0] ?? ''] })
    await until('it is connected', () => client.peers().some(({ connected }) => connected))
    const payload = new Uint8Array(300_000).fill(9)
    expect(await client.request(server.self, PROTOCOL, payload, { timeoutMs: 10_000 })).toEqual(payload)
  })

  it('may lead through a relay, for a node that cannot be dialled', async () => {
    const relay = await startNetwork({ relayServer: true })
    const [relayAddress] = relay.addresses()
    const hidden = await startNetwork({ listen: [], relayClient: true, bootstrap: [relayAddress ?? ''] })
    await until('it has a place at the relay', () => hidden.addresses().some((one) => one.includes('/p2p-circuit')))
    const client = await startNetwork({ relayClient: true })
    const [address] = hidden.addresses()
    expect(await client.connect(address ?? '', 10_000)).toBe(hidden.self)
    const answer = await client.request(hidden.self, PROTOCOL, Uint8Array.of(1, 2), { timeoutMs: 10_000 })
    expect(answer).toEqual(Uint8Array.of(1, 2))
  })

  it('that another program uses are refused by name', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const bound = other.address()
    const port = bound !== null && typeof bound === 'object' ? bound.port : 0
    const network = createTestNetwork({ listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    try {
      await network.start()
      expect.fail('it started')
    } catch (error) {
      expect(hasCode(error, 'LIBP2P_LISTEN_FAILED')).toBe(true)
      expect(String(error)).toContain(String(port))
      expect(String(error)).not.toMatch(/\n|\sat\s/)
    } finally {
      await network.stop()
      other.close()
    }
  })
})

describe('large messages', () => {
  it('of 16 MiB go both ways, several at once', async () => {
    const server = await startNetwork()
    const client = await startNetwork()
    await client.connect(server.addresses()[0] ?? '', 5000)
    const payload = new Uint8Array(16 * MIB).map((_, i) => i % 251)
    const asked = [1, 2, 3].map(() => client.request(server.self, PROTOCOL, payload, { timeoutMs: 30_000 }))
    for (const answer of await Promise.all(asked)) expect(Buffer.compare(answer, payload)).toBe(0)
  })

  it('beyond the budget of a peer wait for the handlers instead of failing', async () => {
    const server = createTestNetwork({ requestBytesInFlightPerPeerMax: 64 * 1024 })
    networks.push(server)
    let held = 0
    let heldMax = 0
    server.handle(PROTOCOL, LIMITS, async ({ payload }) => {
      held += payload.length
      heldMax = Math.max(heldMax, held)
      await new Promise((resolve) => setTimeout(resolve, 5))
      held -= payload.length
      return payload.subarray(0, 1)
    })
    await server.start()
    const client = await startNetwork()
    await client.connect(server.addresses()[0] ?? '', 5000)
    const asked = Array.from({ length: 60 }, (_, i) =>
      client.request(server.self, PROTOCOL, new Uint8Array(100_000).fill(i), { timeoutMs: 20_000 }),
    )
    expect((await Promise.all(asked)).map((answer) => answer[0])).toEqual(Array.from({ length: 60 }, (_, i) => i))
    // The budget, and what was read with the message that exceeded it.
    expect(heldMax).toBeLessThan(4 * MIB)
  })

  it('do not hold up small ones for long', async () => {
    const server = await startNetwork()
    const client = await startNetwork()
    await client.connect(server.addresses()[0] ?? '', 5000)
    const large = client.request(server.self, PROTOCOL, new Uint8Array(16 * MIB), { timeoutMs: 30_000 })
    const rttMs = await client.ping(server.self, 10_000)
    expect(rttMs).toBeLessThan(5000)
    await large
  })
})

describe('own requests', () => {
  it('are refused beyond the limit while a peer does not answer', async () => {
    const server = createTestNetwork()
    networks.push(server)
    server.handle(PROTOCOL, { ...LIMITS, inFlightPerPeerMax: 1000 }, () => new Promise<never>(() => undefined))
    await server.start()
    const client = await startNetwork({ requestsInFlightPerPeerMax: 5 })
    await client.connect(server.addresses()[0] ?? '', 5000)
    const codes: string[] = []
    const asked = Array.from({ length: 8 }, () =>
      client.request(server.self, PROTOCOL, Uint8Array.of(1), { timeoutMs: 300 }).catch((error: { code: string }) => {
        codes.push(error.code)
      }),
    )
    await Promise.all(asked)
    expect(codes.slice(0, 3)).toEqual(['NETWORK_BUSY', 'NETWORK_BUSY', 'NETWORK_BUSY'])
    expect(codes.slice(3)).toEqual(Array.from({ length: 5 }, () => 'NETWORK_TIMEOUT'))
  })

  it('open the stream again after it broke', async () => {
    const server = await startNetwork()
    const client = await startNetwork()
    await client.connect(server.addresses()[0] ?? '', 5000)
    for (let round = 0; round < 3; round++) {
      expect(await client.request(server.self, PROTOCOL, Uint8Array.of(round), { timeoutMs: 5000 })).toEqual(
        Uint8Array.of(round),
      )
      await client.disconnect(server.self, 0)
      await until('the end is seen', () => client.peers().every(({ connected }) => !connected))
    }
  })
})

describe('options', () => {
  it('have defaults, and name every field that is wrong', () => {
    expect(parseLibp2pOptions({}).peersTarget).toBe(8)
    expect(Object.isFrozen(parseLibp2pOptions({}))).toBe(true)
    const wrong = { listen: ['nonsense'], bootstrap: ['/ip4/1.2.3.4/tcp/1'], pingIntervalMs: 0, surprise: 1 }
    expect(() => parseLibp2pOptions(wrong)).toThrow(/listen.*bootstrap.*pingIntervalMs.*surprise/s)
  })

  it('and keys that are wrong are refused before anything starts, without showing the key', () => {
    const key = new Uint8Array(32).fill(255)
    const make = (): Libp2pNetwork => createWithKey(key)
    expect(make).toThrow(RangeError)
    expect(make).not.toThrow(/ffff|255/)
  })
})

function createWithKey(privateKey: Uint8Array): Libp2pNetwork {
  return new Libp2pNetwork({ ...testPorts, privateKey }, { listen: ['/ip4/127.0.0.1/tcp/0'] })
}

describe('identity', () => {
  it('is the peer id of the key', async () => {
    const { nobleSecp256k1, peerIdOfPublicKey } = await import('@stead/protocol')
    const key = new Uint8Array(32).fill(7)
    const network = createWithKey(key)
    const expected: PeerId = peerIdOfPublicKey(nobleSecp256k1.publicKey(key))
    expect(network.self).toBe(expected)
    networks.push(network)
    await network.start()
    expect(network.addresses().every((address) => address.endsWith(expected))).toBe(true)
  })
})
