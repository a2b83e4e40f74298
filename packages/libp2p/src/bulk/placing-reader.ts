import type { OnReadOpts } from 'node:net'
import type { ByteStreamEvents } from '../byte-stream.ts'

/** Who takes what a {@link PlacingReader} reads. */
export type ReadTarget = Pick<ByteStreamEvents, 'onBytes' | 'place' | 'onPlaced'>

/** What is read when it is not known where it belongs: one TLS record. */
const SCRATCH_BYTES = 16 * 1024

/**
 * Lets a socket read straight into the memory where its bytes belong. A socket alone makes a buffer for every 16 KiB, which
 * are copied and thrown away: they made the collector run twice as often. Only a socket that this end dialled can
 * (the option `onread`); those that a server takes cannot.
 */
export class PlacingReader {
  /** For the socket's option `onread`. */
  readonly options: OnReadOpts
  /** What comes while there is none is dropped. */
  target: ReadTarget | undefined
  readonly #scratch = new Uint8Array(SCRATCH_BYTES)
  #place: Uint8Array | undefined

  constructor() {
    this.options = {
      buffer: () => {
        this.#place = this.target?.place()
        return this.#place ?? this.#scratch
      },
      callback: (count) => {
        if (this.#place === undefined) this.target?.onBytes(this.#scratch.subarray(0, count))
        else this.target?.onPlaced(count)
        return true
      },
    }
  }
}
