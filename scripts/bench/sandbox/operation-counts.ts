// Prints, as JSON, how often each program of the suite executes each operation, beside the time that it takes: what the
// weights of the cost table are fitted to. Takes minutes, because it runs a program once for each operation in it.
//   node --conditions=@stead/source scripts/bench/sandbox/operation-counts.ts [program …] > counts.json
import { readFileSync } from 'node:fs'
import { FunctionReader } from '../../../packages/sandbox/src/binary/function-reader.ts'
import { readModule } from '../../../packages/sandbox/src/binary/module-reader.ts'
import { CostClass, costClassOf } from '../../../packages/sandbox/src/binary/opcodes.ts'
import type { ChargePlacement } from '../../../packages/sandbox/src/meter/charge-placement.ts'
import { ChargeSite } from '../../../packages/sandbox/src/meter/charge-plan.ts'
import { measureKernel } from './kernel-times.ts'
import { buildProgram, type Program, programs } from './suite.ts'
import { meteredWith, runnerOf } from './variants.ts'

/** What is known of one program. */
interface Counted {
  readonly name: string
  /** Least processor time of a run, by variant. */
  readonly timesMs: Readonly<Record<string, number>>
  readonly fuel: string
  /** Executions by operation number (binary/opcodes.ts), in hexadecimal. */
  readonly operations: Readonly<Record<string, number>>
  /** The same, by cost class. */
  readonly classes: Readonly<Record<string, number>>
}

/** One unit for each execution of one operation, nothing for any other. @param counted undefined for none at all */
function onlyFor(counted: number | undefined): ChargePlacement {
  return {
    prepayUnits: 0,
    place(plan, { code }) {
      plan.clear()
      for (let index = 0; index < code.count; index++)
        if (code.operations[index] === counted) plan.charge(ChargeSite.before, index, 1, false)
      return 0
    },
  }
}

function operationsIn(bytes: Uint8Array): readonly number[] {
  const view = readModule(bytes)
  const reader = new FunctionReader(view.bytes)
  const found = new Set<number>()
  for (const body of view.bodies) {
    const code = reader.read(body)
    for (let index = 0; index < code.count; index++) found.add(code.operations[index] as number)
  }
  return [...found].sort((left, right) => left - right)
}

async function count(program: Program): Promise<Counted> {
  const { path, missing } = (await buildProgram(program)).wasm
  if (path === undefined) throw new Error(`${program.name}: ${missing}`)
  const { samplesMs, fuel } = await measureKernel({ ...program, wasmPath: path, warmups: 2, rounds: 5 })
  const timesMs = Object.fromEntries(Object.entries(samplesMs).map(([key, samples]) => [key, Math.min(...samples)]))
  const bytes = readFileSync(path)
  const fuelWith = (operation: number | undefined): number =>
    Number(runnerOf(meteredWith(bytes, onlyFor(operation)))([String(program.amount)]).fuel)
  // What the host and the helpers of bulk operations charge is in every run.
  const hostFuel = fuelWith(undefined)
  const operations: Record<string, number> = {}
  const classes: Record<string, number> = {}
  for (const operation of operationsIn(bytes)) {
    const executed = fuelWith(operation) - hostFuel
    if (executed === 0) continue
    operations[`0x${operation.toString(16)}`] = executed
    const [className = ''] = Object.entries(CostClass).find(([, index]) => index === costClassOf[operation]) ?? []
    classes[className] = (classes[className] ?? 0) + executed
  }
  return { name: program.name, timesMs, fuel, operations, classes }
}

const wanted = process.argv.slice(2)
const counted: Counted[] = []
for (const program of programs) {
  if (wanted.length > 0 && !wanted.includes(program.name)) continue
  process.stderr.write(`counting ${program.name} …\n`)
  counted.push(await count(program))
}
process.stdout.write(`${JSON.stringify(counted, null, 2)}\n`)
