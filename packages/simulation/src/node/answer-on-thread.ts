import { parentPort, workerData } from 'node:worker_threads'
import { type FromThread, HOLD, STEPS, type ThreadStart } from './thread-messages.ts'

/** Gives what a thread was begun with. @throws TypeError on the main thread */
export function threadData(): unknown {
  return startOf().data
}

/**
 * Answers what a `WatchedThread` asks this thread, one question after the other.
 * @param answer gets what it has to call with each step: who does not for long is taken for one that hangs
 * @throws TypeError on the main thread
 */
export function answerOnThread<Question>(answer: (question: Question, onStep: () => void) => Promise<unknown>): void {
  const numbers = new Int32Array(startOf().numbers)
  const port = parentPort
  if (port === null) throw new TypeError('this is no thread that could be asked')
  const say = (message: FromThread): void => port.postMessage(message)
  const standStill = (): void => {
    if (Atomics.compareExchange(numbers, HOLD, 1, 2) !== 1) return
    Atomics.notify(numbers, HOLD)
    Atomics.wait(numbers, HOLD, 2)
  }
  const onStep = (): void => {
    Atomics.add(numbers, STEPS, 1)
    standStill()
  }
  port.on('message', (question: Question) => {
    // Who waits then for what nothing brings has nothing left to do, and the thread ends at once.
    port.unref()
    void answer(question, onStep)
      .then(
        (given) => say({ answer: given }),
        (error: unknown) => say({ error }),
      )
      .finally(() => {
        port.ref()
        standStill()
      })
  })
  say({ isReady: true })
}

function startOf(): ThreadStart {
  const start = workerData as ThreadStart | null
  if (start === null) throw new TypeError('this is no thread of a command')
  return start
}
