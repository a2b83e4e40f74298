// Runs when the owner of a local chain is gone, however that ended: saves the chain's state, and ends its process.
import { setTimeout as sleepFor } from 'node:timers/promises'
import type { Clock, UnixMs } from '@stead/core'
import { endOrphan } from './left-behind.ts'
import { StateFiles } from './state-file.ts'

const clock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  },
  sleep: async (delayMs, signal) => {
    await sleepFor(delayMs, undefined, signal === undefined ? {} : { signal })
  },
}

const [directory = '', pid = ''] = process.argv.slice(2)
await endOrphan(Number(pid), { clock, files: new StateFiles(directory) })
