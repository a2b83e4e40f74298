import { fileURLToPath } from 'node:url'

/** One C program of the suite. */
export interface Program {
  readonly name: string
  /** Its first argument: how much to do, chosen so that a run takes 0.1 to 0.3 s on a 2024 server core. */
  readonly amount: number
}

/** The programs, in the order of the table. */
export const programs: readonly Program[] = [
  { name: 'nbody', amount: 3_000_000 },
  { name: 'matmul', amount: 350 },
  { name: 'fft', amount: 2000 },
  { name: 'dct', amount: 120 },
  { name: 'mandelbrot', amount: 850 },
  { name: 'life', amount: 12_000 },
  { name: 'sha256', amount: 900 },
  { name: 'crc32', amount: 350 },
  { name: 'compress', amount: 24 },
  { name: 'fib', amount: 39 },
  { name: 'levenshtein', amount: 140 },
  { name: 'sort', amount: 15 },
  { name: 'interpreter', amount: 220 },
  { name: 'btree', amount: 10 },
  { name: 'hashmap', amount: 16 },
]

/** Path of a program's source. */
export function sourceOf(program: Program): string {
  return fileURLToPath(new URL(`./programs/${program.name}.c`, import.meta.url))
}
