import { StorageError } from '../errors.ts'

/** Bytes that are worked on at once for all, and for one grant: each body is in memory as a whole. */
const [BYTES_MAX, BYTES_PER_GRANT_MAX] = [24 * 1024 * 1024, 8 * 1024 * 1024]
/** What the smallest body counts as. */
const BYTES_MIN = 64 * 1024

/** Room for bodies that are being written, some of it for each grant: no holder keeps all others from writing. */
export class BodyRoom {
  readonly #ofGrants = new Map<string, number>()
  #bytes = 0

  /** Does work with a body in memory. @throws StorageError STORAGE_BUSY; what the work throws */
  async within<Result>(grant: string, lengthBytes: number, work: () => Promise<Result>): Promise<Result> {
    const bytes = Math.max(lengthBytes, BYTES_MIN)
    const own = (this.#ofGrants.get(grant) ?? 0) + bytes
    if (this.#bytes + bytes > BYTES_MAX || own > BYTES_PER_GRANT_MAX)
      throw new StorageError('STORAGE_BUSY', `${this.#bytes} bytes are written at once with links`)
    this.#add(grant, bytes)
    try {
      return await work()
    } finally {
      this.#add(grant, -bytes)
    }
  }

  #add(grant: string, bytes: number): void {
    this.#bytes += bytes
    const own = (this.#ofGrants.get(grant) ?? 0) + bytes
    if (own === 0) this.#ofGrants.delete(grant)
    else this.#ofGrants.set(grant, own)
  }
}
