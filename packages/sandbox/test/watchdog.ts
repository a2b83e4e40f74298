import { Worker } from 'node:worker_threads'

/** Kills this process, loudly, when a guest keeps its thread: nothing on that thread could. */
export interface Watchdog {
  /** Says what is being done now; there is time for it anew. */
  step(number: number): void
  end(): Promise<number>
}

const source = `
  const { workerData } = require('node:worker_threads')
  const { shared, stepMs } = workerData
  const current = new Int32Array(shared)
  let last = -1
  setInterval(() => {
    const now = Atomics.load(current, 0)
    if (now === last) {
      require('node:fs').writeSync(2, 'step ' + now + ' has not ended in ' + stepMs + ' ms\\n')
      process.kill(process.pid, 'SIGKILL')
    }
    last = now
  }, stepMs)`

/** @param stepMs what one step may take; it is noticed after at most twice that */
export function startWatchdog(stepMs: number): Watchdog {
  const shared = new SharedArrayBuffer(4)
  const current = new Int32Array(shared)
  const worker = new Worker(source, { eval: true, workerData: { shared, stepMs } })
  return { step: (number) => Atomics.store(current, 0, number), end: () => worker.terminate() }
}
