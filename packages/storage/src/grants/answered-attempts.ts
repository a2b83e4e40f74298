import type { Clock } from '@stead/core'

/** How long an answer is remembered: longer than it is waited for; and how many are. */
const [REMEMBER_MS, ANSWERS_MAX] = [600_000, 4096]

interface Answered<Answer> {
  readonly atMs: number
  readonly answer: Promise<Answer>
}

/** Answers to messages that may be said again: one attempt is worked on once, and told again what came of it. */
export class AnsweredAttempts<Answer> {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** In the order of their making. */
  readonly #answers = new Map<string, Answered<Answer>>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** The answer to an attempt; what failed is worked on again. @throws what the work throws */
  async once(attempt: string, work: () => Promise<Answer>): Promise<Answer> {
    this.#forget()
    const known = this.#answers.get(attempt)
    if (known !== undefined) return await known.answer
    const answer = work()
    this.#answers.set(attempt, { atMs: this.#clock.monotonicMs(), answer })
    try {
      return await answer
    } catch (error) {
      this.#answers.delete(attempt)
      throw error
    }
  }

  #forget(): void {
    const before = this.#clock.monotonicMs() - REMEMBER_MS
    for (const [attempt, { atMs }] of this.#answers) {
      if (atMs > before && this.#answers.size < ANSWERS_MAX) return
      this.#answers.delete(attempt)
    }
  }
}
