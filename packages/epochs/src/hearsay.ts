import type { PeerId } from '@stead/core'
import type { LogBook } from './log-book.ts'
import type { ToldLogs } from './notice-board.ts'
import type { EpochPorts } from './ports.ts'
import { pollMsOf } from './schedule.ts'

/** Logs that a peer names in one answer and does not have: one may be lost on the wire, some are made up. */
const MISSING_MAX = 4
/** A peer that made up logs is not followed for twice as long as the last time, from one round of duties up to so many. */
const PAUSE_ROUNDS_MAX = 1024
const PEERS_MAX = 256

/** How long a peer is not followed. */
interface Pause {
  readonly untilMs: number
  readonly rounds: number
}

/**
 * Follows what peers say of the logs of others: each peer by itself, one log after the other, and each log only to who
 * named it. A node passes on nothing that it does not have, so that what a peer makes up costs some questions to that
 * peer, and keeps back nothing that others say.
 */
export class Hearsay {
  readonly #ports: Pick<EpochPorts, 'clock' | 'calendar' | 'logger'>
  readonly #logs: Pick<LogBook, 'hear'>
  readonly #following: Set<PeerId> = new Set()
  readonly #pauses: Map<PeerId, Pause> = new Map()

  constructor(ports: Pick<EpochPorts, 'clock' | 'calendar' | 'logger'>, logs: Pick<LogBook, 'hear'>) {
    this.#ports = ports
    this.#logs = logs
  }

  /** Resolves when all is taken in, or the peer has named too much that it does not have. */
  async follow({ peer, notices }: ToldLogs, isLate: boolean): Promise<void> {
    const pause = this.#pauses.get(peer)
    const isPaused = pause !== undefined && this.#ports.clock.monotonicMs() < pause.untilMs
    if (isPaused || this.#following.has(peer)) return
    this.#following.add(peer)
    try {
      let [taken, missing] = [0, 0]
      for (const notice of notices) {
        const outcome = await this.#logs.hear(notice, { peer, isHearsay: true, isLate })
        if (outcome === 'taken') taken++
        if (outcome === 'missing') missing++
        if (missing >= MISSING_MAX) break
      }
      if (missing >= MISSING_MAX) this.#pause(peer, pause)
      else if (taken > 0) this.#pauses.delete(peer)
    } finally {
      this.#following.delete(peer)
    }
  }

  #pause(peer: PeerId, before: Pause | undefined): void {
    const { clock, calendar, logger } = this.#ports
    const rounds = Math.min(PAUSE_ROUNDS_MAX, 2 * (before?.rounds ?? 1))
    this.#pauses.delete(peer)
    this.#pauses.set(peer, { untilMs: clock.monotonicMs() + rounds * pollMsOf(calendar), rounds })
    const [oldest] = this.#pauses.keys()
    if (this.#pauses.size > PEERS_MAX && oldest !== undefined) this.#pauses.delete(oldest)
    logger.debug('a peer names logs that it does not have', { peer, rounds })
  }
}
