import type { BenchRow } from './row.ts'

/** What can be measured, in the order of the table; each is loaded when it is wanted. */
export const benches: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  'round-trip': async () => (await import('./trips.ts')).benchRoundTrip(),
  throughput: async () => (await import('./trips.ts')).benchThroughput(),
  bulk: async () => (await import('./bulk.ts')).benchBulk(),
  'job-start': async () => (await import('./daemons.ts')).benchJobStart(),
  idle: async () => (await import('./daemons.ts')).benchIdle(),
  vouchers: async () => (await import('./vouchers.ts')).benchVouchers(),
  epoch: async () => (await import('./epoch.ts')).benchEpoch(),
  chain: async () => (await import('./chain.ts')).benchChain(),
  simulation: async () => (await import('./simulation.ts')).benchSimulation(),
  'storage-network': async () => (await import('./storage-network.ts')).benchStorageNetwork(),
  'storage-memory': async () => (await import('./storage-memory.ts')).benchStorageMemory(),
  'storage-gibibyte': async () => (await import('./storage-gibibyte.ts')).benchStorageGibibyte(),
  'storage-pipeline': async () => (await import('./storage.ts')).benchStoragePipeline(),
  'storage-objects': async () => (await import('./storage-objects.ts')).benchObjectStore(),
  s3: async () => (await import('./s3.ts')).benchS3(),
  'sandbox-kernels': async () => (await import('./sandbox/kernels.ts')).benchKernels(),
  'sandbox-calls': async () => (await import('./sandbox/calls.ts')).benchCalls(),
  'sandbox-transforms': async () => (await import('./sandbox/transforms.ts')).benchTransforms(),
  'sandbox-kills': async () => (await import('./sandbox/kills.ts')).benchKills(),
}
