import type { Address, Clock, UnixMs } from '@stead/core'
import type { WatchedNode } from './watch-rows.ts'

/** Before anything is known: as good as a machine that is on most of the day. */
const FIRST_SHARE = 0.9
/** A look counts half after so long: a week, so that neither a night nor a weekend is taken for news. */
const HALF_MS = 7 * 86_400_000
/** The longest absence counts half after so long. */
const HABIT_HALF_MS = 30 * 86_400_000
/** Beyond its habit one that is away is half as likely to come back after each of these, or of half its habit. */
const BACK_HALF_MS = 12 * 3_600_000
/** Less likely to come back than that is overdue. */
const OVERDUE_BELOW = 0.25
/** What lies between two looks counts as seen for at most so long: a daemon that slept saw nothing. */
const SEEN_MAX_MS = 3_600_000
/** An absence is believed for so many times what was seen of it: two looks with a weekend between them are no weekend. */
const BELIEVED_TIMES = 4

/** How likely each node is to be there, by this payer's own looks, those before a restart included. */
export class NodeWatch {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>
  readonly #lostAfterMs: number
  readonly #nodes: Map<Address, WatchedNode> = new Map()
  /** When each was looked at last, by this process. */
  readonly #lookedAtMs: Map<Address, number> = new Map()

  /**
   * @param lostAfterMs a node that was away for so long is not waited for any more
   * @param known what was seen before
   */
  constructor(
    clock: Pick<Clock, 'now' | 'monotonicMs'>,
    lostAfterMs: number,
    known: Iterable<readonly [Address, WatchedNode]> = [],
  ) {
    this.#clock = clock
    this.#lostAfterMs = lostAfterMs
    for (const [node, watched] of known) this.#nodes.set(node, watched)
  }

  /** Everything that is known, to be kept. */
  entries(): IterableIterator<[Address, WatchedNode]> {
    return this.#nodes.entries()
  }

  /** Notes whether a node was there. */
  note(node: Address, isThere: boolean): void {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#nodes.get(node) ?? { share: FIRST_SHARE, habitMs: 0, isLost: false, missedMs: 0 }
    const seenMs = Math.min(SEEN_MAX_MS, nowMs - (this.#lookedAtMs.get(node) ?? nowMs))
    this.#lookedAtMs.set(node, nowMs)
    const weight = 0.5 ** (seenMs / HALF_MS)
    const share = known.share * weight + (isThere ? 1 : 0) * (1 - weight)
    const habitMs = known.habitMs * 0.5 ** (seenMs / HABIT_HALF_MS)
    const { isLost } = known
    if (isThere) {
      const absenceMs = Math.min(this.#awayMs(known), this.#lostAfterMs / 2)
      this.#nodes.set(node, { share, habitMs: Math.max(habitMs, absenceMs), isLost, missedMs: 0 })
    } else {
      const awaySince = known.awaySince ?? this.#clock.now()
      this.#nodes.set(node, { share, habitMs, isLost, awaySince, missedMs: known.missedMs + seenMs })
    }
  }

  /** Nothing that it kept is to be had from it again. */
  lose(node: Address): void {
    this.note(node, false)
    const known = this.#nodes.get(node)
    if (known !== undefined) this.#nodes.set(node, { ...known, isLost: true })
  }

  /** Not waited for any more. */
  isLost(node: Address): boolean {
    const known = this.#nodes.get(node)
    if (known === undefined) return false
    return known.isLost || this.#awayMs(known) > this.#lostAfterMs
  }

  /** Whether it was not there when last looked at. */
  isAway(node: Address): boolean {
    return this.#nodes.get(node)?.awaySince !== undefined
  }

  /** Away for so much longer than it ever was that it is likely gone. */
  isOverdue(node: Address): boolean {
    const known = this.#nodes.get(node)
    return known !== undefined && this.#chanceOfReturn(known) < OVERDUE_BELOW
  }

  /** When one that is away is not waited for any more, at the earliest, if it stays away; undefined while it is there. */
  lostAt(node: Address): UnixMs | undefined {
    const awaySince = this.#nodes.get(node)?.awaySince
    return awaySince === undefined ? undefined : ((awaySince + this.#lostAfterMs) as UnixMs)
  }

  /** When one that is away is overdue or lost, at the earliest, if it stays away; undefined while it is there. */
  givenUpAt(node: Address): UnixMs | undefined {
    const known = this.#nodes.get(node)
    if (known?.awaySince === undefined) return undefined
    const overdueMs = known.habitMs + Math.log2(1 / OVERDUE_BELOW) * backHalfMs(known)
    return (known.awaySince + Math.min(this.#lostAfterMs, overdueMs)) as UnixMs
  }

  /** 0 .. 1: how likely it is there at a moment soon. */
  availability(node: Address): number {
    const known = this.#nodes.get(node)
    if (known === undefined) return FIRST_SHARE
    return this.isLost(node) ? 0 : known.share * this.#chanceOfReturn(known)
  }

  #chanceOfReturn(known: WatchedNode): number {
    const beyondMs = this.#awayMs(known) - known.habitMs
    return beyondMs <= 0 ? 1 : 0.5 ** (beyondMs / backHalfMs(known))
  }

  #awayMs({ awaySince, missedMs }: WatchedNode): number {
    if (awaySince === undefined) return 0
    return Math.min(BELIEVED_TIMES * missedMs, Math.max(0, this.#clock.now() - awaySince))
  }
}

function backHalfMs({ habitMs }: WatchedNode): number {
  return Math.max(BACK_HALF_MS, habitMs / 2)
}
