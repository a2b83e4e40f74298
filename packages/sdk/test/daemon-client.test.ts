import type { ServerResponse } from 'node:http'
import { type ContentId, type Fuel, fuel, type Hash, type MicroUsd, microUsd } from '@stead/core'
import { afterEach, describe, expect, test } from 'vitest'
import { type JobEvent, type JobSubmission, jobSubmissionWire, problemOf } from '../src/api/index.ts'
import { DaemonClient, prepareJob, SdkError, taskResultOf } from '../src/index.ts'
import type { JobPlan } from '../src/job/index.ts'
import { clientOf, sendJson, TestDaemon } from './support/test-daemon.ts'

const JOB = `0x${'ab'.repeat(32)}` as Hash
const BLOB = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' as ContentId
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function daemon(...parameters: ConstructorParameters<typeof TestDaemon>) {
  const server = new TestDaemon(...parameters)
  const connection = await server.start()
  cleanups.push(() => server.kill())
  return { server, connection, client: clientOf(connection) }
}

function sendEvent(response: ServerResponse, number: number, type: string): void {
  const event = { number, at: 1_700_000_000_000, type, details: {} }
  response.write(`: keep-alive\n\nid: ${number}\ndata: ${JSON.stringify(event)}\n\n`)
}

const submission: JobSubmission = {
  name: 'test',
  kind: 'function',
  module: BLOB,
  limits: { fuel: fuel(10), memoryPages: 1, outputBytes: 100, timeMs: 1000 },
  tasks: [{ key: 'a', input: [{ bytes: new Uint8Array([1, 2, 255]) }, { blob: BLOB }] }],
  verification: { mode: 'quorum', replicas: 3 },
  maxCostMicroUsd: microUsd(2n ** 70n),
  context: { series: [1, null, 'x'] },
}

describe('requests and answers', () => {
  test('a submission arrives with its bytes and big numbers intact', async () => {
    let received: unknown
    const { client } = await daemon((request, response, body) => {
      expect(`${request.method} ${request.url}`).toBe('POST /v1/jobs')
      received = jobSubmissionWire.decode(JSON.parse(body.toString()))
      sendJson(response, 200, { id: JOB, tasks: 1, unknownToThisVersion: true })
    })
    expect(await client.submitJob(submission)).toEqual({ id: JOB, tasks: 1 })
    expect(received).toEqual(submission)
  })

  test('a submission that cannot be is refused before it is sent, naming the field', async () => {
    const { client } = await daemon(() => expect.fail('nothing may be sent'))
    const wrong = { ...submission, tasks: [{ key: '' }] }
    await expect(client.submitJob(wrong)).rejects.toMatchObject({
      code: 'API_BAD_REQUEST',
      message: expect.stringContaining('tasks.0.key'),
    })
  })

  test('go by a fetch that is a method of nothing, as browsers want theirs', async () => {
    const { connection } = await daemon((_, response) => sendJson(response, 200, { receipts: [] }))
    const fetch = function (this: unknown, ...request: Parameters<typeof globalThis.fetch>): Promise<Response> {
      if (this !== undefined) throw new TypeError('Illegal invocation')
      return globalThis.fetch(...request)
    }
    const components = { connection: async () => connection, fetch, clock: { sleep: async () => undefined } }
    expect(await new DaemonClient(components).listReceipts({})).toEqual({ receipts: [] })
  })

  test('queries are in the URL', async () => {
    const { client } = await daemon((request, response) => {
      expect(request.url).toBe(`/v1/receipts?job=${JOB}&since=5`)
      sendJson(response, 200, { receipts: [] })
    })
    expect(await client.listReceipts({ job: JOB, since: 5 as never })).toEqual({ receipts: [] })
  })

  test('results come line by line, also when lines are cut anywhere', async () => {
    const line = {
      key: 'a',
      task: BLOB,
      status: 'ok',
      exitCode: 0,
      output: 'AQI=',
      stderr: '',
      files: [{ path: 'x', bytes: 'AA==' }],
      fuel: '7',
      nodes: [],
      costMicroUsd: '3',
    }
    const text = `${JSON.stringify(line)}\n${JSON.stringify({ ...line, key: 'ä' })}\n`
    const { client } = await daemon((_, response) => {
      for (const byte of Buffer.from(text)) response.write(Buffer.of(byte))
      response.end()
    })
    const results = []
    for await (const result of client.jobResults(JOB)) results.push(taskResultOf(result))
    expect(results.map(({ key }) => key)).toEqual(['a', 'ä'])
    expect(results[0]).toMatchObject({ output: new Uint8Array([1, 2]), fuel: 7n })
    expect(results[0]?.files.get('x')).toEqual(new Uint8Array([0]))
  })
})

describe('failures', () => {
  test("the daemon's error comes out with its code, numbers and advice", async () => {
    const { client } = await daemon((_, response) => {
      const error = new SdkError('JOB_TOO_LARGE', 'too many tasks', { details: { needTasks: 3n, limitTasks: 2 } })
      sendJson(response, 413, problemOf(error))
    })
    await expect(client.listJobs()).rejects.toMatchObject({
      code: 'JOB_TOO_LARGE',
      message: 'too many tasks',
      kind: 'user',
      details: { needTasks: '3', limitTasks: 2 },
      next: expect.stringContaining('Ask for less'),
      isSteadError: true,
    })
  })

  test('an error that is not ours does not leave the daemon', () => {
    const problem = problemOf(new Error('password is hunter2'))
    expect(JSON.stringify(problem)).not.toContain('hunter2')
    expect(problem).toMatchObject({ status: 500, code: 'API_REMOTE' })
  })

  test('nobody listens', async () => {
    const { server, connection, client } = await daemon(() => undefined)
    await server.kill()
    await expect(client.getStatus()).rejects.toMatchObject({ code: 'API_NO_DAEMON', retryable: true })
    const told = clientOf({ ...connection, next: 'Start it: so' })
    await expect(told.getStatus()).rejects.toMatchObject({ code: 'API_NO_DAEMON', next: 'Start it: so' })
  })

  test.each([
    ['not JSON', 200, 'text'],
    ['another form', 200, '{"id":7}'],
    ['an error without a reason', 500, '<html>'],
  ])('answers that cannot be understood: %s', async (_, status, body) => {
    const { client } = await daemon((_request, response) => {
      response.writeHead(status)
      response.end(body)
    })
    await expect(client.cancelJob(JOB)).rejects.toMatchObject({ code: 'API_BAD_RESPONSE' })
  })

  test('a line without an end is refused before it fills the memory', async () => {
    const { client } = await daemon((_, response) => {
      const chunk = 'x'.repeat(1 << 20)
      response.write('data: ')
      const more = (): void => {
        while (response.write(chunk));
        response.once('drain', more)
      }
      more()
    })
    await expect(client.watchJob(JOB).next()).rejects.toMatchObject({ code: 'API_BAD_RESPONSE' })
  })
})

describe('a daemon that is started again', () => {
  test('has another port and token, and calls go on', async () => {
    const first = await daemon((_, response) => sendJson(response, 200, { jobs: [] }))
    const second = new TestDaemon((_, response) => sendJson(response, 200, { jobs: [] }))
    second.token = 'another'
    const connection = await second.start()
    cleanups.push(() => second.kill())
    const client = clientOf(first.connection, connection)
    expect(await client.listJobs()).toEqual({ jobs: [] })
    await first.server.kill()
    expect(await client.listJobs()).toEqual({ jobs: [] })
  })

  test('is found again after a body that could not be sent again', async () => {
    const answer = { key: 'a', lengthBytes: 1, modifiedAt: 0, etag: 'e', version: 'null', metadata: {} }
    const first = await daemon((_, response) => sendJson(response, 200, { jobs: [] }))
    const second = await daemon((_, response) => sendJson(response, 200, answer))
    const client = clientOf(first.connection, second.connection)
    expect(await client.listJobs()).toEqual({ jobs: [] })
    await first.server.kill()
    async function* body(): AsyncGenerator<Uint8Array, void> {
      yield new Uint8Array(1)
    }
    const put = () => client.putObject({ bucket: 'mine', key: 'a' }, body())
    await expect(put()).rejects.toMatchObject({ code: 'API_NO_DAEMON' })
    expect(await put()).toMatchObject({ key: 'a' })
  })

  test('a wrong token is not tried for ever', async () => {
    const { connection } = await daemon((_, response) => sendJson(response, 200, { jobs: [] }))
    await expect(clientOf({ ...connection, token: 'wrong' }).listJobs()).rejects.toMatchObject({
      code: 'API_UNAUTHORIZED',
    })
  })

  test('watching goes on after the last event that was seen, and sees none twice', async () => {
    const first = await daemon((request, response) => {
      expect(request.headers['last-event-id']).toBeUndefined()
      sendEvent(response, 1, 'submitted')
      sendEvent(response, 2, 'placed')
      response.write('id: 3\ndata: {"number":3,"at"', () => void first.server.kill())
    })
    const second = await daemon((request, response) => {
      expect(request.headers['last-event-id']).toBe('2')
      sendEvent(response, 2, 'placed')
      sendEvent(response, 3, 'agreed')
      sendEvent(response, 4, 'finished')
      sendEvent(response, 5, 'never read')
    })
    const seen: JobEvent[] = []
    for await (const event of clientOf(first.connection, undefined, second.connection).watchJob(JOB)) seen.push(event)
    expect(seen.map(({ number, type }) => `${number} ${type}`)).toEqual([
      '1 submitted',
      '2 placed',
      '3 agreed',
      '4 finished',
    ])
  })

  test('watching a daemon that never comes back ends', async () => {
    const { client } = await daemon((_, response) => response.end())
    await expect(client.watchJob(JOB).next()).rejects.toMatchObject({ code: 'API_INTERRUPTED' })
  })

  test('watching stops when it is told to, and lets go of the connection', async () => {
    let closed: Promise<void> | undefined
    const { client } = await daemon((_, response) => {
      closed = new Promise((resolve) => response.once('close', resolve))
      sendEvent(response, 1, 'submitted')
    })
    const stop = new AbortController()
    const events = client.watchJob(JOB, { signal: stop.signal })
    await events.next()
    const next = events.next()
    stop.abort()
    await expect(next).rejects.toThrow()
    await closed
  })
})

describe('prepareJob', () => {
  const plan: JobPlan = {
    module: new Uint8Array([0, 1]),
    kind: 'function',
    blobs: new Map([['shared', new Uint8Array([2])]]),
    tasks: [
      { key: 'a', input: [new Uint8Array([3]), { blob: 'shared' }] },
      { key: 'b', input: [new Uint8Array(5000), { blob: 'shared' }], fuel: fuel(5) },
    ],
    limits: { fuel: 9n as Fuel, memoryPages: 1, outputBytes: 1, timeMs: 1 },
    context: null,
    notices: [],
  }
  const terms = { name: 'x', verification: { mode: 'trust' }, maxCostMicroUsd: 1n as MicroUsd } as const

  test('uploads module, shared and large parts once, and sends small ones along', async () => {
    const stored: number[] = []
    const { client } = await daemon((request, response, body) => {
      expect(request.headers['content-type']).toBe('application/octet-stream')
      stored.push(body.length)
      sendJson(response, 200, { id: BLOB, bytes: body.length })
    })
    const prepared = await prepareJob(client, plan, terms)
    expect(stored.toSorted((a, b) => a - b)).toEqual([1, 2, 5000])
    expect(prepared.tasks[0]?.input).toEqual([{ bytes: new Uint8Array([3]) }, { blob: BLOB }])
    expect(prepared.tasks[1]).toEqual({ key: 'b', input: [{ blob: BLOB }, { blob: BLOB }], fuel: 5n })
    expect(jobSubmissionWire.safeEncode(prepared).success).toBe(true)
    expect(prepared).not.toHaveProperty('floats')
    expect(await prepareJob(client, { ...plan, floats: 'strict' }, terms)).toMatchObject({ floats: 'strict' })
    expect(await prepareJob(client, plan, { ...terms, floats: 'strict' })).toMatchObject({ floats: 'strict' })
  })

  test('a plan with a mistake is refused before anything is sent', async () => {
    const { client } = await daemon(() => expect.fail('nothing may be sent'))
    const wrong = { ...plan, tasks: [...plan.tasks, { key: 'c', input: [{ blob: 'none' }] }] }
    await expect(prepareJob(client, wrong, terms)).rejects.toMatchObject({
      code: 'JOB_PACKAGE_INVALID',
      message: expect.stringContaining('"c" names the blob "none"'),
    })
  })

  test('DaemonClient is what the index gives', () => {
    expect(clientOf(undefined)).toBeInstanceOf(DaemonClient)
  })
})
