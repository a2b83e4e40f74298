import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from '@stead/core'
import { createSigner, loadSecp256k1, signStatement, statementSigner } from '@stead/protocol'
import { type BenchRow, benchRow } from './row.ts'

const NODES = 10_000
const CLAIMS = 1_000_000
/** One of each log, and one of each node's answers to each of its ten probers. */
const SIGNATURES = NODES * 11
const SAMPLE = 5000
const MEGABYTE = 1e6

interface Measured {
  readonly seconds: number
  readonly claimsSeconds: number
  readonly logBytes: number
  readonly peakBytes: number
}

/** An epoch of 10,000 nodes with 100 probes each (ten probers, ten probes) and a million claims, on one core. */
export async function benchEpoch(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'stead-epoch-'))
  try {
    runChild('write', folder, NODES)
    const measured = JSON.parse(runChild('compute', folder, CLAIMS)) as Measured
    const alone = await signaturesAlone()
    return [
      benchRow({
        name: 'epoch: 10,000 nodes x 100 probes, 1,000,000 claims',
        unit: 's',
        value: measured.seconds,
        reference: { name: `${SIGNATURES.toLocaleString('en')} signature checks alone`, value: alone },
        target: { limit: 60, better: 'less' },
      }),
      benchRow({
        name: 'epoch: of it, adding up the claims',
        unit: 's',
        value: measured.claimsSeconds,
        reference: undefined,
        target: undefined,
      }),
      benchRow({
        name: 'epoch: peak memory of the process',
        unit: 'MB',
        value: measured.peakBytes / MEGABYTE,
        reference: { name: 'all logs together', value: measured.logBytes / MEGABYTE },
        target: { limit: 1000, better: 'less' },
      }),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runChild(...args: readonly (string | number)[]): string {
  const child = join(import.meta.dirname, 'epoch-process.ts')
  return execFileSync(process.execPath, ['--conditions=@stead/source', child, ...args.map(String)], {
    encoding: 'utf8',
  })
}

/** Seconds that all signatures of the epoch would take by themselves, from a sample. */
async function signaturesAlone(): Promise<number> {
  const secp256k1 = await loadSecp256k1()
  const signer = createSigner(secp256k1, new Uint8Array(32).fill(9))
  const statement = signStatement(signer, hash(`0x${'11'.repeat(32)}`), hash(`0x${'22'.repeat(32)}`))
  const begun = performance.now()
  for (let i = 0; i < SAMPLE; i++) {
    if (statementSigner(secp256k1, statement) !== signer.address) throw new Error('a statement did not verify')
  }
  return ((performance.now() - begun) / 1000 / SAMPLE) * SIGNATURES
}
