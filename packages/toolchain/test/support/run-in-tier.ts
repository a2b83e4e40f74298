// Runs one module in this process, whose compiler tier the test chooses, and prints what a bill would depend on.
import { readFileSync } from 'node:fs'
import { inlineExecutor, runTask } from './task-runs.ts'

const [file = ''] = process.argv.slice(2)
const executor = await inlineExecutor()
const { outcome, text } = await runTask(executor, new Uint8Array(readFileSync(file)), { seed: 3 })
const fuel = 'fuel' in outcome ? String(outcome.fuel) : ''
process.stdout.write(JSON.stringify({ status: outcome.status, text, fuel }))
