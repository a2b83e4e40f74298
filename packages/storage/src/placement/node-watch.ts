import type { Address, Clock } from '@stead/core'

/** What a payer has seen of a node. */
interface Watched {
  /** Share of looks at which it was there, weighed by their age. */
  share: number
  /** Since when it is away; undefined while it is there. */
  awaySinceMs: number | undefined
  /** It lied, or said that all of it is gone. */
  isLost: boolean
  lookedAtMs: number
}

/** Before anything is known: as good as a machine that is on most of the day. */
const FIRST_SHARE = 0.9
/** A look counts half after so long. */
const HALF_MS = 24 * 3_600_000
/** One that is away is half as likely to come back after each of these. */
const BACK_HALF_MS = 12 * 3_600_000

/** How likely each node is to be there, by this payer's own looks. */
export class NodeWatch {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #lostAfterMs: number
  readonly #nodes: Map<Address, Watched> = new Map()

  /** @param lostAfterMs a node that was away for so long is not waited for any more */
  constructor(clock: Pick<Clock, 'monotonicMs'>, lostAfterMs: number) {
    this.#clock = clock
    this.#lostAfterMs = lostAfterMs
  }

  /** Notes whether a node was there. */
  note(node: Address, isThere: boolean): void {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#nodes.get(node)
    if (known === undefined) {
      const awaySinceMs = isThere ? undefined : nowMs
      this.#nodes.set(node, { share: FIRST_SHARE, awaySinceMs, isLost: false, lookedAtMs: nowMs })
      return
    }
    const weight = 0.5 ** ((nowMs - known.lookedAtMs) / HALF_MS)
    known.share = known.share * weight + (isThere ? 1 : 0) * (1 - weight)
    known.lookedAtMs = nowMs
    if (isThere) known.awaySinceMs = undefined
    else known.awaySinceMs ??= nowMs
  }

  /** Nothing that it kept is to be had from it again. */
  lose(node: Address): void {
    this.note(node, false)
    const known = this.#nodes.get(node)
    if (known !== undefined) known.isLost = true
  }

  isLost(node: Address): boolean {
    const known = this.#nodes.get(node)
    if (known === undefined) return false
    const awayMs = known.awaySinceMs === undefined ? 0 : this.#clock.monotonicMs() - known.awaySinceMs
    return known.isLost || awayMs > this.#lostAfterMs
  }

  /** 0 .. 1: how likely it is there at a moment soon. */
  availability(node: Address): number {
    const known = this.#nodes.get(node)
    if (known === undefined) return FIRST_SHARE
    if (this.isLost(node)) return 0
    if (known.awaySinceMs === undefined) return known.share
    return known.share * 0.5 ** ((this.#clock.monotonicMs() - known.awaySinceMs) / BACK_HALF_MS)
  }
}
