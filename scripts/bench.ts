// `npm run bench`: the table of speeds, each figure beside its reference of the same run. `--json` prints {rows};
// names choose benches: `npm run bench -- vouchers`, or all that begin alike: `-- sandbox`. Nothing here is a test: a
// missed target is printed as missed.
import { type BenchRow, jsonRows, printTable } from './bench/row.ts'

const benches: Readonly<Record<string, () => Promise<readonly BenchRow[]>>> = {
  'round-trip': async () => (await import('./bench/trips.ts')).benchRoundTrip(),
  throughput: async () => (await import('./bench/trips.ts')).benchThroughput(),
  bulk: async () => (await import('./bench/bulk.ts')).benchBulk(),
  'job-start': async () => (await import('./bench/daemons.ts')).benchJobStart(),
  idle: async () => (await import('./bench/daemons.ts')).benchIdle(),
  vouchers: async () => (await import('./bench/vouchers.ts')).benchVouchers(),
  epoch: async () => (await import('./bench/epoch.ts')).benchEpoch(),
  chain: async () => (await import('./bench/chain.ts')).benchChain(),
  simulation: async () => (await import('./bench/simulation.ts')).benchSimulation(),
  'storage-network': async () => (await import('./bench/storage-network.ts')).benchStorageNetwork(),
  'storage-memory': async () => (await import('./bench/storage-memory.ts')).benchStorageMemory(),
  'storage-gibibyte': async () => (await import('./bench/storage-gibibyte.ts')).benchStorageGibibyte(),
  'storage-pipeline': async () => (await import('./bench/storage.ts')).benchStoragePipeline(),
  'storage-objects': async () => (await import('./bench/storage-objects.ts')).benchObjectStore(),
  s3: async () => (await import('./bench/s3.ts')).benchS3(),
  'sandbox-kernels': async () => (await import('./bench/sandbox/kernels.ts')).benchKernels(),
  'sandbox-calls': async () => (await import('./bench/sandbox/calls.ts')).benchCalls(),
  'sandbox-transforms': async () => (await import('./bench/sandbox/transforms.ts')).benchTransforms(),
  'sandbox-kills': async () => (await import('./bench/sandbox/kills.ts')).benchKills(),
}

const args = process.argv.slice(2)
const wanted = args.filter((argument) => !argument.startsWith('-'))
const chooses = (wish: string, name: string): boolean => name === wish || name.startsWith(`${wish}-`)
const unknown = wanted.filter((wish) => !Object.keys(benches).some((name) => chooses(wish, name)))
if (unknown.length > 0) {
  process.stderr.write(`no bench named ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}\n`)
  process.exit(2)
}
const rows: BenchRow[] = []
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.some((wish) => chooses(wish, name))) continue
  process.stderr.write(`measuring ${name} …\n`)
  rows.push(...(await bench()))
}
process.stdout.write(
  args.includes('--json') ? `${JSON.stringify({ rows: jsonRows(rows) }, null, 2)}\n` : `${printTable(rows)}\n`,
)
