import { once } from 'node:events'
import { connect as connectTcp, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
} from 'node:tls'
import type { PeerId } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCertificate } from '../../src/bulk/certificate.ts'
import { type Bond, encodeGreeting, proofOf, WELCOME } from '../../src/bulk/greeting.ts'
import { BULK_PROTOCOL, type TicketReply, ticketAskSchema, ticketReplySchema } from '../../src/bulk/messages.ts'
import { TLS_OPTIONS } from '../../src/bulk/tls-options.ts'
import { encodeRequest, FRAME_KIND } from '../../src/frame.ts'
import { until } from '../support/attacker.ts'
import { LIMITS, PATIENT, PROTOCOL, type Trial, Trials } from '../support/bulk-trial.ts'
import { answerTickets } from '../support/false-tickets.ts'
import { systemRandom } from '../support/system-ports.ts'

const trials = new Trials()
const sockets: Socket[] = []
const servers: Server[] = []
let victim: Trial
let attacker: Trial
let honest: Trial
let calls: PeerId[] = []

beforeEach(async () => {
  calls = []
  const options = { bulkTicketLifeMs: 1500, bulkGreetingTimeoutMs: 1500, frameTimeoutMs: 300, badPeerRefuseMs: 60_000 }
  victim = await trials.start(options, (network) => {
    network.handle(PROTOCOL, LIMITS, async ({ peer, payload }) => {
      calls.push(peer)
      return payload
    })
    network.handle('/stead/other/1', LIMITS, async () => Uint8Array.of(66))
  })
  attacker = await trials.start({}, () => undefined)
  honest = await trials.start({}, () => undefined)
  await attacker.network.connect(victim.address(), 5000)
  await honest.network.connect(victim.address(), 5000)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await trials.stop()
  for (const server of servers.splice(0)) server.close()
})

/** Asks the victim for a ticket, as anybody connected may. */
async function ticketFor({ network }: Trial): Promise<TicketReply> {
  const ask = ticketAskSchema.encodeMessage({ version: 1, protocol: PROTOCOL })
  return ticketReplySchema.decodeMessage(await network.request(victim.network.self, BULK_PROTOCOL, ask, PATIENT))
}

async function openTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ ...TLS_OPTIONS, port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  keep(socket)
  await once(socket, 'secureConnect')
  return socket
}

function keep<One extends Socket>(socket: One): One {
  sockets.push(socket)
  socket.on('error', () => socket.destroy())
  return socket
}

function bondOf({ network }: Trial, { fingerprint }: TicketReply, protocol = PROTOCOL): Bond {
  return { dialler: network.self, listener: victim.network.self, protocol, fingerprint }
}

function greetingOf(socket: TLSSocket, ticket: TicketReply, bond: Bond): Uint8Array {
  return encodeGreeting(ticket.ticketId, proofOf(socket, ticket.secret, bond))
}

/** What the victim says to a greeting: let in, or closed without a byte. */
async function answerTo(socket: TLSSocket, bytes: Uint8Array): Promise<'welcome' | 'closed'> {
  const answered = new Promise<'welcome' | 'closed'>((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk[0] === WELCOME ? 'welcome' : 'closed'))
    socket.once('close', () => resolve('closed'))
  })
  socket.write(bytes)
  return await answered
}

/** Whether the TLS handshake is made. */
function outcomeOf(socket: TLSSocket): Promise<'secure' | 'closed'> {
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve('secure'))
    socket.once('close', () => resolve('closed'))
  })
}

async function letIn(who: Trial): Promise<TLSSocket> {
  const ticket = await ticketFor(who)
  const socket = await openTls(ticket.port)
  expect(await answerTo(socket, greetingOf(socket, ticket, bondOf(who, ticket)))).toBe('welcome')
  return socket
}

/** An honest peer still gets a data connection. */
async function expectHonestServed(): Promise<void> {
  const answer = await honest.network.request(victim.network.self, PROTOCOL, Uint8Array.of(7), PATIENT)
  expect([answer[0], honest.open('outbound')]).toEqual([7, 1])
}

function isConnected(who: Trial): boolean {
  return victim.network.peers().some(({ peer, connected }) => peer === who.network.self && connected)
}

describe('who has a ticket of its own', () => {
  it('is let in, and asks as the peer to which the ticket was given', async () => {
    const socket = await letIn(attacker)
    socket.write(encodeRequest(1, 5000, Uint8Array.of(9)))
    await until('it is served', () => calls.length === 1)
    expect(calls).toEqual([attacker.network.self])
  })

  it('is let in once', async () => {
    const ticket = await ticketFor(attacker)
    const [first, second] = [await openTls(ticket.port), await openTls(ticket.port)]
    expect(await answerTo(first, greetingOf(first, ticket, bondOf(attacker, ticket)))).toBe('welcome')
    expect(await answerTo(second, greetingOf(second, ticket, bondOf(attacker, ticket)))).toBe('closed')
  })

  it('is not let in when it comes too late', async () => {
    const ticket = await ticketFor(attacker)
    await new Promise((resolve) => setTimeout(resolve, 1700))
    // Somebody else has a ticket, so that the door is open at all.
    await ticketFor(honest)
    const socket = await openTls(ticket.port)
    expect(await answerTo(socket, greetingOf(socket, ticket, bondOf(attacker, ticket)))).toBe('closed')
  })

  it('is not let in after it was cut off', async () => {
    const ticket = await ticketFor(attacker)
    const socket = await openTls(ticket.port)
    await victim.network.disconnect(attacker.network.self, 60_000)
    expect(await answerTo(socket, greetingOf(socket, ticket, bondOf(attacker, ticket)))).toBe('closed')
  })

  it('cannot ask anything else there than what the ticket is for', async () => {
    const ticket = await ticketFor(attacker)
    const socket = await openTls(ticket.port)
    const bond = bondOf(attacker, ticket, '/stead/other/1')
    expect(await answerTo(socket, greetingOf(socket, ticket, bond))).toBe('closed')
  })

  it('and asks for thousands of tickets has few, and keeps nobody out', async () => {
    const tickets: TicketReply[] = []
    for (let i = 0; i < 200; i++) tickets.push(await ticketFor(attacker))
    const first = tickets[0] ?? expect.fail('no ticket')
    const socket = await openTls(first.port)
    expect(await answerTo(socket, greetingOf(socket, first, bondOf(attacker, first)))).toBe('closed')
    await expectHonestServed()
  })
})

describe('who has no ticket of its own', () => {
  it('is not let in with the ticket of another peer, unless it has the secret, and then as that peer', async () => {
    const ticket = await ticketFor(honest)
    const stolenId = { ...ticket, secret: systemRandom.bytes(32) }
    const socket = await openTls(ticket.port)
    expect(await answerTo(socket, greetingOf(socket, stolenId, bondOf(attacker, ticket)))).toBe('closed')
    const whole = await ticketFor(honest)
    const second = await openTls(whole.port)
    expect(await answerTo(second, greetingOf(second, whole, bondOf(attacker, whole)))).toBe('closed')
    expect(calls).toEqual([])
  })

  it('has one try for each ticket, even with a wrong proof', async () => {
    const ticket = await ticketFor(attacker)
    const first = await openTls(ticket.port)
    expect(await answerTo(first, encodeGreeting(ticket.ticketId, systemRandom.bytes(32)))).toBe('closed')
    await ticketFor(honest)
    const second = await openTls(ticket.port)
    expect(await answerTo(second, greetingOf(second, ticket, bondOf(attacker, ticket)))).toBe('closed')
  })

  it('gains nothing by passing on, in the same form, what an honest peer sent to it', async () => {
    // The proof of one TLS session is worth nothing in another.
    const ticket = await ticketFor(honest)
    const [other, mine] = [await openTls(ticket.port), await openTls(ticket.port)]
    const overheard = greetingOf(other, ticket, bondOf(honest, ticket))
    expect(await answerTo(mine, overheard)).toBe('closed')
  })

  it.each([
    ['garbage instead of a greeting', () => systemRandom.bytes(52)],
    ['a greeting with something after it', () => new Uint8Array(1000)],
    ['a giant frame', () => encodeRequest(1, 5000, new Uint8Array(4 * 1024 * 1024))],
  ])('is closed for %s', async (_what, bytes) => {
    const { port } = await ticketFor(attacker)
    const socket = await openTls(port)
    expect(await answerTo(socket, bytes())).toBe('closed')
    expect(victim.outcomes('inbound', 'turned-away')).toBe(1)
    await expectHonestServed()
  })

  it.each([
    ['garbage instead of TLS', systemRandom.bytes(1000)],
    ['HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ])('is closed for %s', async (_what, bytes) => {
    const { port } = await ticketFor(attacker)
    const socket = keep(connectTcp({ port, host: '127.0.0.1' }))
    socket.write(bytes)
    socket.resume()
    await once(socket, 'close')
    await expectHonestServed()
  })

  it('cannot talk an older TLS', async () => {
    const { port } = await ticketFor(attacker)
    const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'DEFAULT' } as const
    const socket = keep(connectTls({ ...old, port, host: '127.0.0.1', rejectUnauthorized: false }))
    expect(await outcomeOf(socket)).toBe('closed')
  })

  it.each([
    ['says nothing', () => undefined],
    [
      'sends a byte of its handshake now and then',
      (socket: Socket) => {
        const drip = setInterval(() => socket.write(Uint8Array.of(22)), 20)
        socket.once('close', () => clearInterval(drip))
      },
    ],
  ])('and %s is closed soon', async (_what, behave) => {
    const { port } = await ticketFor(attacker)
    const socket = keep(connectTcp({ port, host: '127.0.0.1' }))
    const startMs = performance.now()
    behave(socket)
    socket.resume()
    await once(socket, 'close')
    expect(performance.now() - startMs).toBeLessThan(4000)
  })

  it('and is slow with its greeting is closed soon', async () => {
    const { port } = await ticketFor(attacker)
    const socket = await openTls(port)
    const drip = setInterval(() => socket.write(Uint8Array.of(0x53)), 50)
    await once(socket.resume(), 'close')
    clearInterval(drip)
    await expectHonestServed()
  })

  it('is closed before anything is read from it while nobody is expected', async () => {
    const { port } = await ticketFor(attacker)
    await new Promise((resolve) => setTimeout(resolve, 1700))
    const socket = keep(connectTls({ ...TLS_OPTIONS, port, host: '127.0.0.1', rejectUnauthorized: false }))
    expect(await outcomeOf(socket)).toBe('closed')
  })

  it('a hundred times at once holds few sockets, and keeps nobody out who has a ticket', async () => {
    const { port } = await ticketFor(attacker)
    const crowd = Array.from({ length: 100 }, () => keep(connectTcp({ port, host: '127.0.0.1' })))
    await Promise.all(crowd.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])))
    await until('most are closed', () => crowd.filter(({ destroyed }) => !destroyed).length <= 16)
    await expectHonestServed()
    for (const socket of crowd) socket.resume()
    await until('all are closed', () => crowd.every(({ destroyed }) => destroyed))
  })
})

describe('a peer that was let in', () => {
  it('and announces four gigabytes is cut off, over libp2p too', async () => {
    const socket = await letIn(attacker)
    socket.write(Uint8Array.of(255, 255, 255, 255, FRAME_KIND.request, 0, 0, 0, 1))
    await once(socket.resume(), 'close')
    await until('it is cut off', () => !isConnected(attacker))
    await expectHonestServed()
  })

  it('and sends garbage is cut off, over libp2p too', async () => {
    const socket = await letIn(attacker)
    socket.write(systemRandom.bytes(5000))
    await once(socket.resume(), 'close')
    await until('it is cut off', () => !isConnected(attacker))
    await expectHonestServed()
  })

  it('and never finishes a frame is cut off', async () => {
    const socket = await letIn(attacker)
    socket.write(encodeRequest(1, 5000, new Uint8Array(100_000)).subarray(0, 50_000))
    await once(socket.resume(), 'close')
    expect(calls).toEqual([])
  })

  it('many times has a few connections, and the others are closed', async () => {
    const open: TLSSocket[] = []
    for (let i = 0; i < 10; i++) open.push(await letIn(attacker))
    await until('the oldest are closed', () => victim.open('inbound') <= 4)
    for (const socket of open) socket.resume()
    await until('it sees them closed', () => open.filter(({ destroyed }) => !destroyed).length <= 4)
    await expectHonestServed()
  })

  it('and never takes its answers is cut off', async () => {
    victim = await trials.start({ stallTimeoutMs: 300 })
    await attacker.network.connect(victim.address(), 5000)
    const socket = await letIn(attacker)
    socket.pause()
    for (let id = 1; id <= 40 && !socket.destroyed; id++) {
      socket.write(encodeRequest(id, 20_000, new Uint8Array(1024 * 1024)))
    }
    await until('it is closed', () => victim.open('inbound') === 0)
  })
})

describe('a peer that gives tickets', () => {
  /** What a victim that asks in bulk ends in, with the liar's ticket. */
  async function askLiar(answer: (asker: PeerId) => Partial<TicketReply>): Promise<Trial> {
    const liar = await trials.start({ bulkListen: 'off' }, (network) => {
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    })
    answerTickets(liar.network, answer)
    const asker = await trials.start({ bulkConnectTimeoutMs: 500 }, () => undefined)
    await asker.network.connect(liar.address(), 5000)
    const reply = await asker.network.request(liar.network.self, PROTOCOL, Uint8Array.of(5), PATIENT)
    expect(reply[0]).toBe(5)
    expect([asker.open('outbound'), asker.outcomes('outbound', 'failed')]).toEqual([0, 1])
    return asker
  }

  async function listen(server: Server): Promise<number> {
    servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const bound = server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  it('to a listener with another certificate gets no byte of a request, nor of the proof', async () => {
    const { key, cert } = createCertificate()
    let received = 0
    let knocks = 0
    const server = createTlsServer({ ...TLS_OPTIONS, key, cert }, (socket) => {
      keep(socket).on('data', (chunk: Buffer) => {
        received += chunk.length
      })
    })
    server.on('connection', () => {
      knocks += 1
    })
    const port = await listen(server)
    await askLiar(() => ({ port, fingerprint: createCertificate().fingerprint }))
    expect([knocks, received]).toEqual([1, 0])
  })

  it('to a listener that takes no greeting, or closes, is asked over libp2p', async () => {
    const { key, cert, fingerprint } = createCertificate()
    const closing = createTlsServer({ ...TLS_OPTIONS, key, cert }, (socket) =>
      keep(socket).once('data', () => socket.end()),
    )
    const port = await listen(closing)
    await askLiar(() => ({ port, fingerprint }))
  })

  it('to a listener that answers the greeting with too much is asked over libp2p', async () => {
    const { key, cert, fingerprint } = createCertificate()
    const chatty = createTlsServer({ ...TLS_OPTIONS, key, cert }, (socket) =>
      keep(socket).write(new Uint8Array(100_000).fill(WELCOME)),
    )
    const port = await listen(chatty)
    await askLiar(() => ({ port, fingerprint }))
  })

  it('to doors of the local network does not make us knock there', async () => {
    let knocks = 0
    const service = createTcpServer((socket) => {
      knocks += 1
      socket.destroy()
    })
    const port = await listen(service)
    const liar = await trials.start({ bulkListen: 'off', listen: ['/ip4/127.0.0.2/tcp/0'] }, (network) => {
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
    })
    answerTickets(liar.network, () => ({
      port: 9,
      endpoints: [`127.0.0.1:${port}`, `10.255.255.1:${port}`, `169.254.169.254:80`, `[::1]:${port}`],
    }))
    const careful = await trials.start({ listen: [], bulkConnectTimeoutMs: 500 }, () => undefined)
    await careful.network.connect(liar.address(), 5000)
    const reply = await careful.network.request(liar.network.self, PROTOCOL, Uint8Array.of(5), PATIENT)
    expect([reply[0], knocks, careful.outcomes('outbound', 'failed')]).toEqual([5, 0, 1])
  })

  it('in a message that is none is asked over libp2p', async () => {
    const liar = await trials.start({ bulkListen: 'off' }, (network) => {
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => payload)
      const limits = { messageBytesMax: 1024, inFlightPerPeerMax: 4, handlerTimeoutMs: 1000 }
      network.handle(BULK_PROTOCOL, limits, async () => systemRandom.bytes(200))
    })
    await attacker.network.connect(liar.address(), 5000)
    const reply = await attacker.network.request(liar.network.self, PROTOCOL, Uint8Array.of(5), PATIENT)
    expect([reply[0], attacker.open('outbound')]).toEqual([5, 0])
  })
})

describe('somebody in the middle of a data connection', () => {
  it('with a certificate of its own sees nothing, and the request goes over libp2p', async () => {
    const { key, cert } = createCertificate()
    let seen = 0
    const middle = createTlsServer({ ...TLS_OPTIONS, key, cert }, (socket) => {
      keep(socket).on('data', (chunk: Buffer) => {
        seen += chunk.length
      })
    })
    servers.push(middle)
    middle.listen(0, '127.0.0.1')
    await once(middle, 'listening')
    const bound = middle.address()
    const port = bound !== null && typeof bound === 'object' ? bound.port : 0
    const target = await trials.start({ bulkListen: '127.0.0.2:0', bulkAnnounce: [`127.0.0.1:${port}`] })
    await attacker.network.connect(target.address(), 5000)
    const reply = await attacker.network.request(target.network.self, PROTOCOL, Uint8Array.of(4), PATIENT)
    expect([reply[0], seen, attacker.open('outbound')]).toEqual([4, 0, 0])
  })
})
