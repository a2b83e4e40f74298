import { readFileSync } from 'node:fs'
import { messageOf } from '@stead/core'
import { type BenchRow, benchRow, missingRow } from './row.ts'

const MB = 1_000_000
const TARGET = { limit: 200, better: 'less' } as const

/** The largest resident size that one of some processes ever had, as Linux counts it. */
export function memoryRow(name: string, processes: readonly number[]): BenchRow {
  return residentRow({ name, field: 'VmHWM', target: TARGET }, processes)
}

/** What the largest of some processes has now. */
export function memoryNowRow(name: string, processes: readonly number[]): BenchRow {
  return residentRow({ name, field: 'VmRSS', target: undefined }, processes)
}

function residentRow(
  {
    name,
    field,
    target,
  }: { readonly name: string; readonly field: string; readonly target: typeof TARGET | undefined },
  processes: readonly number[],
): BenchRow {
  const row = { name, unit: 'MB', target }
  try {
    const sizes = processes.map((pid) => {
      const kib = new RegExp(`${field}:\\s*(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
      return (Number(kib) * 1024) / MB
    })
    return benchRow({ ...row, value: Math.max(...sizes), reference: undefined })
  } catch (error) {
    return missingRow({ ...row, missing: `/proc of Linux: ${messageOf(error)}` })
  }
}
