import type { Address, Clock, Logger, Random } from '@stead/core'
import type { MarketPayer } from '@stead/market'
import type { BlobPins } from '../blobs/blob-pins.ts'
import type { DispatchComponents } from './dispatch.ts'
import type { FloatModules } from './float-modules.ts'
import type { JobRecorder } from './job-recorder.ts'
import type { JobStore } from './job-store.ts'
import type { NodeLoads } from './node-loads.ts'
import type { ProviderSearch } from './provider-search.ts'
import type { TrustBook } from './trust-book.ts'

/** What running a job stands on. */
export interface JobRunnerComponents extends DispatchComponents {
  readonly market: MarketPayer
  readonly search: ProviderSearch
  readonly recorder: JobRecorder
  readonly jobs: JobStore
  readonly floatModules: FloatModules
  readonly trust: TrustBook
  /** What the job keeps from being dropped. */
  readonly pins: BlobPins
  /** Shared by all jobs of a payer. */
  readonly loads: NodeLoads
  /** Tells all jobs of the payer of a node that lied, this one among them: see {@link JobRunner.leaveOut}. */
  readonly onLie: (node: Address, lie: string) => void
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}
