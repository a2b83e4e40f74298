/** What happens on a {@link ByteStream}. */
export interface ByteStreamEvents {
  /** Bytes came; they may change after the call. */
  onBytes(bytes: Uint8Array): void
  /** Where the next bytes belong, so that they need not be copied there; undefined where it does not matter. */
  place(): Uint8Array | undefined
  /** The first bytes of {@link place} came, and are there. */
  onPlaced(bytes: number): void
  /** The other end has taken some of what was sent. */
  onProgress(): void
  /** There is room again after `send` gave false. */
  onDrain(): void
  /** The other end closed it, or it broke: with an error then. */
  onEnd(error: Error | undefined): void
}

/** Two-way bytes to one authenticated peer, in order: a libp2p stream, or a data connection of its own. */
export interface ByteStream {
  /** False when it is over. */
  readonly isOpen: boolean
  /** Delivers from now on; called once, and as soon as the stream is there. */
  listen(events: ByteStreamEvents): void
  /**
   * Sends bytes that do not change any more; false when it is full until `onDrain`. What cannot be sent is dropped: `onEnd`
   * tells. `isGiven`: nobody else has the bytes, and their memory may be given back as soon as they are sent.
   */
  send(bytes: Uint8Array, isGiven: boolean): boolean
  /** Delivers nothing until {@link resume}, and slows the other end down. */
  pause(): void
  resume(): void
  /** Ends it at once on both ends, and delivers nothing more. */
  abort(error: Error): void
}
