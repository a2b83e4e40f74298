import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  errorOfProblem,
  type JobSubmission,
  jobSubmissionWire,
  problemOf,
  problemWire,
  type Route,
  routes,
} from '../src/api/index.ts'
import { SdkError } from '../src/index.ts'

const all = Object.entries(routes) as [string, Route<unknown, unknown, unknown>][]

const text = (maxLength: number) => fc.string({ minLength: 1, maxLength })
const bytes = fc.uint8Array({ maxLength: 100 })
const fuel = fc.bigInt({ min: 0n, max: 2n ** 62n })
const submissions = fc.record(
  {
    name: text(128),
    kind: fc.constantFrom('command', 'function'),
    module: fc.constant('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'),
    limits: fc.record({
      fuel,
      memoryPages: fc.integer({ min: 1, max: 65_536 }),
      outputBytes: fc.nat(2 ** 30),
      timeMs: fc.integer({ min: 1, max: 86_400_000 }),
    }),
    tasks: fc.array(
      fc.record(
        { key: text(128), args: fc.array(text(50)), input: fc.array(fc.record({ bytes })), fuel },
        { requiredKeys: ['key'] },
      ),
      { minLength: 1, maxLength: 5 },
    ),
    seed: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    floats: fc.constant('strict'),
    verification: fc.constantFrom({ mode: 'trust' }, { mode: 'adaptive' }, { mode: 'adaptive', floor: 0.1 }),
    maxCostMicroUsd: fc.bigInt({ min: 0n, max: 2n ** 100n }),
    context: fc.jsonValue(),
  },
  { requiredKeys: ['name', 'kind', 'module', 'limits', 'tasks', 'verification', 'maxCostMicroUsd'] },
)

describe('the local API', () => {
  test('every operation has its own name, method and path, and a description that OpenAPI can carry', () => {
    expect(new Set(all.map(([, { method, path }]) => `${method} ${path}`)).size).toBe(all.length)
    for (const [key, route] of all) {
      expect(route.name).toBe(key)
      for (const schema of [route.body, route.query, route.answer]) {
        if (schema === undefined || schema === 'bytes' || schema === 'stream') continue
        expect(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })).toHaveProperty('$schema')
      }
    }
  })

  test('a submission survives JSON', () => {
    fc.assert(
      fc.property(submissions, (submission) => {
        const sent = JSON.stringify(jobSubmissionWire.encode(submission as unknown as JobSubmission))
        const { context, ...rest } = submission
        // A context is what JSON makes of it: -0 becomes 0; and without keys that would be a prototype.
        const isKept = (key: string, value: unknown): unknown => (key === '__proto__' ? undefined : value)
        const expected =
          context === undefined ? rest : { ...rest, context: JSON.parse(JSON.stringify(context), isKept) }
        expect(jobSubmissionWire.decode(JSON.parse(sent))).toEqual(expected)
      }),
    )
  })

  test('hostile JSON is refused by every operation, never thrown at', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...all), (value, [, route]) => {
        for (const schema of [route.body, route.query, route.answer]) {
          if (schema === undefined || schema === 'bytes' || schema === 'stream') continue
          expect(typeof schema.safeDecode(value).success).toBe('boolean')
        }
      }),
      { numRuns: 500 },
    )
  })

  test('__proto__ in a context stays data', () => {
    const wire = {
      ...(jobSubmissionWire.encode(fc.sample(submissions, { numRuns: 1, seed: 1 })[0] as never) as object),
      context: JSON.parse('{"__proto__": {"polluted": 1}}'),
    }
    jobSubmissionWire.safeDecode(wire)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe('problem details', () => {
  test('carry an error there and back', () => {
    const error = new SdkError('JOB_INPUT_INVALID', 'line 3 is wrong', {
      details: { line: 3, amount: 2n ** 80n, ratio: Number.NaN, names: ['a'], gone: undefined },
      next: 'mend it',
    })
    const problem = problemWire.decode(JSON.parse(JSON.stringify(problemOf(error))))
    expect(problem).toMatchObject({ status: 400, type: 'urn:stead:error:JOB_INPUT_INVALID' })
    expect(errorOfProblem(problem)).toMatchObject({
      code: 'JOB_INPUT_INVALID',
      message: 'line 3 is wrong',
      next: 'mend it',
      retryable: false,
      details: { line: 3, amount: (2n ** 80n).toString(), ratio: 'NaN', names: ['a'] },
    })
  })
})
