import type { Address, Signer } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import { RewardsError } from '../errors.ts'
import { answerDigest, firstLink, isAnswerOf, nextLink, type ProbePair } from './answer-chain.ts'
import type { ProbeAnswer, ProbeRequest } from './probe-messages.ts'

/** Why a node does not answer a probe. */
export type ProbeRefusal =
  | 'wrong-node'
  | 'wrong-epoch'
  | 'wrong-beacon'
  | 'wrong-prober'
  | 'not-assigned'
  | 'wrong-window'
  | 'forged-previous'

/** What a node knows when it is probed. */
export interface AnswerContext extends Omit<ProbePair, 'prober' | 'node'> {
  /** Who the transport says is asking. */
  readonly from: Address
  /** Whether the beacon assigned this prober to this node. */
  readonly isAssigned: (prober: Address) => boolean
  /** Numbers of the probes that may be asked now: the window of this moment, and a neighbour near its edge. */
  readonly indexesNow: readonly number[]
}

/**
 * Answers one probe: signs the link that stands for this answer and all earlier ones to the same prober.
 * @throws RewardsError REWARDS_PROBE_REFUSED with the {@link ProbeRefusal} as `reason`
 */
export function answerProbe(
  by: { readonly signer: Signer; readonly secp256k1: Secp256k1 },
  context: AnswerContext,
  request: ProbeRequest,
): ProbeAnswer {
  const { epoch, prober, index, nonce } = request
  const node = by.signer.address
  const reason = refusalOf(context, request, node)
  if (reason !== undefined) refuse(reason, request)
  const { chainId, escrow, beacon } = context
  const before = linkBefore(by.secp256k1, request, { chainId, escrow, epoch, beacon, prober, node })
  const signature = by.signer.sign(answerDigest(nextLink(before, index, nonce)))
  return { version: 1, epoch, prober, node, nonce, signature }
}

function refusalOf(context: AnswerContext, request: ProbeRequest, node: Address): ProbeRefusal | undefined {
  if (request.node !== node) return 'wrong-node'
  if (request.epoch !== context.epoch) return 'wrong-epoch'
  if (request.beacon !== context.beacon) return 'wrong-beacon'
  if (request.prober !== context.from) return 'wrong-prober'
  if (!context.isAssigned(request.prober)) return 'not-assigned'
  return context.indexesNow.includes(request.index) ? undefined : 'wrong-window'
}

function linkBefore(secp256k1: Secp256k1, request: ProbeRequest, pair: ProbePair): Uint8Array {
  const { previousLink, previousSignature } = request
  if (previousLink === undefined && previousSignature === undefined) return firstLink(pair)
  const isOwn =
    previousLink !== undefined &&
    previousSignature !== undefined &&
    isAnswerOf(secp256k1, pair.node, previousLink, previousSignature)
  if (!isOwn) refuse('forged-previous', request)
  return previousLink
}

function refuse(reason: ProbeRefusal, { epoch, index, prober }: ProbeRequest): never {
  throw new RewardsError('REWARDS_PROBE_REFUSED', `probe ${index} of ${prober} in epoch ${epoch}: ${reason}`, {
    details: { reason, epoch, index, prober },
  })
}
