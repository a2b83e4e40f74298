import type { Fuel } from '@stead/core'
import { describe, expect, test } from 'vitest'
import {
  checkJobPlan,
  defineJob,
  type JobOption,
  type JobPlan,
  jobOfModule,
  parseJobOptions,
} from '../src/job/index.ts'

const plan: JobPlan = {
  module: new Uint8Array(1),
  kind: 'command',
  tasks: [{ key: 'a' }],
  limits: { fuel: 1n as Fuel, memoryPages: 1, outputBytes: 1, timeMs: 1 },
  context: null,
  notices: [],
}
const job = {
  name: 'my-job',
  summary: 'does it',
  options: [],
  plan: async () => plan,
  report: () => ({ findings: [], lines: [], complete: true }),
}

describe('a job package', () => {
  test('is found in what stead.job.ts exports', () => {
    expect(jobOfModule({ job: defineJob(job) }).name).toBe('my-job')
  })

  test.each([[undefined], [{}], [{ job: 5 }], [{ job: { name: 'x' } }], [{ default: job }]])(
    'is missed by name in %j',
    (exports) => {
      expect(() => jobOfModule(exports)).toThrow(expect.objectContaining({ code: 'JOB_PACKAGE_INVALID' }))
    },
  )

  test('has a plain name and each option once', () => {
    const option: JobOption = { name: 'size', kind: 'number', description: '' }
    expect(() => defineJob({ ...job, name: 'My Job' })).toThrow(/name must be/)
    expect(() => defineJob({ ...job, options: [option, option] })).toThrow(/twice/)
  })
})

describe('a plan', () => {
  test.each([
    ['without tasks', { tasks: [] }, 'JOB_INPUT_EMPTY'],
    ['without a module', { module: new Uint8Array() }, 'JOB_PACKAGE_INVALID'],
    ['with one key for two tasks', { tasks: [{ key: 'a' }, { key: 'a' }] }, 'JOB_PACKAGE_INVALID'],
    ['with an empty key', { tasks: [{ key: '' }] }, 'JOB_PACKAGE_INVALID'],
    [
      'with an unknown file blob',
      { tasks: [{ key: 'a', files: new Map([['f', { blob: 'x' }]]) }] },
      'JOB_PACKAGE_INVALID',
    ],
    ['with too many tasks', { tasks: Array.from({ length: 100_001 }, (_, i) => ({ key: `${i}` })) }, 'JOB_TOO_LARGE'],
    ['with a giant context', { context: 'x'.repeat(2 ** 20) }, 'JOB_TOO_LARGE'],
  ])('%s is refused', (_, part, code) => {
    expect(() => checkJobPlan({ ...plan, ...part })).toThrow(expect.objectContaining({ code }))
  })

  test('that holds together passes', () => {
    expect(() => checkJobPlan(plan)).not.toThrow()
  })
})

describe('options', () => {
  const options: readonly JobOption[] = [
    { name: 'column', kind: 'text', description: '' },
    { name: 'points', kind: 'number', description: '', default: 10, minimum: 5, maximum: 20 },
    { name: 'taper', kind: 'choice', description: '', choices: ['hann', 'none'] },
    { name: 'fast', kind: 'flag', description: '' },
  ]

  test('are typed and defaults filled in', () => {
    expect(parseJobOptions(options, { column: 'a', taper: 'none', fast: true })).toEqual({
      column: 'a',
      points: 10,
      taper: 'none',
      fast: true,
    })
  })

  test.each([
    [{ points: 'many' }, /--points must be a number, not "many"/],
    [{ points: '' }, /--points must be a number/],
    [{ points: '4' }, /at least 5/],
    [{ points: '1e3' }, /at most 20/],
    [{ taper: 'hamming' }, /one of hann, none/],
    [{ fast: 'yes' }, /without a value/],
    [{ column: true }, /followed by a value/],
    [{ colum: 'a' }, /no option --colum; it has --column, --points/],
    [{ constructor: 'a' }, /no option --constructor/],
  ])('%j is refused with what would be right', (given, message) => {
    expect(() => parseJobOptions(options, given as never)).toThrow(message)
  })
})
