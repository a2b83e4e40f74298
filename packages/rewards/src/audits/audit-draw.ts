import type { Address } from '@stead/core'
import { concatBytes, hexToBytes, keccakText, sha256 } from '@stead/protocol'
import type { Claimant } from '../facts/claimants.ts'

const LEAVES = keccakText('stead/audit-leaves')
const PAYER = keccakText('stead/audit-payer')
/** Bytes of chance: what is left over by the division is less than anybody can measure. */
const DRAWN_BYTES = 16

/**
 * The seed (32 bytes) that says which leaves of its pieces a node has to show one auditor. It comes from the auditor's own
 * seed, which is secret until its log is out: nobody can know the leaves before, and anybody can check them after.
 */
export function auditSeed(seed: Uint8Array, node: Address): Uint8Array {
  return sha256(concatBytes(LEAVES, seed, hexToBytes(node)))
}

/**
 * Whose pieces one auditor asks a node for: each micro-dollar that was claimed is a lot. Undefined when nothing was.
 * @param claimants of this node, by payer
 */
export function drawClaimant(seed: Uint8Array, node: Address, claimants: readonly Claimant[]): Claimant | undefined {
  const total = claimants.reduce((sum, { grossMicroUsd }) => sum + grossMicroUsd, 0n)
  if (total === 0n) return undefined
  const digest = sha256(concatBytes(PAYER, seed, hexToBytes(node)))
  let drawn = 0n
  for (const byte of digest.subarray(0, DRAWN_BYTES)) drawn = (drawn << 8n) | BigInt(byte)
  let left = drawn % total
  for (const claimant of claimants) {
    if (left < claimant.grossMicroUsd) return claimant
    left -= claimant.grossMicroUsd
  }
  throw new RangeError(`drew ${drawn % total} of ${total} micro-dollars`)
}
