/** What a {@link WatchedThread} is begun with. */
export interface ThreadStart {
  /** One number of 32 bits that grows with each step of the thread's work. */
  readonly steps: SharedArrayBuffer
  /** Whatever the thread's own script needs to know. */
  readonly data: unknown
}

/** What a thread says: that it is ready for questions, or what came of the last one. */
export type FromThread = { readonly isReady: true } | { readonly answer: unknown } | { readonly error: unknown }
