import { GuestStop } from '../guest-stop.ts'

/** Quotas of a command's files, besides the caller's `outputBytes`. Part of METER_VERSION: they decide outcomes. */
export const fileQuotas = {
  /** Files, directories and links at one time; more is ENOSPC. */
  nodes: 16_384,
  /** Of the caller's `outputBytes`, for each entry that the guest makes in a directory, besides its name's bytes. */
  entryBytes: 64,
  /** Open descriptors at one time; more is EMFILE. */
  descriptors: 512,
  /** Bytes of one path; more is ENAMETOOLONG. */
  pathBytes: 4_096,
  /** Bytes of one name in a path. */
  nameBytes: 255,
  /** Directories inside each other; more is ENAMETOOLONG. */
  depth: 128,
  /** Symbolic links followed in one resolution; more is ELOOP. */
  links: 32,
} as const

/** Counts the bytes that a guest makes the host hold, and ends the guest at its limit. */
export class ByteQuota {
  readonly #allowed: number
  #held = 0

  /** @param allowedBytes the call's `outputBytes` */
  constructor(allowedBytes: number) {
    this.#allowed = allowedBytes
  }

  /** Takes (or with a negative number gives back) bytes. @throws GuestStop when more than allowed would be held */
  take(bytes: number): void {
    this.#held += bytes
    if (this.#held > this.#allowed)
      throw new GuestStop({ kind: 'limit', limit: 'output', allowed: this.#allowed, wanted: this.#held })
  }

  /** Bytes that may still be taken. */
  get leftBytes(): number {
    return this.#allowed - this.#held
  }

  /** @throws GuestStop when a result of this size is more than allowed */
  checkResult(bytes: number): void {
    if (bytes > this.#allowed)
      throw new GuestStop({ kind: 'limit', limit: 'output', allowed: this.#allowed, wanted: bytes })
  }
}
