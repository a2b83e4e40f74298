import { type Clock, hasCode, isSteadError, type Network, type PeerId } from '@stead/core'
import { remoteCodeOf } from '../consumer/remote-code.ts'

/** A read that has too few pieces for now, because nodes that have the others cannot be reached. */
export interface HolderWait {
  readonly needPieces: number
  readonly havePieces: number
  /** Nodes that are known to have a piece. */
  readonly nodes: number
  /** Of them, those that could not be reached, or have not answered yet. */
  readonly awayNodes: number
  /** How long it has waited, in milliseconds. */
  readonly waitedMs: number
}

/** A wait while it lasts. */
export interface BegunWait {
  /** Hears of a node of which it is known now that it can be reached. */
  readonly onThere: (peer: PeerId) => void
  /** Nobody waits for anything any more. */
  readonly onStop: () => void
  readonly facts: () => Omit<HolderWait, 'waitedMs'>
}

/** For so long a node that could not be reached is asked after all others. */
const AWAY_MS = 30_000
/** Nodes that are remembered; those that were noted first are forgotten first. */
const AWAY_MAX = 4096

/**
 * What is said by nobody, or by a node that has not come up yet: its address is not known, no connection was made, it does
 * not serve pieces yet, or has too much to do.
 */
const AWAY_CODES = ['NETWORK_UNREACHABLE', 'NETWORK_TIMEOUT', 'NETWORK_UNSUPPORTED', 'NETWORK_BUSY'] as const

/** Whether a node may have what it was asked for all the same: it said nothing of it. */
export function isAway(error: unknown): boolean {
  if (!isSteadError(error)) return false
  return AWAY_CODES.some((code) => hasCode(error, code)) || remoteCodeOf(error) === 'STORAGE_BUSY'
}

/** Which nodes that keep pieces could not be reached of late, and which reads wait for them. */
export class HolderReach {
  readonly #clock: Clock
  readonly #network: Pick<Network, 'listen'>
  /** Since when, monotonic; in the order in which they were noted. */
  readonly #awaySinceMs: Map<PeerId, number> = new Map()
  readonly #waits: Map<BegunWait, number> = new Map()
  /** While somebody waits. */
  #unlisten: (() => void) | undefined
  #isStopped = false

  constructor({ clock, network }: { readonly clock: Clock; readonly network: Pick<Network, 'listen'> }) {
    this.#clock = clock
    this.#network = network
  }

  /** Nobody waits any more: not while a process ends. */
  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Reads that wait now. */
  waits(): readonly HolderWait[] {
    const nowMs = this.#clock.monotonicMs()
    return Array.from(this.#waits, ([{ facts }, sinceMs]) => ({ ...facts(), waitedMs: nowMs - sinceMs }))
  }

  /** Whether a node could not be reached a moment ago. */
  isAway(peer: PeerId): boolean {
    const sinceMs = this.#awaySinceMs.get(peer)
    return sinceMs !== undefined && this.#clock.monotonicMs() - sinceMs < AWAY_MS
  }

  noteAway(peer: PeerId): void {
    this.#awaySinceMs.delete(peer)
    this.#awaySinceMs.set(peer, this.#clock.monotonicMs())
    const [oldest] = this.#awaySinceMs.keys()
    if (this.#awaySinceMs.size > AWAY_MAX && oldest !== undefined) this.#awaySinceMs.delete(oldest)
  }

  /** It has connected, or answered. */
  noteThere(peer: PeerId): void {
    this.#awaySinceMs.delete(peer)
    for (const { onThere } of [...this.#waits.keys()]) onThere(peer)
  }

  /** Notes that a read waits. @returns what ends that */
  begin(wait: BegunWait): () => void {
    this.#waits.set(wait, this.#clock.monotonicMs())
    this.#unlisten ??= this.#network.listen({ peerConnected: (peer) => this.noteThere(peer) })
    return () => {
      this.#waits.delete(wait)
      if (this.#waits.size > 0) return
      this.#unlisten?.()
      this.#unlisten = undefined
    }
  }

  /** Ends all waiting, now and later. */
  stop(): void {
    this.#isStopped = true
    for (const { onStop } of [...this.#waits.keys()]) onStop()
  }
}
