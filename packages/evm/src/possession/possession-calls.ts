import type { SignedRevision } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import * as AbiFunction from 'ox/AbiFunction'
import type { Hex } from '../answer.ts'
import { compactSignature } from '../contract-calls.ts'
import { possessionAbi } from '../generated/possession.ts'

const announce = AbiFunction.fromAbi(possessionAbi, 'announce')
const draw = AbiFunction.fromAbi(possessionAbi, 'draw')
const answer = AbiFunction.fromAbi(possessionAbi, 'answer')
const supersede = AbiFunction.fromAbi(possessionAbi, 'supersede')
const punish = AbiFunction.fromAbi(possessionAbi, 'punish')
const reclaim = AbiFunction.fromAbi(possessionAbi, 'reclaim')

function signed({ document, payerSignature, nodeSignature }: SignedRevision) {
  const [payer, node] = [compactSignature(payerSignature), compactSignature(nodeSignature)]
  return { document: bytesToHex(document), payerR: payer.r, payerVs: payer.vs, nodeR: node.r, nodeVs: node.vs }
}

/** Calldata of the adjudicator's transactions; a challenge is known by its number. */
export const possessionData: {
  readonly announce: (revision: SignedRevision) => Hex
  readonly draw: (challenge: bigint) => Hex
  readonly answer: (challenge: bigint, proof: Uint8Array) => Hex
  readonly supersede: (challenge: bigint, revision: SignedRevision) => Hex
  readonly punish: (challenge: bigint) => Hex
  readonly reclaim: (challenge: bigint) => Hex
} = {
  announce: (revision) => AbiFunction.encodeData(announce, [signed(revision)]),
  draw: (challenge) => AbiFunction.encodeData(draw, [challenge]),
  answer: (challenge, proof) => AbiFunction.encodeData(answer, [challenge, bytesToHex(proof)]),
  supersede: (challenge, revision) => AbiFunction.encodeData(supersede, [challenge, signed(revision)]),
  punish: (challenge) => AbiFunction.encodeData(punish, [challenge]),
  reclaim: (challenge) => AbiFunction.encodeData(reclaim, [challenge]),
}
