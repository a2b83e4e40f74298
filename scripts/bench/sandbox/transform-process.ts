// A process that checks and meters one module again and again, and prints each time in processor milliseconds as JSON.
import { readFileSync } from 'node:fs'
import { prepareModule } from '@stead/sandbox'
import type { TransformTimes } from './transforms.ts'

const [, , path = '', rounds = '1'] = process.argv
const bytes = readFileSync(path)
const samplesMs: number[] = []
let meteredBytes = 0
for (let round = 0; round < Number(rounds); round++) {
  const before = process.threadCpuUsage()
  meteredBytes = prepareModule(bytes).metered.length
  const { user, system } = process.threadCpuUsage(before)
  samplesMs.push((user + system) / 1000)
}
const times: TransformTimes = { originalBytes: bytes.length, meteredBytes, samplesMs }
process.stdout.write(`${JSON.stringify(times)}\n`)
