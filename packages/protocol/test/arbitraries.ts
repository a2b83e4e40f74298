import { type Address, type ContentId, type Fuel, type Hash, type MicroUsd, microUsd, type UnixMs } from '@stead/core'
import {
  addressFromBytes,
  type BillEntry,
  contentIdOfDigest,
  hashFromBytes,
  type Increment,
  type Offer,
  type OutcomeRecord,
  type Quote,
  RESOURCES,
  type Task,
} from '@stead/protocol'
import fc from 'fast-check'

export const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })
export const anyHash: fc.Arbitrary<Hash> = bytesOf(32).map(hashFromBytes)
export const anyAddress: fc.Arbitrary<Address> = bytesOf(20).map(addressFromBytes)
const anyContentId: fc.Arbitrary<ContentId> = fc
  .tuple(fc.constantFrom('raw' as const, 'dag-cbor' as const), bytesOf(32))
  .map(([codec, digest]) => contentIdOfDigest(codec, digest))
export const anyMoney: fc.Arbitrary<MicroUsd> = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(microUsd)
const anyTime = fc.nat().map((value) => value as UnixMs)
const anyFuel = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }).map((value) => value as Fuel)
const anyText = fc.string({ unit: 'grapheme', maxLength: 12 })

export const anyOffer: fc.Arbitrary<Offer> = fc.record({
  version: fc.constant(1 as const),
  node: anyAddress,
  operator: anyAddress,
  resource: fc.constantFrom(...RESOURCES),
  chainId: fc.nat(),
  escrow: anyAddress,
  region: fc.constantFrom('-', 'eu-west'),
  sequence: fc.nat(),
  issuedAt: anyTime,
  expiresAt: anyTime,
  terms: fc.uint8Array({ maxLength: 64 }),
})

export const anyQuote: fc.Arbitrary<Quote> = fc.record({
  version: fc.constant(1 as const),
  id: anyHash,
  node: anyAddress,
  operator: anyAddress,
  payer: anyAddress,
  resource: fc.constantFrom(...RESOURCES),
  chainId: fc.nat(),
  escrow: anyAddress,
  terms: fc.uint8Array({ maxLength: 64 }),
  credit: fc.record({ prepayMicroUsd: anyMoney, startMicroUsd: anyMoney, capMicroUsd: anyMoney }),
  concurrency: fc.nat({ max: 65_535 }),
  issuedAt: anyTime,
  expiresAt: anyTime,
})

export const anyEntry: fc.Arbitrary<BillEntry> = fc.record({
  delivery: bytesOf(16),
  item: anyContentId,
  evidence: anyContentId,
  quantity: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  amountMicroUsd: fc.bigInt({ min: 0n, max: 1n << 40n }).map(microUsd),
})

export const anyIncrement: fc.Arbitrary<Increment> = fc.record(
  {
    version: fc.constant(1 as const),
    channel: anyHash,
    index: fc.nat(),
    previous: anyContentId,
    entries: fc.array(anyEntry, { maxLength: 5 }),
    deliveredMicroUsd: anyMoney,
    cumulativeMicroUsd: anyMoney,
  },
  { requiredKeys: ['version', 'channel', 'index', 'entries', 'deliveredMicroUsd', 'cumulativeMicroUsd'] },
)

const anyFile = fc.record({ path: anyText, content: anyContentId })

const anyRawTask: fc.Arbitrary<Task> = fc.record({
  version: fc.constant(1 as const),
  kind: fc.constantFrom('command' as const, 'function' as const),
  module: anyContentId,
  meterVersion: fc.nat({ max: 65_535 }),
  args: fc.array(anyText, { maxLength: 4 }),
  input: fc.array(anyContentId, { maxLength: 4 }),
  files: fc.array(anyFile, { maxLength: 3 }),
  limits: fc.record({
    fuel: anyFuel,
    memoryPages: fc.nat({ max: 65_536 }),
    outputBytes: fc.nat({ max: 1 << 30 }),
    timeMs: fc.nat({ max: 86_400_000 }),
  }),
  seed: bytesOf(32),
  declaredTime: anyTime,
})

export const anyTask: fc.Arbitrary<Task> = fc.oneof(
  anyRawTask,
  anyRawTask.map((task): Task => ({ ...task, floats: 'strict' })),
)

export const anyOutcome: fc.Arbitrary<OutcomeRecord> = fc.record(
  {
    version: fc.constant(1 as const),
    task: anyContentId,
    status: fc.constantFrom('ok' as const, 'trap' as const, 'out-of-fuel' as const, 'limit' as const),
    reason: anyText,
    exitCode: fc.nat({ max: 0xffff_ffff }),
    output: anyContentId,
    stderr: anyContentId,
    files: fc.array(anyFile, { maxLength: 3 }),
    fuel: anyFuel,
  },
  { requiredKeys: ['version', 'task', 'status', 'exitCode', 'output', 'stderr', 'files', 'fuel'] },
)
