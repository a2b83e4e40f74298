import { z } from 'zod'

const MEBIBYTE = 1024 * 1024

/** Prices and limits of a provider; strict, so that a misspelt option is refused. */
export const computeProviderOptionsSchema: z.ZodType<ComputeProviderOptions, ComputeProviderInput> = z.strictObject({
  /**
   * Price of 10^9 units of fuel in micro-dollars, 0 .. 10^12.
   * @default 10, about what a cloud takes for the second of a virtual core that 10^9 units keep busy
   */
  priceMicroUsdPerGigafuel: z.int().min(0).max(1e12).default(10),
  /**
   * Least price of one task in micro-dollars, 0 .. 10^12.
   * @default 1, so that even an empty task pays for its message
   */
  minimumMicroUsdPerTask: z.int().min(0).max(1e12).default(1),
  /**
   * Most fuel of one task, 1 .. 2^53-1 units.
   * @default 10^12, several minutes of one core
   */
  fuelMax: z
    .int()
    .min(1)
    .default(10 ** 12),
  /**
   * Most memory of one task, 1 .. 65536 pages of 64 KiB.
   * @default 4096 (256 MiB), so that a task on each of eight cores leaves most of an ordinary machine free
   */
  memoryPagesMax: z.int().min(1).max(65_536).default(4096),
  /**
   * Most output of one task, 0 .. 2^26 bytes.
   * @default 16 MiB, which crosses a home uplink in seconds
   */
  outputBytesMax: z
    .int()
    .min(0)
    .max(64 * MEBIBYTE)
    .default(16 * MEBIBYTE),
  /**
   * Longest wall time of one task, 1 .. 86400000 ms.
   * @default 10 minutes: a lost node costs a payer no more than that
   */
  timeMsMax: z.int().min(1).max(86_400_000).default(600_000),
  /**
   * Largest module, 1 .. 2^26 bytes.
   * @default 16 MiB, larger than compilers make without embedded data
   */
  moduleBytesMax: z
    .int()
    .min(1)
    .max(64 * MEBIBYTE)
    .default(16 * MEBIBYTE),
  /**
   * Most input of one task with its files, 0 .. 2^26 bytes.
   * @default 32 MiB
   */
  inputBytesMax: z
    .int()
    .min(0)
    .max(64 * MEBIBYTE)
    .default(32 * MEBIBYTE),
  /**
   * Tasks that run at once, 1 .. 1024.
   * @default 1; the node sets it to the number of its executor's workers
   */
  concurrency: z.int().min(1).max(1024).default(1),
  /**
   * Tasks that may wait for a free worker, 0 .. 65536; more are refused as busy.
   * @default 256: a payer's next tasks are here when a worker becomes free, and 64 KiB documents stay at 16 MiB
   */
  queueMax: z.int().min(0).max(65_536).default(256),
  /**
   * Modules that stay loaded, 1 .. 4096; the least recently used go.
   * @default 32
   */
  modulesLoadedMax: z.int().min(1).max(4096).default(32),
  /**
   * How long the blobs of one task may take to come, 100 .. 3600000 ms.
   * @default 60 s: 32 MiB at 5 Mbit/s
   */
  pullTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
})

/** Parsed options of a provider. */
export interface ComputeProviderOptions {
  readonly priceMicroUsdPerGigafuel: number
  readonly minimumMicroUsdPerTask: number
  readonly fuelMax: number
  readonly memoryPagesMax: number
  readonly outputBytesMax: number
  readonly timeMsMax: number
  readonly moduleBytesMax: number
  readonly inputBytesMax: number
  readonly concurrency: number
  readonly queueMax: number
  readonly modulesLoadedMax: number
  readonly pullTimeoutMs: number
}

/** What an operator may write; defaults are filled in. */
export type ComputeProviderInput = { readonly [Key in keyof ComputeProviderOptions]?: number | undefined }

/** How a payer places, checks and repeats tasks. */
export const computeConsumerOptionsSchema: z.ZodType<ComputeConsumerOptions, ComputeConsumerInput> = z.strictObject({
  /**
   * How long to wait for offers when too few are known, 0 .. 600000 ms.
   * @default 10 s: two rounds of gossip
   */
  offerWaitMs: z.int().min(0).max(600_000).default(10_000),
  /**
   * How long a provider has to quote, 10 .. 60000 ms.
   * @default 2 s; the job starts with those who answered
   */
  quoteTimeoutMs: z.int().min(10).max(60_000).default(2000),
  /**
   * Providers that one job uses at once, 1 .. 1024.
   * @default 64: more only cost quotes and branches of the purse
   */
  providersPerJobMax: z.int().min(1).max(1024).default(64),
  /**
   * Tasks that are sent to a provider beyond its concurrency, 0 .. 1024, so that it never waits for the next message.
   * @default 8: covers a round trip of some milliseconds for tasks of a millisecond
   */
  pipelineDepth: z.int().min(0).max(1024).default(8),
  /**
   * Replicas beyond the quorum before a task is given up as without agreement, 0 .. 64.
   * @default 3
   */
  replicasExtraMax: z.int().min(0).max(64).default(3),
  /**
   * Attempts of one task that may end without a result (time-outs, lost nodes), 1 .. 1000.
   * @default 8
   */
  attemptsMax: z.int().min(1).max(1000).default(8),
  /**
   * A task is hedged when it has run longer than this times the median, 1 .. 1000.
   * @default 3
   */
  hedgeFactor: z.number().min(1).max(1000).default(3),
  /**
   * A task is never hedged before it has run so long, 1 .. 3600000 ms.
   * @default 250 ms: below that a second copy costs more than the wait
   */
  hedgeAfterMsMin: z.int().min(1).max(3_600_000).default(250),
  /**
   * How long an answer may take beyond the task's own time limit, 100 .. 3600000 ms: queue and transfer.
   * @default 30 s
   */
  answerGraceMs: z.int().min(100).max(3_600_000).default(30_000),
  /**
   * How long a large output may take to come, 100 .. 3600000 ms.
   * @default 60 s
   */
  pullTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
  /**
   * First pause of a node that failed, 1 .. 3600000 ms; it doubles with each failure in a row.
   * @default 500 ms
   */
  backOffStartMs: z.int().min(1).max(3_600_000).default(500),
  /**
   * Longest such pause, 1 .. 86400000 ms.
   * @default 60 s
   */
  backOffMaxMs: z.int().min(1).max(86_400_000).default(60_000),
  /**
   * How long a node that lied gets no work, 0 .. 2592000000 ms, doubled with each further lie.
   * @default 1 hour
   */
  distrustMs: z.int().min(0).max(2_592_000_000).default(3_600_000),
  /**
   * How long a job may go without any progress before it ends in what it has, 100 .. 86400000 ms.
   * @default 60 s
   */
  stallTimeoutMs: z.int().min(100).max(86_400_000).default(60_000),
  /**
   * How long a finished job waits for its last payments to be receipted, 0 .. 600000 ms; they go on after that.
   * @default 10 s
   */
  settleTimeoutMs: z.int().min(0).max(600_000).default(10_000),
  /**
   * Share of a trusted node's tasks that is checked at least, 0 .. 1.
   * @default 0.02: a cheat that earned its trust passes some 50 bad results before a check, which then costs it all
   */
  adaptiveFloor: z.number().min(0).max(1).default(0.02),
  /**
   * Valid replicated results in a row before a node is checked less than always, 1 .. 1000000.
   * @default 10, BOINC's figure
   */
  adaptiveProbation: z.int().min(1).max(1_000_000).default(10),
  /**
   * Finished jobs that are kept with their events and outputs, 1 .. 1000000; the oldest go.
   * @default 1000
   */
  jobsKeptMax: z.int().min(1).max(1_000_000).default(1000),
})

/** Parsed options of a consumer. */
export interface ComputeConsumerOptions {
  readonly offerWaitMs: number
  readonly quoteTimeoutMs: number
  readonly providersPerJobMax: number
  readonly pipelineDepth: number
  readonly replicasExtraMax: number
  readonly attemptsMax: number
  readonly hedgeFactor: number
  readonly hedgeAfterMsMin: number
  readonly answerGraceMs: number
  readonly pullTimeoutMs: number
  readonly backOffStartMs: number
  readonly backOffMaxMs: number
  readonly distrustMs: number
  readonly stallTimeoutMs: number
  readonly settleTimeoutMs: number
  readonly adaptiveFloor: number
  readonly adaptiveProbation: number
  readonly jobsKeptMax: number
}

/** What a builder may write; defaults are filled in. */
export type ComputeConsumerInput = { readonly [Key in keyof ComputeConsumerOptions]?: number | undefined }

/** Limits of the blob store that provider and consumer share. */
export const blobOptionsSchema: z.ZodType<BlobOptions, BlobInput> = z.strictObject({
  /**
   * Bytes of blobs in memory, 64 MiB .. 64 GiB; also the most that one blob may have.
   * @default 64 MiB
   */
  memoryBytesMax: z
    .int()
    .min(64 * 1024)
    .max(65_536 * MEBIBYTE)
    .default(64 * MEBIBYTE),
  /**
   * Bytes of blobs on disk, at least 1 MiB; those of unfinished and kept jobs may exceed it.
   * @default 4 GiB
   */
  diskBytesMax: z
    .int()
    .min(MEBIBYTE)
    .default(4096 * MEBIBYTE),
  /**
   * Requests for parts of one blob that are in flight at once, 1 .. 64.
   * @default 8: 2 MiB, the bandwidth-delay product of 160 Mbit/s over 100 ms
   */
  chunksInFlight: z.int().min(1).max(64).default(8),
  /**
   * Bytes of all blobs that are being pulled at once, at least 1 MiB; further pulls wait.
   * @default 128 MiB
   */
  pullBytesMax: z
    .int()
    .min(MEBIBYTE)
    .default(128 * MEBIBYTE),
})

/** Parsed options of the blob store. */
export interface BlobOptions {
  readonly memoryBytesMax: number
  readonly diskBytesMax: number
  readonly chunksInFlight: number
  readonly pullBytesMax: number
}

/** What may be written for the blob store; defaults are filled in. */
export type BlobInput = { readonly [Key in keyof BlobOptions]?: number | undefined }
