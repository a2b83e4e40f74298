import { InlineExecutor } from '@stead/sandbox'
import { checkJobPlan, parseJobOptions, type TaskResult } from '@stead/sdk/job'
import { expect, test } from 'vitest'
import { job } from '../stead.job.ts'

const NOTHING = new Uint8Array(0)

test('each name is greeted, and a missing greeting is told', async () => {
  const options = parseJobOptions(job.options, { names: 'Ada, Ünal 🚀' })
  const plan = await job.plan({ inputs: [], options, readAsset: () => Promise.reject(new TypeError('no asset')) })
  checkJobPlan(plan)
  const executor = new InlineExecutor()
  await executor.start()
  const module = await executor.load(plan.module)
  const results: TaskResult[] = []
  for (const { key, input } of plan.tasks) {
    const bytes = input?.[0]
    const call = {
      kind: 'function',
      args: [],
      stdin: NOTHING,
      files: new Map(),
      input: bytes instanceof Uint8Array ? bytes : NOTHING,
      seed: new Uint8Array(32),
      declaredTimeMs: 0,
    } as const
    const outcome = await executor.run(module, call, plan.limits)
    if (outcome.status !== 'ok') throw new Error(outcome.status)
    results.push({ key, ...outcome })
  }
  await executor.stop()
  expect(job.report(results, plan.context)).toEqual({
    findings: ['Hello, Ada!', 'Hello, Ünal 🚀!'],
    lines: ['Hello, Ada!', 'Hello, Ünal 🚀!'],
    complete: true,
  })
  expect(job.report(results.slice(1), plan.context).complete).toBe(false)
})
