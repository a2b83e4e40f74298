// A process that checks and meters one module again and again, and prints each time in processor milliseconds as JSON.
import { readFileSync } from 'node:fs'
import { prepareModule } from '@stead/sandbox'
import { threadProcessorMs } from './processor-time.ts'
import type { TransformTimes } from './transforms.ts'

const [, , path = '', rounds = '1'] = process.argv
const bytes = readFileSync(path)
const samplesMs: number[] = []
let meteredBytes = 0
for (let round = 0; round < Number(rounds); round++) {
  const before = threadProcessorMs()
  meteredBytes = prepareModule(bytes).metered.length
  samplesMs.push(threadProcessorMs() - before)
}
const times: TransformTimes = { originalBytes: bytes.length, meteredBytes, samplesMs }
process.stdout.write(`${JSON.stringify(times)}\n`)
