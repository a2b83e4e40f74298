import { fuel } from '@stead/core'
import { defineJob, type JobPackage } from '@stead/sdk/job'
import { buildTypeScript } from '@stead/toolchain'

/** The smallest job in TypeScript: says hello to each name, each on whatever node takes the task. */
export const job: JobPackage = defineJob({
  name: 'hello-typescript',
  summary: 'Says hello to each name, in TypeScript',
  options: [
    { name: 'names', kind: 'text', default: 'Ada,Grace,Edsger', description: 'Names, with commas between' },
    { name: 'polite', kind: 'flag', description: 'Says good day' },
  ],

  async plan({ options }) {
    const names = String(options.names)
      .split(',')
      .map((name) => name.trim())
    return {
      module: await buildTypeScript(import.meta.dirname, 'hello-typescript'),
      kind: 'command',
      tasks: names.map((name, index) => ({
        key: `${index + 1} ${name}`.slice(0, 128),
        args: options.polite === true ? ['polite'] : [],
        input: [new TextEncoder().encode(name)],
      })),
      limits: { fuel: fuel(1_000_000_000), memoryPages: 256, outputBytes: 65_536, timeMs: 10_000 },
      context: { tasks: names.length },
      notices: [],
    }
  },

  report(results, context) {
    const greetings = results
      .filter(({ status, exitCode }) => status === 'ok' && exitCode === 0)
      .map(({ output }) => new TextDecoder().decode(output))
    const { tasks } = context as { readonly tasks: number }
    return { findings: greetings, lines: greetings, complete: greetings.length === tasks }
  },
})
