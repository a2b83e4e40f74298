import { connect, type Socket } from 'node:net'
import type { ObjectStore } from '@stead/storage'
import { afterEach, describe, expect, test } from 'vitest'
import { call, codeOf, signRequest } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

let running: RunningGateway | undefined
const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await running?.gateway.stop()
  running = undefined
})

async function start(...args: Parameters<typeof startGateway>): Promise<RunningGateway> {
  running = await startGateway(...args)
  await running.store.createBucket('vault')
  return running
}

/** A connection on which a test writes what it likes. */
function open(gateway: RunningGateway): Socket {
  const { hostname, port } = new URL(gateway.endpoint)
  const socket = connect(Number(port), hostname)
  // A reset is one of the ways in which the gateway may end a connection; tests look at what came before.
  socket.on('error', () => socket.destroy())
  sockets.push(socket)
  return socket
}

/** All that comes until the connection ends. */
function readToEnd(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
  })
  socket.on('close', () => resolve(text))
  return promise
}

/** Resolves with what came when it holds these words. */
function readUntil(socket: Socket, words: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  socket.on('data', (part) => {
    text += part.toString('latin1')
    if (text.includes(words)) resolve(text)
  })
  socket.on('close', () => reject(new Error(`the connection ended after: ${text}`)))
  return promise
}

function headOf(gateway: RunningGateway, raw: Parameters<typeof signRequest>[1], more: readonly string[] = []): string {
  const { method, target, headers } = signRequest(gateway, raw)
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${target} HTTP/1.1`, ...lines, ...more, '', ''].join('\r\n')
}

const upload = { method: 'PUT', target: '/vault/upload', payloadHash: 'UNSIGNED-PAYLOAD' }

/** A store that tells when a body is read to its end or left, and how much of it was read. */
function watched(store: ObjectStore, left: (readBytes: number) => void): ObjectStore {
  async function* watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let readBytes = 0
    try {
      for await (const bytes of body) {
        readBytes += bytes.length
        yield bytes
      }
    } finally {
      left(readBytes)
    }
  }
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'get') {
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) : member
      }
      return async (...args: Parameters<ObjectStore['get']>) => {
        const opened = await target.get(...args)
        return { ...opened, body: watch(opened.body) }
      }
    },
  })
}

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield new Uint8Array(1_000_000)
}

describe('headers', () => {
  test('that are huge are refused, and others are served meanwhile', async () => {
    const gateway = await start({ headerBytesMax: 8192 })
    const socket = open(gateway)
    socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nx-huge: ${'x'.repeat(100_000)}\r\n\r\n`)
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 431 /)
    expect((await call(gateway, { method: 'GET', target: '/' })).status).toBe(200)
  })

  test('of thousands of lines are refused or signed as they are: none is dropped', async () => {
    const gateway = await start({ headerBytesMax: 1024 * 1024 })
    const many = Object.fromEntries(Array.from({ length: 2500 }, (_, index) => [`x-amz-meta-${index}`, '']))
    const answer = await call(gateway, { ...upload, body: 'x', headers: many })
    expect(codeOf(answer)).toBe('MetadataTooLarge')
  })

  test('that drip in end the connection', async () => {
    const gateway = await start({ headersTimeoutMs: 300 })
    const socket = open(gateway)
    socket.write('GET / HTTP/1.1\r\n')
    const drip = setInterval(() => socket.write('x-drip: x\r\n'), 50)
    const text = await readToEnd(socket)
    clearInterval(drip)
    expect(text).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('that never come end the connection', async () => {
    const gateway = await start({ headersTimeoutMs: 300 })
    const socket = open(gateway)
    await readToEnd(socket)
    expect(socket.bytesWritten).toBe(0)
  })

  test('that are no HTTP end the connection', async () => {
    const gateway = await start()
    const socket = open(gateway)
    socket.write('\x16\x03\x01\x02\x00 hello tls\r\n\r\n')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 400 /)
  })
})

describe('a body', () => {
  test('that stops coming is given up, and nothing is stored', async () => {
    const gateway = await start({ bodyIdleMs: 200 })
    const socket = open(gateway)
    socket.write(headOf(gateway, upload, ['content-length: 1000']))
    socket.write('a beginning')
    expect(await readToEnd(socket)).toContain('<Code>RequestTimeout</Code>')
    expect(await gateway.store.head('vault', 'upload')).toBeUndefined()
  })

  test('that drips in is given up as well', async () => {
    const gateway = await start({ bodyIdleMs: 300, bodyBytesPerIdleMin: 1000 })
    const socket = open(gateway)
    socket.write(headOf(gateway, upload, ['content-length: 100000']))
    const drip = setInterval(() => socket.write('x'), 20)
    const text = await readToEnd(socket)
    clearInterval(drip)
    expect(text).toContain('<Code>RequestTimeout</Code>')
  })

  test('whose client goes away leaves nothing behind', async () => {
    const gateway = await start()
    const socket = open(gateway)
    socket.write(headOf(gateway, upload, ['content-length: 1000000', 'expect: 100-continue']))
    await readUntil(socket, '100 Continue')
    socket.write('x'.repeat(500_000))
    socket.destroy()
    await gateway.gateway.stop()
    expect(await gateway.store.head('vault', 'upload')).toBeUndefined()
  })

  test('is not asked for when it would be refused', async () => {
    const gateway = await start()
    const socket = open(gateway)
    const nowhere = { ...upload, target: '/nowhere/upload' }
    socket.write(headOf(gateway, nowhere, ['content-length: 1000000', 'expect: 100-continue']))
    const text = await readToEnd(socket)
    expect(text).toMatch(/^HTTP\/1\.1 404 /)
    expect(text).toContain('NoSuchBucket')
    expect(text.toLowerCase()).toContain('connection: close')

    await gateway.store.put('vault', 'upload', [])
    const other = open(gateway)
    const again = { ...upload, headers: { 'if-none-match': '*' } }
    other.write(headOf(gateway, again, ['content-length: 1000000', 'expect: 100-continue']))
    expect(await readToEnd(other)).toMatch(/^HTTP\/1\.1 412 /)
  })

  test('of a refused request is not read for ever', async () => {
    const gateway = await start()
    const socket = open(gateway)
    socket.write(`PUT /vault/upload HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n`)
    const drip = setInterval(() => socket.write('1\r\nx\r\n'), 50)
    const text = await readToEnd(socket)
    clearInterval(drip)
    expect(text).toContain('<Code>AccessDenied</Code>')
  })

  test('that is refused early leaves the connection good for the next request', async () => {
    const gateway = await start()
    const socket = open(gateway)
    socket.write(headOf(gateway, { ...upload, target: '/nowhere/upload' }, ['content-length: 300000']))
    socket.write('x'.repeat(300_000))
    const next = readUntil(socket, 'ListAllMyBucketsResult')
    socket.write(headOf(gateway, { method: 'GET', target: '/' }))
    expect(await next).toContain('NoSuchBucket')
  })

  test('that is refused in its middle does so as well', async () => {
    const gateway = await start()
    const socket = open(gateway)
    const chunked = { ...upload, payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' }
    const headers = { 'x-amz-decoded-content-length': '1000' }
    socket.write(headOf(gateway, { ...chunked, headers }, ['content-length: 900000']))
    socket.write(`no chunk\r\n${'x'.repeat(900_000 - 10)}`)
    const next = readUntil(socket, 'ListAllMyBucketsResult')
    socket.write(headOf(gateway, { method: 'GET', target: '/' }))
    expect(await next).toContain('<Code>InvalidRequest</Code>')
  })

  test('that waits inside another one is not a request', async () => {
    const gateway = await start()
    const socket = open(gateway)
    const smuggled = headOf(gateway, { method: 'PUT', target: '/smuggled' })
    socket.write(headOf(gateway, upload, ['transfer-encoding: chunked', 'content-length: 5']))
    socket.write(`0\r\n\r\n${smuggled}`)
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 400 /)
    expect((await gateway.store.buckets()).map(({ name }) => name)).toEqual(['vault'])
  })
})

test('a body is taken no faster than the store takes it', async () => {
  const gateway = await start()
  const { promise: began, resolve: begin } = Promise.withResolvers<void>()
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  gateway.store.put = async (_bucket, _key, body) => {
    for await (const bytes of body) {
      if (bytes.length > 0) begin()
      await over
    }
    throw new Error('the store has seen enough')
  }
  const socket = open(gateway)
  socket.write(headOf(gateway, upload, ['content-length: 64000000']))
  socket.write(new Uint8Array(64_000_000))
  await began
  for (let index = 0; index < 50; index++) await call(gateway, { method: 'GET', target: '/' })
  expect(socket.writableLength).toBeGreaterThan(32_000_000)
  socket.destroy()
  end()
})

describe('an answer', () => {
  test('that the client does not take is given up, and the store is told', async () => {
    const { promise: left, resolve } = Promise.withResolvers<number>()
    const gateway = await start({ bodyIdleMs: 300, bodyBytesPerIdleMin: 100_000_000 }, (store) =>
      watched(store, resolve),
    )
    await gateway.store.put('vault', 'large', megabytes(64))
    const socket = open(gateway)
    socket.pause()
    socket.write(headOf(gateway, { method: 'GET', target: '/vault/large' }))
    expect(await left).toBeLessThan(32_000_000)
  })

  test('whose client goes away stops the store', async () => {
    const { promise: left, resolve } = Promise.withResolvers<number>()
    const gateway = await start({}, (store) => watched(store, resolve))
    await gateway.store.put('vault', 'large', megabytes(64))
    const socket = open(gateway)
    const began = readUntil(socket, 'HTTP/1.1 200')
    socket.write(headOf(gateway, { method: 'GET', target: '/vault/large' }))
    await began
    socket.destroy()
    await left
    expect((await call(gateway, { method: 'GET', target: '/' })).status).toBe(200)
  })

  test('that breaks in the middle is cut short, never filled up', async () => {
    const gateway = await start()
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1000)
      throw new Error('the disk is gone')
    }
    const { get } = gateway.store
    gateway.store.get = async (...args) => ({ ...(await get.apply(gateway.store, args)), body: broken() })
    await gateway.store.put('vault', 'rotten', megabytes(1))
    await expect(call(gateway, { method: 'GET', target: '/vault/rotten' })).rejects.toThrow(
      /aborted|hang up|ECONNRESET/,
    )
  })

  test('that breaks at once is an error, without the words of the store', async () => {
    const gateway = await start()
    const secret = 'at /home/someone/.stead/pieces'
    gateway.store.head = () => Promise.reject(new Error(secret))
    const answer = await call(gateway, { method: 'GET', target: '/vault/rotten' })
    expect(codeOf(answer)).toBe('InternalError')
    expect(answer.body).not.toContain(secret)
  })
})

test('a gateway that stops ends what goes on for ever', async () => {
  const gateway = await start()
  const socket = open(gateway)
  socket.write(headOf(gateway, upload, ['content-length: 1000', 'expect: 100-continue']))
  await readUntil(socket, '100 Continue')
  await gateway.gateway.stop()
  await expect(call(gateway, { method: 'GET', target: '/' })).rejects.toThrow('ECONNREFUSED')
})

test('a port that is taken is said to be', async () => {
  const gateway = await start()
  const port = Number(new URL(gateway.endpoint).port)
  await expect(startGateway({ port })).rejects.toMatchObject({ code: 'GATEWAY_LISTEN_FAILED' })
})

test('more connections than there may be are closed', async () => {
  const gateway = await start({ connectionsMax: 2 })
  const [first, second, third] = [open(gateway), open(gateway), open(gateway)]
  await readToEnd(third)
  expect([first.destroyed, second.destroyed]).toEqual([false, false])
})
