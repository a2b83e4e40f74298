import { fuel } from '@stead/core'
import { defineJob, type JobPackage } from '@stead/sdk/job'
import { buildAssemblyScript } from '@stead/toolchain'

/** The smallest whole job: says hello to each name, each on whatever node takes the task. */
export const job: JobPackage = defineJob({
  name: 'hello-function',
  summary: 'Says hello to each name',
  options: [{ name: 'names', kind: 'text', default: 'Ada,Grace,Edsger', description: 'Names, with commas between' }],

  async plan({ options }) {
    const names = String(options.names)
      .split(',')
      .map((name) => name.trim())
    return {
      module: await buildAssemblyScript(import.meta.dirname, 'hello-function'),
      kind: 'function',
      tasks: names.map((name, index) => ({
        key: `${index + 1} ${name}`.slice(0, 128),
        input: [new TextEncoder().encode(name)],
      })),
      limits: { fuel: fuel(1_000_000), memoryPages: 4, outputBytes: 65_536, timeMs: 10_000 },
      context: { tasks: names.length },
      notices: [],
    }
  },

  report(results, context) {
    const greetings = results
      .filter(({ status }) => status === 'ok')
      .map(({ output }) => new TextDecoder().decode(output))
    const { tasks } = context as { readonly tasks: number }
    return { findings: greetings, lines: greetings, complete: greetings.length === tasks }
  },
})
