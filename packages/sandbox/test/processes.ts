import { readdirSync, readFileSync } from 'node:fs'

/** Process ids of executor children that this process started. */
export function childPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return /--permission\0--allow-worker/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) && isDescendant(pid)
      } catch {
        return false
      }
    })
}

function isDescendant(pid: number, of = process.pid): boolean {
  for (let at = pid; at > 1; ) {
    const stat = readFileSync(`/proc/${at}/stat`, 'utf8')
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (at === of) return true
  }
  return false
}

/** Process ids of everything that a process started, directly or not. */
export function descendantsOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map(Number).filter((pid) => {
    try {
      return isDescendant(pid, parent)
    } catch {
      return false
    }
  })
}

/** True while a process runs; one that has ended and waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
