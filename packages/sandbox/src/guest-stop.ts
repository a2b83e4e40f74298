import type { GuestLimit } from './call.ts'

/** Why the host ends a guest from inside a host function. */
export type StopReason =
  | { readonly kind: 'exit'; readonly exitCode: number }
  | { readonly kind: 'abort'; readonly detail: string }
  | { readonly kind: 'out-of-fuel' }
  | { readonly kind: 'limit'; readonly limit: GuestLimit; readonly allowed: number; readonly wanted: number }

/** Thrown through the guest's frames, which cannot catch it, to the runner. Not an error: most are ordinary exits. */
export class GuestStop {
  readonly reason: StopReason

  constructor(reason: StopReason) {
    this.reason = reason
  }
}
