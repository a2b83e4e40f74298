import { isSteadError, type PossessionAdjudicator } from '@stead/core'

/** So many looks fit into the time to answer at least. */
const LOOKS_MIN = 60
const PAUSE_MIN_MS = 1000
const SECOND_MS = 1000

/** How often the chain is looked at: deployments may give little time to answer. */
export class AnswerPace {
  readonly #adjudicator: Pick<PossessionAdjudicator, 'terms'>
  #answerMs: number | undefined

  constructor(adjudicator: Pick<PossessionAdjudicator, 'terms'>) {
    this.#adjudicator = adjudicator
  }

  /** A pause in milliseconds, or a shorter one where it would be too long. Never throws for a chain that is away. */
  async within(pauseMs: number): Promise<number> {
    try {
      this.#answerMs ??= (await this.#adjudicator.terms()).answerSeconds * SECOND_MS
    } catch (error) {
      if (!isSteadError(error)) throw error
      return Math.min(pauseMs, PAUSE_MIN_MS * LOOKS_MIN)
    }
    return Math.min(pauseMs, Math.max(PAUSE_MIN_MS, this.#answerMs / LOOKS_MIN))
  }
}
