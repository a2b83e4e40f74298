import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { CoreError, PeerId } from '@stead/core'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../support/attacker.ts'
import { LIMITS, PATIENT, PROTOCOL, type Trial, Trials } from '../support/bulk-trial.ts'
import { answerTickets } from '../support/false-tickets.ts'
import { FaultyProxy, pipeBoth } from '../support/faulty-proxy.ts'

const MIB = 1024 * 1024
const trials = new Trials()
const servers: Server[] = []
let child: ChildProcess | undefined

afterEach(async () => {
  child?.kill('SIGKILL')
  child = undefined
  await trials.stop()
  for (const server of servers.splice(0)) server.close()
})

async function ask({ network }: Trial, { network: other }: Trial, byte = 1): Promise<number | undefined> {
  return (await network.request(other.self, PROTOCOL, Uint8Array.of(byte), PATIENT))[0]
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'answered',
    (error: CoreError) => error.code,
  )
}

async function listen(onSocket: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    onSocket(socket)
  })
  servers.push(server)
  server.listen(0, host)
  await once(server, 'listening')
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : 0
}

/** A port that is free now, on an address of its own, so that nobody takes it meanwhile. */
async function freePort(host: string): Promise<number> {
  const port = await listen(() => undefined, host)
  servers.pop()?.close()
  return port
}

describe('requests in bulk', () => {
  it('go over one data connection, many at once, and are answered as they are ready', async () => {
    const [server, client] = await trials.startPair()
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(client, server, i)))
    expect(answers).toEqual(Array.from({ length: 30 }, (_, i) => i))
    expect([client.open('outbound'), server.open('inbound')]).toEqual([1, 1])
    expect([client.open('inbound'), server.open('outbound')]).toEqual([0, 0])
    expect(client.outcomes('outbound', 'opened')).toBe(1)
  })

  it('of 16 MiB go both ways whole, several at once, and small ones beside them', async () => {
    const [server, client] = await trials.startPair()
    const payloads = [1, 2, 3].map((seed) => new Uint8Array(16 * MIB).map((_, i) => (i * seed) % 251))
    const asked = payloads.map((payload) => client.network.request(server.network.self, PROTOCOL, payload, PATIENT))
    const small = Array.from({ length: 50 }, (_, i) => ask(client, server, i))
    const answers = await Promise.all(asked)
    expect(answers.map((answer, i) => Buffer.compare(answer, payloads[i] ?? answer.subarray(1)))).toEqual([0, 0, 0])
    expect(await Promise.all(small)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(client.open('outbound')).toBe(1)
  })

  it('have the memory of their answers back when these are sent, where payloads are lent', async () => {
    const answers: Uint8Array[] = []
    const [server, client] = await trials.startPair({}, (network) =>
      network.handle(PROTOCOL, { ...LIMITS, lendsPayloads: true }, async ({ payload }) => {
        const answer = new Uint8Array(MIB).fill(payload[0] ?? 0)
        answers.push(answer)
        return answer
      }),
    )
    await ask(client, server)
    const request = (byte: number) =>
      client.network.request(server.network.self, PROTOCOL, Uint8Array.of(byte), PATIENT)
    const came = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(request))
    expect(came.every((bytes, i) => bytes.length === MIB && bytes.every((byte) => byte === i + 1))).toBe(true)
    await until('all memory is back', () => answers.length === 9 && answers.every(({ length }) => length === 0))
    expect(client.open('outbound')).toBe(1)
  })

  it('of every size arrive as they were', async () => {
    const [server, client] = await trials.startPair()
    for (const bytes of [
      0,
      1,
      9,
      13,
      16_383,
      16_384,
      16_385,
      65_535,
      262_143,
      262_144,
      262_145,
      MIB + 65_536,
      MIB + 65_537,
    ]) {
      const payload = new Uint8Array(bytes).map((_, i) => i * 7)
      const answer = await client.network.request(server.network.self, PROTOCOL, payload, PATIENT)
      expect(Buffer.compare(answer, payload)).toBe(0)
    }
    expect(client.open('outbound')).toBe(1)
  })

  it('go each way over a connection of its own', async () => {
    const [first, second] = [await trials.start(), await trials.start()]
    await second.network.connect(first.address(), 5000)
    expect(await Promise.all([ask(first, second, 1), ask(second, first, 2)])).toEqual([1, 2])
    expect([first.open('inbound'), first.open('outbound')]).toEqual([1, 1])
  })

  it('go with the others where they are not asked for in bulk', async () => {
    const [server, client] = await trials.startPair()
    const answer = await client.network.request(server.network.self, PROTOCOL, Uint8Array.of(3), { timeoutMs: 5000 })
    expect([answer[0], client.open('outbound'), client.outcomes('outbound', 'failed')]).toEqual([3, 0, 0])
  })

  it('need not be asked for where the asking node serves the protocol too', async () => {
    const [first, second] = [await trials.start(), await trials.start()]
    await second.network.connect(first.address(), 5000)
    await second.network.request(first.network.self, PROTOCOL, Uint8Array.of(3), { timeoutMs: 5000 })
    expect(second.open('outbound')).toBe(1)
  })

  it('leave no connection open when none was asked for a while, and open one again', async () => {
    const [server, client] = await trials.startPair({ bulkIdleMs: 200 })
    await ask(client, server)
    await until('it is closed', () => client.open('outbound') === 0 && server.open('inbound') === 0)
    expect(await ask(client, server, 2)).toBe(2)
    expect(client.outcomes('outbound', 'opened')).toBe(2)
  })

  it('hold a connection open while a handler takes its time', async () => {
    const gate = Promise.withResolvers<void>()
    const [server, client] = await trials.startPair({ bulkIdleMs: 100 }, (network) =>
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => {
        await gate.promise
        return payload
      }),
    )
    const asked = ask(client, server, 5)
    await new Promise((resolve) => setTimeout(resolve, 500))
    gate.resolve()
    expect([await asked, client.outcomes('outbound', 'opened')]).toEqual([5, 1])
  })

  it('wait for a reader that is slow, with bounded memory, and lose nothing', async () => {
    let held = 0
    let heldMax = 0
    const [server, client] = await trials.startPair({ requestBytesInFlightPerPeerMax: 64 * MIB }, (network) =>
      network.handle(PROTOCOL, { ...LIMITS, inFlightPerPeerMax: 1000 }, async ({ payload }) => {
        held += payload.length
        heldMax = Math.max(heldMax, held)
        await new Promise((resolve) => setTimeout(resolve, 1))
        held -= payload.length
        return payload.subarray(0, 1)
      }),
    )
    const asked = Array.from({ length: 60 }, (_, i) =>
      client.network.request(server.network.self, PROTOCOL, new Uint8Array(MIB).fill(i), PATIENT),
    )
    expect((await Promise.all(asked)).map(([first]) => first)).toEqual(Array.from({ length: 60 }, (_, i) => i))
    expect(heldMax).toBeLessThanOrEqual(64 * MIB)
  })

  it('go over libp2p beyond the number of connections that may be open', async () => {
    const [server, client] = await trials.startPair({ bulkConnectionsMax: 1 })
    const third = await trials.start()
    await client.network.connect(third.address(), 5000)
    expect([await ask(client, server, 1), await ask(client, third, 2)]).toEqual([1, 2])
    expect(client.open('outbound')).toBe(1)
  })
})

describe('where no data connection can be made, requests go over libp2p', () => {
  it.each([
    ['because the peer does not serve the protocol so', {}, { ...LIMITS, bulk: false }],
    ['because the peer has them off', { bulkListen: 'off' }, LIMITS],
    ['because the peer takes none now', { bulkConnectionsMax: 1 }, LIMITS],
  ])('%s', async (reason, options, limits) => {
    const server = await trials.start(options, (network) =>
      network.handle(PROTOCOL, limits, async ({ payload }) => payload),
    )
    if (reason.includes('none now')) {
      const other = await trials.start({}, () => undefined)
      await other.network.connect(server.address(), 5000)
      await ask(other, server)
    }
    const client = await trials.start({}, () => undefined)
    await client.network.connect(server.address(), 5000)
    for (let i = 0; i < 3; i++) expect(await ask(client, server, i)).toBe(i)
    expect([client.open('outbound'), client.outcomes('outbound', 'failed')]).toEqual([0, 1])
  })

  it('because this node has them off, and then none is even asked for', async () => {
    const server = await trials.start()
    const client = await trials.start({ bulkListen: 'off' }, () => undefined)
    await client.network.connect(server.address(), 5000)
    expect(await ask(client, server, 4)).toBe(4)
    expect([client.outcomes('outbound', 'failed'), server.open('inbound')]).toEqual([0, 0])
  })

  it('because a firewall refuses them, and they are tried again after a while', async () => {
    const server = await trials.start({ bulkListen: '127.0.0.2:0' })
    const client = await trials.start({ bulkRetryMs: 300 }, () => undefined)
    await client.network.connect(server.address(), 5000)
    for (let i = 0; i < 3; i++) expect(await ask(client, server, i)).toBe(i)
    expect(client.outcomes('outbound', 'failed')).toBe(1)
    await until('it is tried again', async () => {
      await ask(client, server)
      return client.outcomes('outbound', 'failed') === 2
    })
  })

  it('because a firewall swallows them, and the request that tries it waits no longer than it may', async () => {
    const port = await listen(() => undefined)
    const server = await trials.start({ bulkListen: 'off' }, (network) => {
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    })
    answerTickets(server.network, () => ({ port }))
    const client = await trials.start({ bulkConnectTimeoutMs: 300 }, () => undefined)
    await client.network.connect(server.address(), 5000)
    const startMs = performance.now()
    expect(await ask(client, server, 9)).toBe(9)
    expect(performance.now() - startMs).toBeLessThan(3000)
    expect(client.outcomes('outbound', 'failed')).toBe(1)
  })

  it('and change over, with requests in flight, when one can be made', async () => {
    let isServed = false
    const port = await freePort('127.0.0.3')
    const gate = Promise.withResolvers<void>()
    const server = await trials.start({ bulkListen: `127.0.0.3:${port}`, bulkAnnounce: [] }, (network) =>
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => {
        if (payload[0] === 0) await gate.promise
        return payload
      }),
    )
    // What the peer told is unreachable at the address that is known; this forwards it, later.
    const client = await trials.start({ bulkRetryMs: 200 }, () => undefined)
    await client.network.connect(server.address(), 5000)
    const slow = ask(client, server, 0)
    expect(await ask(client, server, 1)).toBe(1)
    const forward = createServer((socket) => {
      isServed = true
      pipeBoth(socket, { host: '127.0.0.3', port })
    })
    servers.push(forward)
    forward.listen(port, '127.0.0.1')
    await once(forward, 'listening')
    await until('it changed over', async () => {
      await ask(client, server, 2)
      return client.open('outbound') === 1
    })
    gate.resolve()
    expect([await slow, isServed]).toEqual([0, true])
  })
})

describe('a data connection', () => {
  it('is found at an address that the peer announces', async () => {
    const port = await freePort('127.0.0.2')
    const options = { bulkListen: `127.0.0.2:${port}`, bulkAnnounce: [`127.0.0.2:${port}`] }
    const server = await trials.start(options)
    const client = await trials.start({}, () => undefined)
    await client.network.connect(server.address(), 5000)
    await ask(client, server)
    expect(client.open('outbound')).toBe(1)
  })

  it('cannot listen where another program does, and says so by name', async () => {
    const port = await listen(() => undefined)
    const start = trials.start({ bulkListen: `127.0.0.1:${port}` })
    await expect(start).rejects.toMatchObject({ code: 'LIBP2P_LISTEN_FAILED', details: { port } })
  })

  it('ends when a peer is cut off, and what was in flight with it', async () => {
    const signals: AbortSignal[] = []
    const [server, client] = await trials.startPair({}, (network) =>
      network.handle(PROTOCOL, LIMITS, ({ signal }) => {
        signals.push(signal)
        return new Promise<never>(() => undefined)
      }),
    )
    const asked = codeOf(ask(client, server))
    await until('the handler runs', () => signals.length === 1)
    await server.network.disconnect(client.network.self, 60_000)
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    expect(signals[0]?.aborted).toBe(true)
    await until('both ends are closed', () => client.open('outbound') === 0 && server.open('inbound') === 0)
    expect(await codeOf(ask(client, server))).toBe('NETWORK_UNREACHABLE')
  })

  it('ends with the network, on both ends, and its port is free again', async () => {
    const port = await freePort('127.0.0.1')
    const [server, client] = await trials.startPair({}, undefined)
    const other = await trials.start({ bulkListen: `127.0.0.1:${port}` })
    await client.network.connect(other.address(), 5000)
    await Promise.all([ask(client, server), ask(client, other)])
    await other.network.stop()
    await until('the other end is closed', () => client.open('outbound') === 1)
    expect(other.open('inbound')).toBe(0)
    const again = await trials.start({ bulkListen: `127.0.0.1:${port}` })
    expect(again.address()).not.toBe('')
  })

  it('that dies with its process in the middle of a request gives the same error as a libp2p stream', async () => {
    child = fork(new URL('../support/network-process.ts', import.meta.url), {
      execArgv: ['--conditions=@stead/source'],
    })
    const [{ address }] = (await once(child, 'message')) as [{ address: string }]
    const client = await trials.start({}, () => undefined)
    const peer: PeerId = await client.network.connect(address, 5000)
    const asked = codeOf(client.network.request(peer, '/stead/deaf/1', Uint8Array.of(1), PATIENT))
    await once(child, 'message')
    expect(client.open('outbound')).toBe(1)
    child.kill('SIGKILL')
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    await until('it is closed', () => client.open('outbound') === 0)
  })

  it('that is cut in the middle of a large answer gives an error, and the next request another connection', async () => {
    const port = await freePort('127.0.0.2')
    const proxy = await FaultyProxy.start({ host: '127.0.0.2', port })
    servers.push(proxy.server)
    const server = await trials.start({ bulkListen: `127.0.0.2:${port}`, bulkAnnounce: [`127.0.0.1:${proxy.port}`] })
    const client = await trials.start({}, () => undefined)
    await client.network.connect(server.address(), 5000)
    await ask(client, server)
    proxy.cutAfter(3 * MIB)
    const large = client.network.request(server.network.self, PROTOCOL, new Uint8Array(8 * MIB), PATIENT)
    expect(await codeOf(large)).toBe('NETWORK_UNREACHABLE')
    expect(await ask(client, server, 7)).toBe(7)
    expect(client.outcomes('outbound', 'opened')).toBe(2)
  })

  it('through which nothing comes any more is left for libp2p, after one request that waited in vain', async () => {
    const port = await freePort('127.0.0.2')
    const proxy = await FaultyProxy.start({ host: '127.0.0.2', port })
    servers.push(proxy.server)
    const server = await trials.start({ bulkListen: `127.0.0.2:${port}`, bulkAnnounce: [`127.0.0.1:${proxy.port}`] })
    const client = await trials.start({}, () => undefined)
    await client.network.connect(server.address(), 5000)
    await ask(client, server)
    proxy.freeze()
    const options = { timeoutMs: 300, bulk: true }
    const inVain = client.network.request(server.network.self, PROTOCOL, Uint8Array.of(1), options)
    expect(await codeOf(inVain)).toBe('NETWORK_TIMEOUT')
    expect(await ask(client, server, 6)).toBe(6)
    expect([client.open('outbound'), client.outcomes('outbound', 'silent')]).toEqual([0, 1])
  })
})
