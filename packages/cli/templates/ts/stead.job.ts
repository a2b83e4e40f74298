import { fuel } from '@stead/core'
import { defineJob, type JobPackage, type PlannedTask } from '@stead/sdk/job'
import { buildTypeScript } from '@stead/toolchain'

const NUMBERS_PER_TASK = 5_000

interface Chain {
  readonly start: number
  readonly steps: number
}

/** Looks for the number whose Collatz chain is the longest; each task searches a range. */
export const job: JobPackage = defineJob({
  name: '__NAME__',
  summary: 'Looks for the longest Collatz chain',
  options: [
    { name: 'up-to', kind: 'number', default: 20_000, minimum: 1, maximum: 10_000_000, description: 'Largest start' },
  ],

  async plan({ options }) {
    const last = Math.floor(Number(options['up-to']))
    const tasks: PlannedTask[] = []
    for (let from = 1; from <= last; from += NUMBERS_PER_TASK) {
      const to = Math.min(from + NUMBERS_PER_TASK - 1, last)
      const range = JSON.stringify({ from, to })
      tasks.push({ key: `${from} to ${to}`, input: [new TextEncoder().encode(range)] })
    }
    return {
      module: await buildTypeScript(import.meta.dirname, '__NAME__'),
      kind: 'command',
      tasks,
      limits: { fuel: fuel(3_000_000_000), memoryPages: 1_024, outputBytes: 65_536, timeMs: 60_000 },
      context: { tasks: tasks.length },
      notices: [],
    }
  },

  report(results, context) {
    const chains = results
      .filter(({ status, exitCode }) => status === 'ok' && exitCode === 0)
      .map(({ output }): Chain => JSON.parse(new TextDecoder().decode(output)))
    const [best] = chains.sort((a, b) => b.steps - a.steps || a.start - b.start)
    const { tasks } = context as { readonly tasks: number }
    return {
      findings: best === undefined ? [] : [{ start: best.start, steps: best.steps }],
      lines: best === undefined ? ['nothing found'] : [`from ${best.start} it takes ${best.steps} steps`],
      complete: chains.length === tasks,
    }
  },
})
