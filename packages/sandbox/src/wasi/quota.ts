import type { GuestLimit } from '../call.ts'
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

/**
 * What the files that a command leaves may be called; more is the outcome `limit`. A result is one document of 64 KiB
 * that names them all (OutcomeRecord of @stead/protocol): what it cannot name could not be delivered, and the node that
 * ran the guest would be the one to blame. Part of METER_VERSION.
 */
export const resultQuotas = {
  /** Files created or changed and still there at the end. */
  files: 64,
  /** Bytes of the path of one of them. */
  pathBytes: 1_024,
  /** Bytes of all their paths together. */
  pathsBytes: 32_768,
} as const

/** @throws GuestStop when a result has more of something than its limit allows */
export function checkResult(limit: GuestLimit, wanted: number, allowed: number): void {
  if (wanted > allowed) throw new GuestStop({ kind: 'limit', limit, allowed, wanted })
}

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
    checkResult('output', bytes, this.#allowed)
  }
}
