import type {
  Chain,
  Clock,
  Economy,
  EconomyHistory,
  EconomyLedger,
  Logger,
  Metrics,
  Network,
  Random,
  Signer,
  Store,
} from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import type { EpochCalendar, ProgramRegistry } from '@stead/rewards'
import type { ChainTime } from './chain-time.ts'

/** What the parts of epochs stand on. */
export interface EpochPorts {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  readonly store: Store
  readonly network: Network
  readonly secp256k1: Secp256k1
  /** The node key. */
  readonly signer: Signer
  readonly chain: Chain
  /** Sends with the node's own account, which needs no power over its bond. */
  readonly economy: Economy
  readonly history: EconomyHistory
  readonly books: EconomyLedger
  readonly programs: ProgramRegistry
  readonly calendar: EpochCalendar
  readonly time: ChainTime
}
