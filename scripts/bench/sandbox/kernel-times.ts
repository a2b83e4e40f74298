import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Language } from './suite.ts'

/** What a measuring process is told. */
export interface KernelOrder {
  readonly name: string
  readonly wasmPath: string
  /** The program on the machine itself: to be executed, or a module whose default export is the handler. */
  readonly nativePath?: string | undefined
  readonly language: Language
  readonly amount: number
  /** Runs of each variant that do not count: the optimising compiler takes over meanwhile. */
  readonly warmups: number
  readonly rounds: number
}

/** What it answers. */
export interface KernelTimes {
  readonly name: string
  readonly language: Language
  /** Milliseconds of processor time by variant, `native` or `node` among them, one for each round. */
  readonly samplesMs: Readonly<Record<string, readonly number[]>>
  /** Units of the metered run, in decimal digits. */
  readonly fuel: string
}

const entry = fileURLToPath(new URL('./kernel-process.ts', import.meta.url))

/** Measures one program in a process of its own. @throws Error when a run fails or two variants give different output */
export async function measureKernel(order: KernelOrder): Promise<KernelTimes> {
  // The executor's own setting, so that the optimising compiler takes over when it does there.
  const flags = ['--conditions=@stead/source', '--wasm-tiering-budget=1800000']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, entry, JSON.stringify(order)])
  return JSON.parse(stdout) as KernelTimes
}
