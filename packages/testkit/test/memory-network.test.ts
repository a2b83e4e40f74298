import type { Clock, CoreError, UnixMs } from '@stead/core'
import { ManualClock, MemoryHub, SeededRandom } from '@stead/testkit'
import { networkCompliance } from '@stead/testkit/compliance'
import { describe, expect, it } from 'vitest'

/** Real time, because the suite waits for what happens by itself. */
const realClock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  },
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
}

networkCompliance('in memory', async () => {
  const hub = new MemoryHub({ clock: realClock, random: new SeededRandom(1) })
  return { clock: realClock, create: () => hub.createNode() }
})

const PROTOCOL = '/stead/test/1'
const LIMITS = { messageBytesMax: 1024, inFlightPerPeerMax: 8, handlerTimeoutMs: 1000 }

describe('MemoryNetwork under a manual clock', () => {
  async function startPair(seed = 1) {
    const clock = new ManualClock()
    const hub = new MemoryHub({ clock, random: new SeededRandom(seed) })
    const server = hub.createNode()
    const client = hub.createNode()
    server.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    await server.start()
    await client.start()
    return { clock, hub, server, client }
  }

  it('takes answers from whoever keeps nothing of them', async () => {
    const { clock, server, client } = await startPair()
    const lending = '/stead/lending/1'
    const answers = [Uint8Array.of(1, 2), new Uint8Array([7, 8, 9, 7]).subarray(1, 3)]
    server.handle(
      lending,
      { ...LIMITS, lendsPayloads: true },
      async ({ payload }) => answers[payload[0] ?? 0] ?? payload,
    )
    const asked = [0, 1].map((place) => client.request(server.self, lending, Uint8Array.of(place), { timeoutMs: 1000 }))
    await clock.advance(1000)
    expect(await Promise.all(asked)).toEqual([Uint8Array.of(1, 2), Uint8Array.of(8, 9)])
    // A part of something else is not taken.
    expect(answers.map(({ length }) => length)).toEqual([0, 2])
  })

  it('takes exactly the latency of both ways', async () => {
    const { clock, hub, server, client } = await startPair()
    hub.setDefaultLink({ latencyMs: 40 })
    let answeredAtMs: number | undefined
    const asked = client.request(server.self, PROTOCOL, Uint8Array.of(1), { timeoutMs: 1000 }).then(() => {
      answeredAtMs = clock.monotonicMs()
    })
    await clock.advance(79)
    expect(answeredAtMs).toBeUndefined()
    await clock.advance(1)
    await asked
    expect(answeredAtMs).toBe(80)
  })

  it('times out exactly when its time is over while a partition lasts, and works after it', async () => {
    const { clock, hub, server, client } = await startPair()
    hub.partition([server.self], [client.self])
    const asked = client.request(server.self, PROTOCOL, Uint8Array.of(1), { timeoutMs: 500 }).then(
      () => 'answered',
      (error: CoreError) => `${error.code} after ${clock.monotonicMs()} ms`,
    )
    await clock.advance(1000)
    expect(await asked).toBe('NETWORK_TIMEOUT after 500 ms')
    hub.heal()
    expect(await client.request(server.self, PROTOCOL, Uint8Array.of(1), { timeoutMs: 500 })).toEqual(Uint8Array.of(1))
  })

  it('loses the share of messages that it should, the same ones with the same seed', async () => {
    const outcomesOf = async (seed: number): Promise<string> => {
      const { clock, hub, server, client } = await startPair(seed)
      hub.setLink(server.self, client.self, { latencyMs: 5, jitterMs: 20, lossShare: 0.2 })
      const outcomes: string[] = []
      for (let i = 0; i < 200; i++) {
        const asked = client.request(server.self, PROTOCOL, Uint8Array.of(i), { timeoutMs: 100 }).then(
          () => outcomes.push(`${i} ok ${clock.monotonicMs()}`),
          (error: CoreError) => outcomes.push(`${i} ${error.code}`),
        )
        await clock.advance(100)
        await asked
      }
      return outcomes.join('\n')
    }
    const first = await outcomesOf(7)
    const lost = first.split('\n').filter((line) => line.endsWith('NETWORK_TIMEOUT')).length
    expect(lost).toBeGreaterThan(40)
    expect(lost).toBeLessThan(110)
    expect(await outcomesOf(7)).toBe(first)
    expect(await outcomesOf(8)).not.toBe(first)
  })

  it('fails what is in flight when a peer is killed', async () => {
    const { clock, hub, server, client } = await startPair()
    const gone: string[] = []
    client.listen({ peerDisconnected: (peer) => gone.push(peer) })
    server.handle('/stead/deaf/1', LIMITS, () => new Promise<never>(() => undefined))
    const asked = client
      .request(server.self, '/stead/deaf/1', Uint8Array.of(1), { timeoutMs: 5000 })
      .catch((error: CoreError) => error.code)
    await clock.settle()
    hub.kill(server.self)
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    expect(gone).toEqual([server.self])
  })

  it('keeps the connection to a node that is back when word of its death comes late', async () => {
    const { clock, hub, server, client } = await startPair()
    hub.setDefaultLink({ latencyMs: 100 })
    client.subscribe('news', () => 'accept')
    const connecting = client.connect(server.self, 1000)
    await clock.advance(100)
    await connecting
    hub.kill(server.self)
    const back = hub.createNode(server.self)
    await back.start()
    hub.setLink(server.self, client.self, { latencyMs: 10 })
    const again = back.connect(client.self, 1000)
    await clock.advance(500)
    await again
    const isConnected = (): boolean => client.peers().some(({ peer, connected }) => peer === server.self && connected)
    expect(isConnected()).toBe(true)
    expect(back.peers()).toMatchObject([{ peer: client.self, connected: true }])
  })

  it('answers a request to a node that died and is back, of which nobody was told', async () => {
    const { clock, hub, server, client } = await startPair()
    await client.connect(server.self, 1000)
    hub.partition([server.self], [client.self])
    hub.kill(server.self)
    await clock.settle()
    hub.heal()
    const back = hub.createNode(server.self)
    back.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    await back.start()
    expect(client.peers()).toMatchObject([{ connected: true }])
    const asked = client.request(server.self, PROTOCOL, Uint8Array.of(5), { timeoutMs: 1000 })
    await clock.settle()
    expect(await asked).toEqual(Uint8Array.of(5))
  })

  it('notices by gossip that a peer does not have the connection any more, and hears what its next life says', async () => {
    const { clock, hub, server, client } = await startPair()
    const heard: number[] = []
    client.subscribe('news', ([number = 0]) => {
      heard.push(number)
      return 'accept'
    })
    await client.connect(server.self, 1000)
    await server.publish('news', Uint8Array.of(1))
    await clock.settle()
    // Nobody is told of the death.
    hub.partition([server.self], [client.self])
    hub.kill(server.self)
    await clock.settle()
    hub.heal()
    const back = hub.createNode(server.self)
    await back.start()
    expect(client.peers()).toMatchObject([{ connected: true }])
    await client.publish('news', Uint8Array.of(7))
    await clock.settle()
    expect(client.peers()).toMatchObject([{ connected: false }])
    await client.connect(server.self, 1000)
    await back.publish('news', Uint8Array.of(2))
    await clock.settle()
    expect(heard).toEqual([1, 2])
  })

  it('leaves no timer behind', async () => {
    const { clock, server, client } = await startPair()
    const before = clock.pendingTimers
    await client.request(server.self, PROTOCOL, Uint8Array.of(1), { timeoutMs: 5000 })
    await clock.settle()
    expect(clock.pendingTimers).toBe(before)
  })
})

describe('ManualClock', () => {
  it('fires timers in order of time, then of making, and works off promises between them', async () => {
    const clock = new ManualClock()
    const events: string[] = []
    clock.setTimer(20, () => events.push('20'))
    clock.setTimer(10, () => {
      events.push('10')
      void Promise.resolve().then(() => events.push('after 10'))
      clock.setTimer(5, () => events.push('15'))
    })
    clock.setTimer(10, () => events.push('10 again'))
    const cleared = clock.setTimer(12, () => events.push('never'))
    cleared.clear()
    await clock.advance(20)
    expect(events).toEqual(['10', 'after 10', '10 again', '15', '20'])
    expect(clock.monotonicMs()).toBe(20)
  })

  it('sleeps until its time or a cancellation', async () => {
    const clock = new ManualClock()
    const abort = new AbortController()
    const slept = clock.sleep(50)
    const cancelled = clock.sleep(50, abort.signal).catch((error: CoreError) => error.code)
    abort.abort()
    expect(await cancelled).toBe('CORE_ABORTED')
    await clock.advance(50)
    await slept
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets the wall clock jump without touching durations', async () => {
    const clock = new ManualClock({ startAt: 1000 as UnixMs })
    await clock.advance(500)
    clock.jumpWall(-1200)
    expect([clock.now(), clock.monotonicMs()]).toEqual([300, 500])
  })
})

describe('SeededRandom', () => {
  it('repeats with its seed, differs with another, and is evenly spread', () => {
    const bytes = new SeededRandom(42).bytes(33)
    expect(new SeededRandom(42).bytes(33)).toEqual(bytes)
    expect(new SeededRandom(43).bytes(33)).not.toEqual(bytes)
    const random = new SeededRandom(1)
    const fractions = Array.from({ length: 20_000 }, () => random.fraction())
    const mean = fractions.reduce((sum, value) => sum + value, 0) / fractions.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01)
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...fractions)).toBeLessThan(1)
  })
})

describe('gossip of a hub with a mesh', () => {
  class CountingHub extends MemoryHub {
    messages = 0
    override deliver(...args: Parameters<MemoryHub['deliver']>): void {
      this.messages++
      super.deliver(...args)
    }
  }

  /** Forty nodes of which each is connected to all; how many hear a message, and how many messages that takes. */
  async function spread(gossipDegreeMax?: number): Promise<readonly [number, number]> {
    const clock = new ManualClock()
    const degree = gossipDegreeMax === undefined ? {} : { gossipDegreeMax }
    const hub = new CountingHub({ clock, random: new SeededRandom(3), ...degree })
    hub.setDefaultLink({ latencyMs: 5, jitterMs: 20 })
    const nodes = Array.from({ length: 40 }, () => hub.createNode())
    for (const node of nodes) await node.start()
    const heard = new Set<string>()
    for (const node of nodes) {
      node.subscribe('news', () => {
        heard.add(node.self)
        return 'accept'
      })
      for (const other of nodes) if (other !== node) void node.connect(other.self, 1000)
    }
    await clock.advance(1000)
    hub.messages = 0
    await nodes[0]?.publish('news', Uint8Array.of(1))
    await clock.advance(1000)
    return [heard.size, hub.messages]
  }

  it('reaches everybody with as few messages as neighbours are told', async () => {
    // A flood: to all 39, and from each of them to all but the one that it has it from.
    expect(await spread()).toEqual([39, 39 + 39 * 38])
    const [heard, messages] = await spread(8)
    expect(heard).toBe(39)
    expect(messages).toBeLessThan(40 * 8)
  })
})
