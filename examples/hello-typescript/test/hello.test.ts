import { InlineExecutor } from '@stead/sandbox'
import { checkJobPlan, parseJobOptions, type TaskResult } from '@stead/sdk/job'
import { expect, test } from 'vitest'
import { job } from '../stead.job.ts'

const NOTHING = new Uint8Array(0)

test('each name is greeted, and a missing greeting is told', async () => {
  const options = parseJobOptions(job.options, { names: 'Ada, Amelie, Ünal 🚀', polite: true })
  const plan = await job.plan({ inputs: [], options, readAsset: () => Promise.reject(new TypeError('no asset')) })
  checkJobPlan(plan)
  const executor = new InlineExecutor()
  await executor.start()
  const module = await executor.load(plan.module)
  const results: TaskResult[] = []
  for (const { key, input, args } of plan.tasks) {
    const stdin = input?.[0] instanceof Uint8Array ? input[0] : NOTHING
    const surroundings = { files: new Map(), input: NOTHING, seed: new Uint8Array(32), declaredTimeMs: 0 }
    const call = { kind: 'command', args: args ?? [], stdin, ...surroundings } as const
    const outcome = await executor.run(module, call, plan.limits)
    if (outcome.status !== 'ok') throw new Error(outcome.status)
    results.push({ key, ...outcome })
  }
  await executor.stop()
  expect(job.report(results, plan.context)).toMatchObject({
    findings: [
      'Good day, Ada! It rhymes with tea.',
      'Good day, Amelie! It rhymes with free and true.',
      'Good day, Ünal 🚀!',
    ],
    complete: true,
  })
  expect(new TextDecoder().decode(results[0]?.stderr)).toBe('greeting Ada, politely: true\n')
  expect(job.report(results.slice(1), plan.context).complete).toBe(false)
})
