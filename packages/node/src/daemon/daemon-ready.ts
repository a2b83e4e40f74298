import type { Address, PeerId } from '@stead/core'

/** What a daemon says of itself once it serves; JSON-safe, sent to a parent process that waits for it. */
export interface DaemonReady {
  readonly node: Address
  readonly peer: PeerId
  /** Missing where nothing is sold. */
  readonly operator?: Address
  /** Dialable multiaddrs with `/p2p/`. */
  readonly addresses: readonly string[]
  readonly apiUrl: string
  readonly pid: number
}
