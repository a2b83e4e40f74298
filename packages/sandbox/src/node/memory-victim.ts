import { readFileSync, writeFileSync } from 'node:fs'
import { messageOf } from '@stead/core'
import type { Wall } from '../executor.ts'

/** Of -1000 .. 1000; Linux ends the process with the highest score first when memory runs out. */
const SCORE = 900

/**
 * Marks a process and all below it (bubblewrap stands between) as the first to go when the machine's memory runs out:
 * guests may fill gigabytes, and the kernel must not take the node for it. Source: proc_pid_oom_score_adj(5).
 */
export function markAsMemoryVictim(pid: number | undefined): Wall {
  const name = 'memory-victim'
  if (process.platform !== 'linux' || pid === undefined)
    return { name, up: false, detail: 'this system cannot be told which process to end when memory runs out' }
  try {
    const pids = [pid]
    for (const parent of pids) pids.push(...childrenOf(parent))
    for (const each of pids) writeFileSync(`/proc/${each}/oom_score_adj`, String(SCORE))
    return { name, up: true, detail: 'when memory runs out, the executor is ended before the node' }
  } catch (error) {
    return { name, up: false, detail: `the system refused: ${messageOf(error)}` }
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
