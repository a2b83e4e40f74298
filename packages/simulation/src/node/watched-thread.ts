import { Worker } from 'node:worker_threads'
import { type FromThread, HOLD, STEPS, THREAD_NUMBERS, type ThreadStart } from './thread-messages.ts'

/** How a {@link WatchedThread} is begun and watched. */
export interface WatchedThreadOptions {
  /** Handed to the thread's script. */
  readonly data?: unknown
}

/** What is asked, and how long it may hang. */
export interface Watched {
  /** Real time without a step of the thread, in milliseconds, after which it is ended. */
  readonly stallMsMax: number
  /** Makes the error of a thread that came to no answer. @param why what it did, such as `takes no step` */
  readonly stalled: (why: string) => Error
}

const LOOK_MS_MAX = 1000
const LOOKS_PER_STALL = 4
/** Real time in which a thread that takes steps has come to its next one; one that hangs is not waited for any longer. */
const HOLD_MS_MAX = 500
/** Looks that come late, because the whole process was stopped or the machine slept, count for no more than this. */
const LATE_FACTOR = 2

/**
 * A thread that works while this one stays free to watch it and to hear signals: whatever loops there, this thread sees
 * that no step is taken any more, and ends it. The thread begins with the first question, and again after it was ended.
 */
export class WatchedThread<Question, Answer> {
  readonly #script: URL
  readonly #options: WatchedThreadOptions
  readonly #numbers = new Int32Array(new SharedArrayBuffer(THREAD_NUMBERS * Int32Array.BYTES_PER_ELEMENT))
  #worker: Worker | undefined
  #isWorking = false

  /** @param script a module that calls `answerOnThread` */
  constructor(script: URL, options: WatchedThreadOptions = {}) {
    this.#script = script
    this.#options = options
  }

  /** Asks one question; the last must have been answered. @throws what the thread throws, or {@link Watched.stalled} */
  async ask(question: Question, watched: Watched): Promise<Answer> {
    const worker = this.#worker ?? (await this.#begin())
    this.#isWorking = true
    try {
      const answer = await this.#answerOf(worker, question, watched)
      this.#isWorking = false
      return answer
    } catch (error) {
      await this.end()
      throw error
    }
  }

  /**
   * Has the thread stand still for good at its next step, or leaves it where it is when it comes to none. A process that ends
   * while one of its threads is in native code may be aborted by that code, which cannot throw there any more.
   */
  async hold(): Promise<void> {
    if (!this.#isWorking) return
    Atomics.compareExchange(this.#numbers, HOLD, 0, 1)
    await Atomics.waitAsync(this.#numbers, HOLD, 1, HOLD_MS_MAX).value
  }

  /** Ends the thread, whatever it does; between two steps when it takes any. */
  async end(): Promise<void> {
    const worker = this.#worker
    await this.hold()
    this.#isWorking = false
    this.#worker = undefined
    await worker?.terminate()
  }

  async #begin(): Promise<Worker> {
    Atomics.store(this.#numbers, HOLD, 0)
    const start: ThreadStart = { numbers: this.#numbers.buffer as SharedArrayBuffer, data: this.#options.data }
    const worker = new Worker(this.#script, { workerData: start })
    this.#worker = worker
    const begun = Promise.withResolvers<void>()
    const stopHearing = hear(worker, {
      message: () => begun.resolve(),
      error: begun.reject,
      exit: (code) => begun.reject(new Error(`a thread ended with ${code} before it began`)),
    })
    try {
      await begun.promise
    } finally {
      stopHearing()
    }
    return worker
  }

  async #answerOf(worker: Worker, question: Question, { stallMsMax, stalled }: Watched): Promise<Answer> {
    const given = Promise.withResolvers<Answer>()
    const stopWatching = this.#watch(stallMsMax, () =>
      given.reject(stalled(`takes no step for ${stallMsMax / 1000} s`)),
    )
    const stopHearing = hear(worker, {
      message: (message) => {
        if ('answer' in message) given.resolve(message.answer as Answer)
        if ('error' in message) given.reject(message.error)
      },
      error: given.reject,
      exit: (code) => {
        this.#isWorking = false
        given.reject(stalled(`ended with ${code}: what it waits for never comes`))
      },
    })
    worker.postMessage(question)
    try {
      return await given.promise
    } finally {
      stopWatching()
      stopHearing()
    }
  }

  /** Calls back once when no step is taken for so long. @returns ends the watch */
  #watch(stallMsMax: number, onStall: () => void): () => void {
    const lookMs = Math.min(LOOK_MS_MAX, stallMsMax / LOOKS_PER_STALL)
    let steps = Atomics.load(this.#numbers, STEPS)
    let lookedMs = performance.now()
    let stillMs = 0
    const timer = setInterval(() => {
      const [nowSteps, nowMs] = [Atomics.load(this.#numbers, STEPS), performance.now()]
      stillMs = nowSteps === steps ? stillMs + Math.min(nowMs - lookedMs, LATE_FACTOR * lookMs) : 0
      steps = nowSteps
      lookedMs = nowMs
      if (stillMs >= stallMsMax) onStall()
    }, lookMs)
    return () => clearInterval(timer)
  }
}

interface Ears {
  readonly message: (message: FromThread) => void
  readonly error: (error: unknown) => void
  readonly exit: (code: number) => void
}

/** @returns ends the listening */
function hear(worker: Worker, { message, error, exit }: Ears): () => void {
  worker.on('message', message).on('error', error).on('exit', exit)
  return () => void worker.off('message', message).off('error', error).off('exit', exit)
}
