// A process that runs one program of the suite in every variant by turns, and natively, and prints its times as JSON.
// Times are processor time of this thread, so that what else the machine does weighs less.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { TaskHandler } from '../../../packages/toolchain/src/index.ts'
import type { KernelOrder, KernelTimes } from './kernel-times.ts'
import { threadProcessorMs } from './processor-time.ts'
import { type Runner, type VariantName, variants } from './variants.ts'

const order = JSON.parse(process.argv[2] ?? '') as KernelOrder
const args = [String(order.amount)]
let fuel = 0n
let expected: string | undefined

function check(name: string, output: string): void {
  if (output === '') throw new Error(`${order.name}: ${name} printed nothing`)
  expected ??= output
  if (output !== expected) throw new Error(`${order.name}: ${name} gave ${output}, others ${expected}`)
}

function runWasm(name: VariantName, runner: Runner): number {
  const before = threadProcessorMs()
  const result = runner(args)
  const elapsedMs = threadProcessorMs() - before
  check(name, new TextDecoder().decode(result.output))
  if (name === 'metered') fuel = result.fuel
  return elapsedMs
}

function runNative(path: string): number {
  const { status, stdout, stderr, error } = spawnSync(path, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${order.name}: the native program ended ${status ?? error?.message}: ${stderr}`)
  check('native', stdout)
  return Number(stderr) / 1000
}

function runHandler(handler: TaskHandler): number {
  const before = threadProcessorMs()
  const output = handler(new Uint8Array(0), { args })
  const elapsedMs = threadProcessorMs() - before
  if (typeof output !== 'string') throw new TypeError(`${order.name} gives a promise or bytes, not a text`)
  check('node', output)
  return elapsedMs
}

const bytes = readFileSync(order.wasmPath)
const names = Object.keys(variants) as VariantName[]
const runs: { readonly name: string; readonly samplesMs: number[]; run(): number }[] = names.map((name) => {
  const runner = variants[name](bytes)
  return { name, samplesMs: [], run: () => runWasm(name, runner) }
})
const { nativePath } = order
if (nativePath !== undefined && order.language === 'c')
  runs.push({ name: 'native', samplesMs: [], run: () => runNative(nativePath) })
if (nativePath !== undefined && order.language === 'ts') {
  const { default: handler } = (await import(nativePath)) as { readonly default: TaskHandler }
  runs.push({ name: 'node', samplesMs: [], run: () => runHandler(handler) })
}
for (let round = -order.warmups; round < order.rounds; round++) {
  for (const variant of runs) {
    const elapsedMs = variant.run()
    if (round >= 0) variant.samplesMs.push(elapsedMs)
  }
}
const samplesMs = Object.fromEntries(runs.map((variant) => [variant.name, variant.samplesMs]))
const { name, language } = order
const times: KernelTimes = { name, language, samplesMs, fuel: String(fuel) }
process.stdout.write(`${JSON.stringify(times)}\n`)
