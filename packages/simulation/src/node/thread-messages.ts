/** Place of the number that grows with each step of a thread's work. */
export const STEPS = 0
/** Place of what a thread is to do at its next step: 0 goes on, 1 stands still, 2 stands still already. */
export const HOLD = 1
/** Numbers that a thread shares with who watches it. */
export const THREAD_NUMBERS = 2

/** What a {@link WatchedThread} is begun with. */
export interface ThreadStart {
  /** {@link THREAD_NUMBERS} numbers of 32 bits. */
  readonly numbers: SharedArrayBuffer
  /** Whatever the thread's own script needs to know. */
  readonly data: unknown
}

/** What a thread says: that it is ready for questions, or what came of the last one. */
export type FromThread = { readonly isReady: true } | { readonly answer: unknown } | { readonly error: unknown }
