import { type ContentId, fuel, microUsd } from '@stead/core'
import { afterEach, describe, expect, test } from 'vitest'
import { type DaemonClient, prepareJob } from '../src/index.ts'
import {
  checkJobPlan,
  INPUT_RANGE_BYTES_MAX,
  inputOf,
  type JobInput,
  type JobPlan,
  type PlannedBytes,
} from '../src/job/index.ts'
import { clientOf, sendJson, TestDaemon } from './support/test-daemon.ts'

const ids = 'abcdefgh'.split('').map((letter) => `b${letter.repeat(58)}` as ContentId)
const terms = { name: 'ranges', verification: { mode: 'trust' }, maxCostMicroUsd: microUsd(1) } as const
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

function planOf(...inputs: readonly PlannedBytes[]): JobPlan {
  return {
    module: new Uint8Array([1]),
    kind: 'function',
    tasks: inputs.map((input, index) => ({ key: String(index), input: [input] })),
    limits: { fuel: fuel(1), memoryPages: 1, outputBytes: 1, timeMs: 1 },
    context: null,
    notices: [],
  }
}

async function listening(): Promise<{ readonly client: DaemonClient; readonly asked: string[] }> {
  const asked: string[] = []
  const server = new TestDaemon((request, response, body) => {
    asked.push(`${request.url} ${body.toString('latin1')}`)
    sendJson(response, 200, { id: ids[asked.length], bytes: body.length })
  })
  const connection = await server.start()
  cleanups.push(() => server.kill())
  return { client: clientOf(connection), asked }
}

describe('tasks on parts of inputs', () => {
  test('of a file are read and sent once, however many tasks take them', async () => {
    const { client, asked } = await listening()
    const input = inputOf('file', new TextEncoder().encode('0123456789'))
    const part = { input, fromByte: 2, toByte: 5 }
    const { tasks } = await prepareJob(client, planOf(part, { ...part }, { input, fromByte: 5, toByte: 10 }), terms)
    expect(asked.slice(1)).toEqual(['/v1/blobs 234', '/v1/blobs 56789'])
    const [first, second, third] = tasks.map((task) => task.input?.[0])
    expect(second).toEqual(first)
    expect(third).not.toEqual(first)
  })

  test('of an object stay where they are: the daemon is told which bytes of which version', async () => {
    const { client, asked } = await listening()
    const read = (): Promise<Uint8Array> => expect.fail('nothing of it may come here')
    const object = { bucket: 'mine', key: 'a b', etag: 'e', version: 'v' }
    const input: JobInput = { name: 'a b', lengthBytes: 10, read, object }
    await prepareJob(client, planOf({ input, fromByte: 2, toByte: 5 }), terms)
    expect(asked[1]).toBe('/v1/blobs/object?bucket=mine&key=a+b&version=v&fromByte=2&toByte=5&ifMatch=e ')
  })

  test.each([
    [0, 11, 'which has 10'],
    [5, 4, 'which has 10'],
    [-1, 4, 'which has 10'],
    [0.5, 4, 'which has 10'],
  ])('from %d to %d are refused before anything is sent', (fromByte, toByte, why) => {
    const input = inputOf('file', new Uint8Array(10))
    expect(() => checkJobPlan(planOf({ input, fromByte, toByte }))).toThrow(
      expect.objectContaining({ code: 'JOB_PACKAGE_INVALID', message: expect.stringContaining(why) }),
    )
  })

  test('may be as long as a blob, and no longer', () => {
    const input: JobInput = { ...inputOf('file', new Uint8Array(0)), lengthBytes: 2 ** 40 }
    expect(() => checkJobPlan(planOf({ input, fromByte: 7, toByte: 7 + INPUT_RANGE_BYTES_MAX }))).not.toThrow()
    expect(() => checkJobPlan(planOf({ input, fromByte: 7, toByte: 8 + INPUT_RANGE_BYTES_MAX }))).toThrow('at once')
  })
})
