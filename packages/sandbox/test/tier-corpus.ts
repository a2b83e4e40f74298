/**
 * Runs a fixed set of programs in this process's compiler tier and prints one hash over all outcomes:
 * `node [flags] tier-corpus.ts [module.wasm ...]`, commands given as files.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MACHINE_STACK_MIB } from '../src/meter/stack-estimate.ts'
import { prepareModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { webAssembly } from '../src/webassembly.ts'
import { commandCall, functionCall, limits } from './calls.ts'
import { guests } from './guests.ts'
import { randomProgram } from './random-program.ts'

function corpus(commands: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (bytes: Uint8Array, call = functionCall(Uint8Array.of(3, 1, 4))): void => {
    const { facts, metered } = prepareModule(bytes)
    hash.update(metered)
    const module = new webAssembly.Module(metered)
    const limit = limits({ fuel: 300_000_000n, memoryPages: 64 })
    // Twice: the second run can meet code that was compiled again meanwhile.
    for (let round = 0; round < 2; round++) {
      const outcome = runCall({ facts, module }, call, limit)
      hash.update(
        JSON.stringify(outcome, (_, value: unknown) => {
          if (typeof value === 'bigint') return `${value}n`
          if (value instanceof Map) return [...value].map(([path, content]) => [path, ...(content as Uint8Array)])
          return value instanceof Uint8Array ? [...value] : value
        }),
      )
    }
  }
  for (let seed = 10_000; seed < 10_200; seed++) add(randomProgram(seed))
  for (const bytes of [guests.recursion(), guests.indirectRecursion(), guests.wideRecursion(), guests.memoryBomb(2)])
    add(bytes)
  for (const count of [10, 500, 5000]) add(guests.keptValuesRecursion(count))
  const files = new Map([['data/in.txt', new TextEncoder().encode('payload '.repeat(500))]])
  for (const path of commands) add(readFileSync(path), commandCall({ args: ['a'], files }))
  return hash.digest('hex')
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: process.argv.slice(2),
    resourceLimits: { stackSizeMb: MACHINE_STACK_MIB },
  })
  worker.on('message', (line: string) => process.stdout.write(`${line}\n`))
} else parentPort?.postMessage(corpus(workerData as string[]))
