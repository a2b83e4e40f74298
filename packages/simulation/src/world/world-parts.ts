import type { Secp256k1 } from '@stead/protocol'
import type { Executor } from '@stead/sandbox'
import type { MemoryLedger } from '@stead/testkit'
import type { RandomStreams } from '../engine/random-streams.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Tally } from '../engine/tally.ts'
import type { Trace } from '../engine/trace.ts'
import type { Conversations } from '../story/conversations.ts'
import type { CareWitness } from './care-witness.ts'
import type { JobWitness } from './job-witness.ts'
import type { SharedOfferReader } from './shared-offer-reader.ts'
import type { SimHub } from './sim-hub.ts'
import type { StorageKit } from './storage-kit.ts'
import type { StorageWitness } from './storage-witness.ts'
import type { Witness } from './witness.ts'

/** What all nodes of a world share. */
export interface WorldParts {
  readonly scheduler: Scheduler
  readonly trace: Trace
  /** Counts what goes wrong. */
  readonly tally: Tally
  readonly streams: RandomStreams
  readonly hub: SimHub
  readonly ledger: MemoryLedger
  readonly secp256k1: Secp256k1
  readonly offerReader: SharedOfferReader
  /** Runs guests at once; each node adds its own time. */
  readonly executor: Executor
  /** Offers that a node keeps: more than the world has nodes, less than cheats can make up. */
  readonly offersMax: number
  /** Requests between nodes, for the story of a failure. */
  readonly conversations: Conversations
  /** Notes what providers deliver. */
  readonly witness: Witness
  /** Reads along in the journals of jobs. */
  readonly jobs: JobWitness
  /** Notes what is agreed on, proven and paid in storage. */
  readonly storageWitness: StorageWitness
  /** Notes what caretakers are told, bill and are paid for. */
  readonly careWitness: CareWitness
  /** What storage works with. @throws TypeError in a world without storage */
  readonly storage: () => StorageKit
}
