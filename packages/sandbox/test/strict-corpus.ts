/**
 * Runs a fixed set of float programs in this process's compiler tier and prints one hash for each float mode:
 * `node [flags] strict-corpus.ts [module.wasm ...]`, commands given as files.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import type { FloatMode } from '../src/strict/float-mode.ts'
import { commandCall, functionCall, limits } from './calls.ts'
import { operandOrderPrograms, strictProgram, weirdNumbers } from './strict-program.ts'

function corpusHash(floats: FloatMode, commands: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (bytes: Uint8Array, call = functionCall()): void => {
    const module = compileModule(bytes, floats)
    const outcome = runCall(module, call, limits())
    hash.update(`${outcome.status} ${'fuel' in outcome ? outcome.fuel : ''}\n`)
    if (outcome.status === 'ok') hash.update(outcome.output)
  }
  for (let seed = 20_000; seed < 20_200; seed++) add(strictProgram(seed), functionCall(weirdNumbers(seed)))
  for (const { bytes, input } of operandOrderPrograms()) add(bytes, functionCall(input))
  for (const path of commands) add(readFileSync(path), commandCall())
  return hash.digest('hex')
}

const commands = process.argv.slice(2)
process.stdout.write(JSON.stringify({ raw: corpusHash('raw', commands), strict: corpusHash('strict', commands) }))
