import { readFileSync } from 'node:fs'
import {
  codeSegment,
  createErasureKernel,
  createFrameCipher,
  ErasureCode,
  loadPairHasher,
  PieceMemory,
  ProofTree,
  pieceBytesOf,
  SEGMENT_PLAIN_BYTES,
  sealSegment,
} from '@stead/storage'
import { ReedSolomonErasure } from '@subspace/reed-solomon-erasure.wasm'
import { ShiftedClock } from '../../packages/gateway/test/system-ports.ts'
import { type BenchRow, benchRow } from './row.ts'

const ROUNDS = 7
const MB = 1_000_000
const PROFILE = { dataPieces: 16, pieces: 48 }

/** MB of plaintext per second of one core, the best of some rounds: others use the machine too. */
function megabytesPerSecond(work: () => void): number {
  work()
  let bestMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    work()
    bestMs = Math.min(bestMs, performance.now() - start)
  }
  return SEGMENT_PLAIN_BYTES / MB / (bestMs / 1000)
}

/** A whole segment through sealing, coding and hashing on one core, and each step alone; the code beside npm's best. */
export async function benchStoragePipeline(): Promise<readonly BenchRow[]> {
  const hasher = await loadPairHasher()
  const cipher = createFrameCipher()
  const code = new ErasureCode(createErasureKernel(), PROFILE)
  const plaintext = new Uint8Array(SEGMENT_PLAIN_BYTES).map((_, index) => index * 7)
  const key = new Uint8Array(32).fill(1)
  const pieceBytes = pieceBytesOf(plaintext.length, PROFILE.dataPieces)
  const shards = new Uint8Array(pieceBytes * PROFILE.pieces)
  const sealed = shards.subarray(0, pieceBytes * PROFILE.dataPieces)
  const sealing = megabytesPerSecond(() => sealSegment(cipher, key, plaintext, sealed))
  const data = Array.from({ length: PROFILE.dataPieces }, (_, number) =>
    sealed.subarray(number * pieceBytes, (number + 1) * pieceBytes),
  )
  // Into memory that is there already, as a payer's node does, and the peer below.
  const parity = code.encode(data)
  const coding = megabytesPerSecond(() => code.encode(data, parity))
  const pieces = [...data, ...parity]
  const hashing = megabytesPerSecond(() => {
    for (const piece of pieces) ProofTree.of(hasher, piece)
  })
  const memory = new PieceMemory(new ShiftedClock())
  const all = megabytesPerSecond(() => codeSegment({ cipher, hasher, code, memory }, key, plaintext).free())
  const peer = ReedSolomonErasure.fromBytes(
    readFileSync(new URL(import.meta.resolve('@subspace/reed-solomon-erasure.wasm/dist/reed_solomon_erasure_bg.wasm'))),
  )
  const peerCoding = megabytesPerSecond(() => {
    const result = peer.encode(shards, PROFILE.dataPieces, PROFILE.pieces - PROFILE.dataPieces)
    if (result !== ReedSolomonErasure.RESULT_OK) throw new Error(`the peer's code failed: ${result}`)
  })
  const target = (limit: number) => ({ limit, better: 'more' }) as const
  const unit = 'MB/s'
  const seal = { name: 'sealing alone', value: sealing }
  return [
    benchRow({ name: 'segment sealed, 16-of-48, proven', unit, value: all, reference: seal, target: target(150) }),
    benchRow({
      name: `  proof trees of its 48 pieces (${hasher.name})`,
      unit,
      value: hashing,
      reference: seal,
      target: undefined,
    }),
    benchRow({
      name: '  16-of-48 code',
      unit,
      value: coding,
      reference: { name: 'reed-solomon-erasure.wasm', value: peerCoding },
      target: target(5 * peerCoding),
    }),
  ]
}
