import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BenchRow, benchRow, missingRow, percentile } from '../row.ts'
import { buildProgram, programs } from './suite.ts'

/** What the measuring process answers. */
export interface TransformTimes {
  readonly originalBytes: number
  readonly meteredBytes: number
  /** Processor time of each round, the cold one first. */
  readonly samplesMs: readonly number[]
}

/** The largest programs first: the figure is about code, not about the constant part. */
const preferred = ['sqlite', 'compress']
const ROUNDS = 25
const PROCESSES = 3
const TARGET = { limit: 5, better: 'more' } as const

const entry = fileURLToPath(new URL('./transform-process.ts', import.meta.url))

/** How fast modules are checked and metered, in processor time of one thread: on the first time and once warm. */
export async function benchTransforms(): Promise<readonly BenchRow[]> {
  const found = await findModule()
  const warmRow = { name: 'check and meter, warm', unit: 'MB/s', target: TARGET }
  if (found.path === undefined) return [missingRow({ ...warmRow, missing: found.missing })]
  const all: TransformTimes[] = []
  for (let count = 0; count < PROCESSES; count++) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--conditions=@stead/source',
      entry,
      found.path,
      String(ROUNDS),
    ])
    all.push(JSON.parse(stdout) as TransformTimes)
  }
  const { originalBytes = 0, meteredBytes = 0 } = all[0] ?? {}
  const what = `${found.name}, ${(originalBytes / 1000).toFixed(0)} kB`
  const perSecond = (ms: number): number => originalBytes / 1e6 / (ms / 1000)
  const cold = all.map(({ samplesMs }) => samplesMs[0] ?? Number.NaN)
  const warm = all.flatMap(({ samplesMs }) => samplesMs.slice(Math.floor(ROUNDS / 2)))
  const [coldMs, warmMs] = [percentile(cold, 0.5), percentile(warm, 0.5)]
  const row = { reference: undefined, target: undefined }
  return [
    benchRow({ ...row, ...warmRow, name: `check and meter, warm (${what})`, value: perSecond(warmMs) }),
    benchRow({ ...row, name: 'check and meter, first module of a process', unit: 'MB/s', value: perSecond(coldMs) }),
    benchRow({
      ...row,
      name: 'module once metered',
      unit: 'kB',
      value: meteredBytes / 1000,
      reference: { name: 'as compiled', value: originalBytes / 1000 },
    }),
  ]
}

async function findModule(): Promise<{ readonly path: string; readonly name: string } | Missing> {
  let missing = 'the suite is empty'
  for (const name of preferred) {
    const program = programs.find((candidate) => candidate.name === name)
    if (program === undefined) continue
    const { wasm } = await buildProgram(program)
    if (wasm.path !== undefined) return { path: wasm.path, name }
    missing = wasm.missing
  }
  return { missing }
}

interface Missing {
  readonly path?: undefined
  readonly missing: string
}
