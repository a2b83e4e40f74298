import type { UnixMs } from '@stead/core'
import { bytesToHex, equalBytes, sha256 } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PathSecret } from '../keys/path-secret.ts'
import { isFolder } from '../shares/share-marks.ts'
import { checkGivenPath } from './given-path.ts'

/** One narrowing of a grant; one of the two is there. */
export interface GrantStep {
  /** Below what was granted before: a folder with its `/`, or one object. */
  readonly path?: string
  /** It ends then, if it does not end before. */
  readonly expiresAt?: UnixMs
}

/** What a holder shows: which grant, how it was narrowed, and the secret that nobody has who was not given it. */
export interface GrantToken {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly steps: readonly GrantStep[]
  /** 32 bytes: follows from the owner's secret, the id and the steps, one after another. */
  readonly secret: Uint8Array
}

/** What steps leave of a grant. */
export interface GrantScope {
  /** Behind the grant's prefix. */
  readonly path: string
  /** The earliest of the ends. */
  readonly expiresAt: UnixMs | undefined
}

/** Narrowings of one link. */
export const STEPS_MAX = 16
/** No bucket has this name: nothing of a bucket follows from what grants follow from. */
const GRANTS = 'write grants'

/** The secret of a grant as its owner made it; only machines with the recovery phrase can make it. */
export function grantSecret(root: PathSecret, id: Uint8Array): PathSecret {
  return root.below(GRANTS, bytesToHex(id))
}

/** The secret after one more step: whoever has it makes neither the one before nor another one beside. */
export function narrowedSecret(secret: PathSecret, { path, expiresAt }: GrantStep): PathSecret {
  if (path !== undefined) return secret.below('path', path)
  return secret.below('until', String(expiresAt))
}

/**
 * What a token lets its holder do, by the owner's secret.
 * @throws StorageError STORAGE_BAD_LINK for one that no owner of this secret made, STORAGE_BAD_NAME
 */
export function scopeOf(root: PathSecret, { id, steps, secret }: GrantToken): GrantScope {
  let made = grantSecret(root, id)
  for (const step of steps) made = narrowedSecret(made, step)
  // Of hashes, so that the time which that takes tells nothing of the secret.
  if (!equalBytes(sha256(made.bytes()), sha256(secret)))
    throw new StorageError('STORAGE_BAD_LINK', 'this node has not made the link, or somebody has changed it')
  return scopeOfSteps(steps)
}

/** What steps come to. @throws StorageError STORAGE_BAD_NAME for steps that lead nowhere below */
export function scopeOfSteps(steps: readonly GrantStep[]): GrantScope {
  let path = ''
  let expiresAt: UnixMs | undefined
  for (const step of steps) {
    if (step.path !== undefined) path = below(path, step.path)
    if (step.expiresAt !== undefined && (expiresAt === undefined || step.expiresAt < expiresAt))
      expiresAt = step.expiresAt
  }
  return { path, expiresAt }
}

/** A path below another one. @throws StorageError STORAGE_BAD_NAME */
export function below(path: string, more: string): string {
  if (more === '') return path
  if (!isFolder(path)) throw new StorageError('STORAGE_BAD_NAME', 'there is nothing below one object')
  checkGivenPath(more)
  return path + more
}
