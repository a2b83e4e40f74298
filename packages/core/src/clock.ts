import type { UnixMs } from './units.ts'

/** A timer that was set and can be cleared once; clearing one that fired does nothing. */
export interface Timer {
  clear(): void
}

/** Time as the node sees it. The simulator drives it; adapters read the operating system. */
export interface Clock {
  /** Wall clock, for expiry and for people; it may jump. */
  now(): UnixMs
  /** Milliseconds from an arbitrary start, never decreasing, with fractions; for durations and timeouts. */
  monotonicMs(): number
  /** Calls `callback` once after `delayMs` (0 .. 2^31-1). A timer alone does not keep a process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
  /** Resolves after `delayMs`. @throws CoreError CORE_ABORTED when `signal` aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>
}
