import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { silentLogger } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiServer } from '../src/api/api-server.ts'
import { blobHandlers } from '../src/api/blob-handlers.ts'
import { createRoutes } from '../src/api/create-routes.ts'
import { epochHandlers } from '../src/api/epoch-handlers.ts'
import type { Handlers } from '../src/api/handlers.ts'

const running: ApiServer[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

/** Handlers of which only the wanted ones do anything. */
function handlersOf(parts: Partial<Handlers>): Handlers {
  return parts as Handlers
}

async function serve(parts: Partial<Handlers>, origins: readonly string[] = []) {
  let loads = 0
  const server = new ApiServer(
    {
      logger: silentLogger,
      loadRoutes: () => {
        loads += 1
        return createRoutes({
          logger: silentLogger,
          handlers: handlersOf(parts),
          renderMetrics: () => 'stead_peers 1\n',
          stopping: new AbortController().signal,
        })
      },
    },
    { port: 0, origins },
  )
  running.push(server)
  const access = await server.start()
  return { ...access, port: Number(new URL(access.url).port), loads: () => loads }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly type: string
  readonly headers: IncomingHttpHeaders
}

/** A request with any header at all, which fetch would not send. */
async function send(
  port: number,
  path: string,
  options: { headers?: Record<string, string>; body?: string; method?: string },
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
        headers: options.headers ?? {},
        agent: false,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body,
            type: response.headers['content-type'] ?? '',
            headers: response.headers,
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

describe('who may use the local API', () => {
  it('is only who knows the token, and strangers load nothing', async () => {
    const api = await serve({ listPeers: async () => ({ peers: [] }) })
    for (const authorization of ['', 'Bearer', 'Bearer x', `Basic ${api.token}`, `Bearer ${api.token}x`]) {
      const answer = await send(api.port, '/v1/peers', { headers: { authorization } })
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([401, 'API_UNAUTHORIZED'])
      expect(answer.type).toBe('application/problem+json')
    }
    expect(api.loads()).toBe(0)
    const answer = await send(api.port, '/v1/peers', { headers: { authorization: `Bearer ${api.token}` } })
    expect([answer.status, answer.body]).toEqual([200, '{"peers":[]}'])
  })

  it('is no web page: foreign names (DNS rebinding) and origins are refused although the token is right', async () => {
    const api = await serve({ listPeers: async () => ({ peers: [] }) })
    const authorization = `Bearer ${api.token}`
    for (const headers of [
      { host: 'evil.example' },
      { host: `evil.example:${api.port}` },
      { host: `127.0.0.1:${api.port + 1}` },
      { host: '127.0.0.1' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ]) {
      const answer = await send(api.port, '/v1/peers', {
        headers: { authorization, ...headers } as Record<string, string>,
      })
      expect([JSON.stringify(headers), answer.status]).toEqual([JSON.stringify(headers), 403])
    }
    const own = await send(api.port, '/v1/peers', { headers: { authorization, origin: api.url } })
    expect(own.status).toBe(200)
  })

  it('is open to web pages of origins that were named, with the token, and to no others', async () => {
    const origin = 'http://127.0.0.1:8080'
    const api = await serve({ listPeers: async () => ({ peers: [] }) }, [origin])
    const authorization = `Bearer ${api.token}`
    const ask = (headers: Record<string, string>, method = 'GET'): Promise<Answer> =>
      send(api.port, '/v1/peers', { headers, method })
    const readable = { 'access-control-allow-origin': origin, vary: 'Origin' }
    expect(await ask({ origin }, 'OPTIONS')).toMatchObject({
      status: 204,
      headers: {
        ...readable,
        'access-control-allow-methods': 'GET, POST',
        'access-control-allow-headers': 'authorization, content-type, last-event-id, stead-link',
        'access-control-expose-headers': 'stead-object',
      },
    })
    expect(api.loads()).toBe(0)
    expect(await ask({ origin, authorization })).toMatchObject({ status: 200, headers: readable })
    // A page may read why it was refused, and no more.
    expect(await ask({ origin })).toMatchObject({ status: 401, headers: readable })
    for (const headers of [
      { origin: 'http://127.0.0.1:8081', authorization },
      { origin: `${origin}.evil.example`, authorization },
      { origin: 'null', authorization },
      { origin, host: `evil.example:${api.port}`, authorization },
    ])
      for (const method of ['GET', 'OPTIONS']) {
        const answer = await ask(headers, method)
        expect([JSON.stringify(headers), answer.status]).toEqual([JSON.stringify(headers), 403])
        if (headers.origin !== origin) expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
      }
  })

  it('listens on loopback alone', async () => {
    const api = await serve({})
    const socket = connect({ port: api.port, host: '::1' })
    const [error] = await once(socket, 'error')
    expect(error).toBeDefined()
  })
})

describe('what the local API refuses', () => {
  it('says so with problem details: no route, no JSON, wrong form, too large', async () => {
    const api = await serve({ submitJob: async () => ({ id: `0x${'1'.repeat(64)}` as never, tasks: 1 }) })
    const headers = { authorization: `Bearer ${api.token}`, 'content-type': 'application/json' }
    const codeOf = async (path: string, options: Parameters<typeof send>[2]): Promise<unknown[]> => {
      const answer = await send(api.port, path, options)
      return [answer.status, JSON.parse(answer.body).code]
    }
    expect(await codeOf('/v1/nothing', { headers })).toEqual([404, 'NODE_ROUTE_UNKNOWN'])
    expect(await codeOf('/v1/jobs', { headers, body: '{' })).toEqual([400, 'API_BAD_REQUEST'])
    expect(await codeOf('/v1/jobs', { headers, body: '{}' })).toEqual([400, 'API_BAD_REQUEST'])
    expect(await codeOf('/v1/jobs', { headers: { ...headers, 'content-length': '999999999' }, body: '{' })).toEqual([
      413,
      'NODE_BODY_TOO_LARGE',
    ])
    expect(await codeOf('/v1/blobs', { headers, body: '{}' })).toEqual([400, 'API_BAD_REQUEST'])
  })

  it('says so of an id that is none, of any length and in any spelling', async () => {
    const id = contentIdOf('raw', Uint8Array.of(1))
    const cache = { get: async () => undefined }
    const { getBlob } = blobHandlers({ trade: { blobs: { cache } } } as never)
    const { getDocument } = epochHandlers({ epochs: {} } as never)
    const api = await serve({ getBlob, getDocument })
    const headers = { authorization: `Bearer ${api.token}` }
    const problemOf = async (path: string): Promise<unknown[]> => {
      const { status, body, type } = await send(api.port, path, { headers })
      const { code, kind } = JSON.parse(body)
      return [status, code, kind, type.split(';')[0]]
    }
    const refused = [400, 'API_BAD_REQUEST', 'user', 'application/problem+json']
    const wrong = [
      '-1',
      '%00',
      'B',
      id.toUpperCase(),
      `${id}a`,
      'a'.repeat(99),
      'a'.repeat(101),
      'b'.repeat(9000),
      '%zz',
    ]
    for (const text of wrong) {
      expect([text, await problemOf(`/v1/documents/${text}`)]).toEqual([text, refused])
      expect([text, await problemOf(`/v1/blobs/${text}`)]).toEqual([text, refused])
    }
    expect((await problemOf(`/v1/blobs/${id}`))[1]).toBe('COMPUTE_BLOB_MISSING')
  })

  it('keeps the text of an unexpected error to itself', async () => {
    const api = await serve({
      listPeers: async () => {
        throw new TypeError('secret path /home/me')
      },
    })
    const answer = await send(api.port, '/v1/peers', { headers: { authorization: `Bearer ${api.token}` } })
    expect(answer.status).toBe(500)
    expect(answer.body).not.toContain('secret')
  })

  it('names a port that is taken', async () => {
    const other = createServer()
    other.listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const server = new ApiServer({ logger: silentLogger, loadRoutes: async () => () => undefined }, { port })
    await expect(server.start()).rejects.toMatchObject({ code: 'NODE_PORT_TAKEN', details: { port } })
    other.close()
  })
})

describe('what the local API gives', () => {
  it('describes every route at /openapi.json and metrics at /metrics', async () => {
    const api = await serve({})
    const headers = { authorization: `Bearer ${api.token}` }
    const description = JSON.parse((await send(api.port, '/openapi.json', { headers })).body)
    expect(Object.keys(description.paths)).toEqual(
      expect.arrayContaining(['/v1/jobs', '/v1/jobs/{id}/events', '/v1/blobs']),
    )
    expect((await send(api.port, '/metrics', { headers })).body).toBe('stead_peers 1\n')
  })

  it('streams events from where the client was, and ends the source when the client leaves', async () => {
    let ended = false
    const api = await serve({
      watchJob: async ({ lastEvent }) =>
        (async function* () {
          try {
            for (let number = (lastEvent ?? 0) + 1; ; number++) {
              yield { number, at: 0 as never, type: 'placed', details: {} }
              await new Promise((resolve) => setImmediate(resolve))
            }
          } finally {
            ended = true
          }
        })(),
    })
    const response = await fetch(`${api.url}/v1/jobs/x/events`, {
      headers: { authorization: `Bearer ${api.token}`, 'last-event-id': '41' },
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('id: 43')) text += (await reader?.read())?.value ?? ''
    expect(text.indexOf('id: 42')).toBeGreaterThan(-1)
    expect(text).not.toContain('id: 41\n')
    await reader?.cancel()
    await expect.poll(() => ended).toBe(true)
  })
})
