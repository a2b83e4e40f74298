// A process that runs one program of the suite in every variant by turns, and natively, and prints its times as JSON.
// Times are processor time of this thread, so that what else the machine does weighs less.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { KernelOrder, KernelTimes } from './kernel-times.ts'
import { type Runner, type VariantName, variants } from './variants.ts'

const order = JSON.parse(process.argv[2] ?? '') as KernelOrder
const args = [String(order.amount)]
let fuel = 0n
let expected: string | undefined

function check(name: string, output: string): void {
  expected ??= output
  if (output !== expected) throw new Error(`${order.name}: ${name} gave ${output}, others ${expected}`)
}

function runWasm(name: VariantName, runner: Runner): number {
  const before = process.threadCpuUsage()
  const result = runner(args)
  const { user, system } = process.threadCpuUsage(before)
  check(name, new TextDecoder().decode(result.output))
  if (name === 'metered') fuel = result.fuel
  return (user + system) / 1000
}

function runNative(path: string): number {
  const { status, stdout, stderr, error } = spawnSync(path, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${order.name}: the native program ended ${status ?? error?.message}: ${stderr}`)
  check('native', stdout)
  return Number(stderr) / 1000
}

const bytes = readFileSync(order.wasmPath)
const names = Object.keys(variants) as VariantName[]
const runs: { readonly name: string; readonly samplesMs: number[]; run(): number }[] = names.map((name) => {
  const runner = variants[name](bytes)
  return { name, samplesMs: [], run: () => runWasm(name, runner) }
})
const { nativePath } = order
if (nativePath !== undefined) runs.push({ name: 'native', samplesMs: [], run: () => runNative(nativePath) })
for (let round = -order.warmups; round < order.rounds; round++) {
  for (const variant of runs) {
    const elapsedMs = variant.run()
    if (round >= 0) variant.samplesMs.push(elapsedMs)
  }
}
const samplesMs = Object.fromEntries(runs.map((variant) => [variant.name, variant.samplesMs]))
const times: KernelTimes = { name: order.name, samplesMs, fuel: String(fuel), checksum: (expected ?? '').trim() }
process.stdout.write(`${JSON.stringify(times)}\n`)
