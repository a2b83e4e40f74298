import { type BenchRow, benchRow, missingRow } from '../row.ts'
import { type KernelTimes, measureKernel } from './kernel-times.ts'
import { buildProgram, type Language, programs } from './suite.ts'

const WARMUPS = 2
const ROUNDS = 5

/** What is compared, over all programs. */
interface Comparison {
  readonly of: string
  readonly to: string
  /** Only programs of this language. */
  readonly language?: Language
  readonly geometricMeanMax?: number
  readonly worstMax?: number
}

const labels: Readonly<Record<string, string>> = {
  unmetered: 'unmetered wasm',
  metered: 'metered wasm',
  exact: 'exactly metered wasm',
  strict: 'metered wasm with strict floats',
  native: 'gcc -O2',
  node: 'Node.js',
}

const languages: Readonly<Record<Language, string>> = { c: 'C', ts: 'TypeScript' }

const comparisons: readonly Comparison[] = [
  { of: 'metered', to: 'unmetered', geometricMeanMax: 1.06, worstMax: 1.35 },
  { of: 'metered', to: 'unmetered', language: 'c' },
  { of: 'metered', to: 'unmetered', language: 'ts' },
  { of: 'exact', to: 'unmetered' },
  { of: 'strict', to: 'unmetered' },
  { of: 'unmetered', to: 'native' },
  { of: 'metered', to: 'native', geometricMeanMax: 1.25 },
  { of: 'metered', to: 'node' },
]

/**
 * The suite of programs: on the machine itself, as WebAssembly, and metered, in processor time. Each figure is the
 * least of rounds in which the variants take turns, so that a machine's other work weighs on all of them alike.
 */
export async function benchKernels(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = []
  const all: KernelTimes[] = []
  let nativeMissing: string | undefined
  for (const program of programs) {
    const { wasm, native } = await buildProgram(program)
    if (program.language === 'c') nativeMissing ??= native.missing
    if (wasm.missing !== undefined) {
      rows.push(
        missingRow({ name: `${program.name}, unmetered wasm`, unit: 'ms', target: undefined, missing: wasm.missing }),
      )
      continue
    }
    process.stderr.write(`  ${program.name}\n`)
    const paths = { wasmPath: wasm.path, nativePath: native.path }
    const times = await measureKernel({ ...program, ...paths, warmups: WARMUPS, rounds: ROUNDS })
    all.push(times)
    rows.push(...rowsOf(times))
  }
  return [...rows, ...summaries(all, nativeMissing), ...fuelRows(all)]
}

function leastMs(times: KernelTimes, variant: string): number | undefined {
  const samples = times.samplesMs[variant]
  return samples === undefined ? undefined : Math.min(...samples)
}

/** One row for each variant beside the unmetered one, and that one beside the program on the machine itself. */
function rowsOf(times: KernelTimes): BenchRow[] {
  return Object.keys(times.samplesMs).flatMap((variant) => {
    const value = leastMs(times, variant)
    const machine = 'node' in times.samplesMs ? 'node' : 'native'
    const beside = variant === 'unmetered' ? machine : 'unmetered'
    if (variant === machine || value === undefined) return []
    const name = `${times.name}, ${labels[variant]}`
    const row = { name, unit: 'ms', target: undefined }
    const reference = leastMs(times, beside)
    const beneath = reference === undefined ? undefined : { name: labels[beside] ?? '', value: reference }
    return [benchRow({ ...row, value, reference: beneath })]
  })
}

/** Geometric means and worst cases of the ratios. */
function summaries(all: readonly KernelTimes[], nativeMissing: string | undefined): BenchRow[] {
  return comparisons.flatMap((comparison) => {
    const missing = (comparison.to === 'native' ? nativeMissing : undefined) ?? 'no program ran'
    return summarise(comparison, all, missing)
  })
}

function summarise(comparison: Comparison, all: readonly KernelTimes[], missing: string): BenchRow[] {
  const { of, to, language, geometricMeanMax, worstMax } = comparison
  const ratios = all.flatMap((times) => {
    const [value, reference] = [leastMs(times, of), leastMs(times, to)]
    if (value === undefined || reference === undefined || (language ?? times.language) !== times.language) return []
    return [{ name: times.name, ratio: value / reference }]
  })
  const what = `${labels[of]} / ${labels[to]}${language === undefined ? '' : ` in ${languages[language]}`}`
  const row = {
    name: `${what}, geometric mean of ${ratios.length} programs`,
    unit: 'x',
    target: atMost(geometricMeanMax),
  }
  const [first, ...others] = ratios
  if (first === undefined) return [missingRow({ ...row, missing })]
  const worst = others.reduce((left, right) => (right.ratio > left.ratio ? right : left), first)
  const sum = ratios.reduce((total, { ratio }) => total + Math.log(ratio), 0)
  const rest = { unit: 'x', reference: undefined }
  return [
    benchRow({ ...row, ...rest, value: Math.exp(sum / ratios.length) }),
    benchRow({ ...rest, name: `${what}, worst (${worst.name})`, value: worst.ratio, target: atMost(worstMax) }),
  ]
}

function atMost(limit: number | undefined): BenchRow['target'] {
  return limit === undefined ? undefined : { limit, better: 'less' }
}

/** Fuel per second of each program, and how far apart they are: the honesty of the cost table. */
function fuelRows(all: readonly KernelTimes[]): BenchRow[] {
  const rates = all.flatMap((times) => {
    const ms = leastMs(times, 'metered')
    return ms === undefined ? [] : [{ name: times.name, gigafuelPerSecond: Number(times.fuel) / ms / 1e6 }]
  })
  if (rates.length === 0) return []
  const row = { unit: 'Gfuel/s', reference: undefined, target: undefined }
  const sorted = rates.map((rate) => rate.gigafuelPerSecond).sort((left, right) => left - right)
  const [least = 1, most = 1] = [sorted[0], sorted.at(-1)]
  return [
    ...rates.map(({ name, gigafuelPerSecond }) =>
      benchRow({ ...row, name: `${name}, fuel`, value: gigafuelPerSecond }),
    ),
    benchRow({ ...row, name: 'fuel per second, most / least', unit: 'x', value: most / least }),
  ]
}
