import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'

/** Resident memory of all of Chromium's renderers that this process started. */
export function rendererBytes(): number {
  const statuses = readdirSync('/proc').flatMap((pid) => {
    try {
      const isRenderer = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')
      return isRenderer && isDescendant(Number(pid)) ? [readFileSync(`/proc/${pid}/status`, 'utf8')] : []
    } catch {
      // Not a process, or one that has just ended.
      return []
    }
  })
  const kilobytes = statuses.map((status) => Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]))
  expect(kilobytes.length).toBeGreaterThan(0)
  return kilobytes.reduce((sum, one) => sum + one * 1024, 0)
}

function isDescendant(pid: number): boolean {
  for (let at = pid; at > 1; ) {
    const stat = readFileSync(`/proc/${at}/stat`, 'utf8')
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (at === process.pid) return true
  }
  return false
}
