import { createServer, type Server } from 'node:net'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { CoreError, Network, PeerId, ProtocolLimits } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeFrame, encodeRequest, FRAME_KIND, wireProtocolOf } from '../src/frame.ts'
import { type Attacker, openStream, sendAll, startAttacker, until } from './support/attacker.ts'
import { systemRandom } from './support/system-ports.ts'
import { createTestNetwork } from './support/test-networks.ts'

const PROTOCOL = '/stead/test/1'
const LIMITS: ProtocolLimits = { messageBytesMax: 1024 * 1024, inFlightPerPeerMax: 16, handlerTimeoutMs: 5000 }
const PATIENT = { timeoutMs: 10_000 }

let victim: Network
let honest: Network
let attacker: Attacker
let running = 0
let runningMax = 0
let calls = 0

beforeEach(async () => {
  running = 0
  runningMax = 0
  calls = 0
  victim = createTestNetwork({ frameTimeoutMs: 300, stallTimeoutMs: 500, badPeerRefuseMs: 60_000 })
  victim.handle(PROTOCOL, LIMITS, async ({ payload, signal }) => {
    calls += 1
    running += 1
    runningMax = Math.max(runningMax, running)
    try {
      if (payload[0] === 1) return new Uint8Array(64 * 1024)
      if (payload[0] === 2) await new Promise((_, reject) => signal.addEventListener('abort', reject))
      return payload
    } finally {
      running -= 1
    }
  })
  honest = createTestNetwork()
  await Promise.all([victim.start(), honest.start()])
  await honest.connect(addressOf(victim), 5000)
  attacker = await startAttacker()
})

afterEach(async () => {
  await Promise.all([victim.stop(), honest.stop(), attacker.stop()])
})

function addressOf(network: Network): string {
  return network.addresses()[0] ?? ''
}

function attackerId(): PeerId {
  return attacker.peerId.toString() as PeerId
}

function isConnected(): boolean {
  return victim.peers().some(({ peer, connected }) => peer === attackerId() && connected)
}

async function expectCutOff(): Promise<void> {
  await until('the attacker is cut off', () => !isConnected())
  await expect(attackAgain()).rejects.toThrow()
  await expectHonestServed()
}

async function attackAgain(): Promise<void> {
  const stream = await openStream(attacker, victim, PROTOCOL)
  await until('the stream ends', () => stream.status !== 'open')
  throw new Error('the connection was taken and closed')
}

async function expectHonestServed(): Promise<void> {
  const answer = await honest.request(victim.self, PROTOCOL, Uint8Array.of(0, 7), PATIENT)
  expect(answer).toEqual(Uint8Array.of(0, 7))
}

describe('a peer that asks', () => {
  it('with a length of four gigabytes is cut off at once', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    stream.send(Uint8Array.of(255, 255, 255, 255, FRAME_KIND.request, 0, 0, 0, 1))
    await expectCutOff()
  })

  it('with garbage is cut off', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    await sendAll(stream, [systemRandom.bytes(5000)])
    await expectCutOff()
  })

  it('with a frame that only a responder sends is cut off', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    stream.send(encodeFrame(FRAME_KIND.response, 1, Uint8Array.of(1)))
    await expectCutOff()
  })

  it('with an id that is in use is cut off, and its first request is aborted', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    const request = encodeRequest(1, 5000, Uint8Array.of(2))
    await sendAll(stream, [request, request])
    await expectCutOff()
    expect(running).toBe(0)
  })

  it('a byte at a time, never finishing, is cut off', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    const frame = encodeRequest(1, 5000, new Uint8Array(1000))
    let sent = 0
    const drip = setInterval(() => {
      if (stream.status === 'open') stream.send(frame.subarray(sent, sent + 1))
      sent += 1
    }, 20)
    await expectCutOff()
    clearInterval(drip)
    expect(sent).toBeLessThan(100)
    expect(calls).toBe(1)
  })

  it('thousands of times at once gets its share and no more', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    let refusals = 0
    stream.addEventListener('message', ({ data }) => {
      refusals += data.byteLength / 10
    })
    const requests = Array.from({ length: 5000 }, (_, i) => encodeRequest(i + 1, 5000, Uint8Array.of(2)))
    await sendAll(stream, requests)
    await until('the rest is refused', () => refusals === 5000 - LIMITS.inFlightPerPeerMax)
    expect(runningMax).toBe(LIMITS.inFlightPerPeerMax)
    await expectHonestServed()
    stream.abort(new Error('done'))
    await until('its handlers end', () => running === 0)
  })

  it('over many streams at once gets one share, not one for each', async () => {
    for (let round = 0; round < 20; round++) {
      const stream = await openStream(attacker, victim, PROTOCOL)
      const requests = Array.from({ length: 16 }, (_, i) => encodeRequest(i, 5000, Uint8Array.of(2)))
      await sendAll(stream, requests)
    }
    await until('its share is used', () => running > 0)
    expect(runningMax).toBeLessThanOrEqual(LIMITS.inFlightPerPeerMax)
    await expectHonestServed()
  })

  it('and never takes the answers cannot fill our memory, and is dropped', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    stream.pause()
    const requests = Array.from({ length: 5000 }, (_, i) => encodeRequest(i + 1, 5000, Uint8Array.of(1)))
    const sending = sendAll(stream, requests)
    await until('the stream is reset', () => stream.status !== 'open')
    await sending
    // 64 KiB each: at most what the stream and the outbox hold.
    expect(calls).toBeLessThan(150)
    await expectHonestServed()
  })

  it('with a request that is too large hears so, though it knows no limit', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    const received: number[] = []
    stream.addEventListener('message', ({ data }) => received.push(...data.subarray()))
    await sendAll(stream, [encodeRequest(9, 5000, new Uint8Array(LIMITS.messageBytesMax + 1))])
    await until('it is refused', () => received.length === 10)
    expect(received.slice(4)).toEqual([FRAME_KIND.refusal, 0, 0, 0, 9, 2])
    expect(isConnected()).toBe(true)
  })

  it('and cancels what it never asked for is left alone', async () => {
    const stream = await openStream(attacker, victim, PROTOCOL)
    await sendAll(stream, [encodeFrame(FRAME_KIND.cancel, 12), encodeRequest(1, 1000, Uint8Array.of(0))])
    await until('it is served', () => calls === 1)
    expect(isConnected()).toBe(true)
  })
})

describe('a peer that answers', () => {
  /** What the victim's request ends in when the attacker answers with these bytes. */
  async function askAttacker(respond: (stream: Stream) => void): Promise<string> {
    await attacker.handle(wireProtocolOf('/stead/trap/1'), (stream) => {
      stream.addEventListener('message', () => respond(stream))
    })
    const [address] = attacker.getMultiaddrs()
    await victim.connect(String(address), 5000)
    try {
      await victim.request(attackerId(), '/stead/trap/1', Uint8Array.of(1), { timeoutMs: 2000 })
      return 'answered'
    } catch (error) {
      return (error as CoreError).code
    }
  }

  it('with garbage gives the requester NETWORK_BAD_MESSAGE and is refused', async () => {
    expect(await askAttacker((stream) => stream.send(new Uint8Array(100).fill(255)))).toBe('NETWORK_BAD_MESSAGE')
    await expectCutOff()
    await expect(victim.connect(String(attacker.getMultiaddrs()[0]), 2000)).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
    })
  })

  it('a request that was never sent is refused', async () => {
    const answer = encodeFrame(FRAME_KIND.response, 4711, Uint8Array.of(1))
    expect(await askAttacker((stream) => stream.send(answer))).toBe('NETWORK_BAD_MESSAGE')
    await expectCutOff()
  })

  it('with a report that is not JSON is refused', async () => {
    const answer = encodeFrame(FRAME_KIND.report, 1, systemRandom.bytes(100))
    expect(await askAttacker((stream) => stream.send(answer))).toBe('NETWORK_BAD_MESSAGE')
    await expectCutOff()
  })

  it('with an endless answer is cut off', async () => {
    const begin = encodeFrame(FRAME_KIND.response, 1, new Uint8Array(100)).fill(1, 0, 1)
    expect(await askAttacker((stream) => stream.send(begin))).toBe('NETWORK_BAD_MESSAGE')
  })

  it('by closing the stream lets the requester know at once', async () => {
    expect(await askAttacker((stream) => stream.abort(new Error('gone')))).toBe('NETWORK_UNREACHABLE')
    expect(isConnected()).toBe(true)
  })

  it('twice is heard once', async () => {
    const answer = encodeFrame(FRAME_KIND.response, 1, Uint8Array.of(1))
    expect(await askAttacker((stream) => stream.send(Uint8Array.from([...answer, ...answer])))).toBe('answered')
    expect(isConnected()).toBe(true)
  })
})

describe('a peer that gossips', () => {
  const heard: string[] = []
  beforeEach(async () => {
    heard.length = 0
    victim.subscribe('offers', (payload) => {
      heard.push(new TextDecoder().decode(payload))
      return 'accept'
    })
    await attacker.dial(multiaddr(addressOf(victim)))
    await until('it knows the topic', () => attacker.services.pubsub.getSubscribers('offers').length > 0)
  })

  it('without a signature is never heard and is cut off', async () => {
    await until('it is cut off', async () => {
      await attacker.services.pubsub.publish('offers', systemRandom.bytes(300))
      return !isConnected()
    })
    expect(heard).toEqual([])
    await expectHonestServed()
  })

  it('faster than allowed is heard only as much as allowed, and others still are', async () => {
    const before = performance.now()
    const { sealed } = await sealer()
    for (let i = 0; i < 4000; i++) await attacker.services.pubsub.publish('offers', sealed(`flood ${i}`))
    await until('the flood has passed', async () => {
      const { length } = heard
      await new Promise((resolve) => setTimeout(resolve, 300))
      return heard.length === length
    })
    const seconds = (performance.now() - before) / 1000
    expect(heard.length).toBeGreaterThan(100)
    expect(heard.length).toBeLessThanOrEqual(1000 + 200 * seconds + 1)
    await until('the honest one is heard', async () => {
      await honest.publish('offers', new TextEncoder().encode('honest'))
      return heard.includes('honest')
    })
  })

  it('what was sent long ago is not heard again', async () => {
    const { sealed } = await sealer()
    const longAgo = Date.now() - 24 * 3_600_000
    for (let i = 0; i < 5; i++) await attacker.services.pubsub.publish('offers', sealed(`old ${i}`, longAgo))
    await until('something new is heard', async () => {
      await attacker.services.pubsub.publish('offers', sealed('new'))
      return heard.length > 0
    })
    expect(heard).toEqual(['new'])
    expect(isConnected()).toBe(true)
  })
})

/** Seals gossip with a key of its own. */
async function sealer(): Promise<{ sealed: (text: string, sentAt?: number) => Uint8Array }> {
  const { createSigner, loadSecp256k1 } = await import('@stead/protocol')
  const { sealEnvelope } = await import('../src/gossip-envelope.ts')
  const signer = createSigner(await loadSecp256k1(), systemRandom.bytes(32))
  return {
    sealed: (text, sentAt = Date.now()) =>
      sealEnvelope(signer, 'offers', { payload: new TextEncoder().encode(text), sentAt: sentAt as never }),
  }
}

describe('a peer with another kind of key', () => {
  it('is not let in, because it has no account to be paid', async () => {
    const stranger = await startAttacker('Ed25519')
    try {
      const dial = async (): Promise<void> => {
        const stream = await openStream(stranger, victim, PROTOCOL)
        await until('the stream ends', () => stream.status !== 'open')
        throw new Error('closed')
      }
      await expect(dial()).rejects.toThrow()
      expect(victim.peers().filter(({ connected }) => connected)).toHaveLength(1)
    } finally {
      await stranger.stop()
    }
  })
})

describe('a peer that says it lives on a port of our own machine', () => {
  it('cannot make us knock there', async () => {
    let knocks = 0
    const service = createServer((socket) => {
      knocks += 1
      socket.destroy()
    })
    const port = await listenOn(service, '127.0.0.1')
    const probe = createServer()
    const ownPort = await listenOn(probe, '127.0.0.2')
    await new Promise((resolve) => probe.close(resolve))
    const liar = await startAttacker('secp256k1', {
      listen: [`/ip4/127.0.0.2/tcp/${ownPort}`],
      announce: [`/ip4/127.0.0.1/tcp/${port}`],
    })
    const careful = createTestNetwork({ listen: [], discoveryIntervalMs: 100, peersTarget: 50 })
    try {
      await careful.start()
      const peer = await careful.connect(`/ip4/127.0.0.2/tcp/${ownPort}/p2p/${liar.peerId.toString()}`, 5000)
      // Nothing tells a test when the lie has been read; it takes one round trip.
      await new Promise((resolve) => setTimeout(resolve, 300))
      await liar.stop()
      await until('it is gone', () => careful.peers().every(({ connected }) => !connected))
      await expect(careful.connect(peer, 1000)).rejects.toThrow()
      expect(knocks).toBe(0)
    } finally {
      await Promise.all([careful.stop(), liar.stop()])
      service.close()
    }
  })
})

async function listenOn(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : 0
}
