import { type Address, CoreError, type Hash, type IncomingRequest } from '@stead/core'
import { addressOfPeerId } from '@stead/protocol'
import {
  Assignment,
  answerProbe,
  type EpochBegin,
  type EpochNumber,
  epochSpan,
  probeAnswerSchema,
  probeRequestSchema,
  probeWindow,
  type QualityParameters,
} from '@stead/rewards'
import { PROBE_PROTOCOL, probeLimits } from './epoch-messages.ts'
import type { EpochPorts } from './ports.ts'
import { edgeMsOf } from './schedule.ts'

/** Times that one probe may be asked: an answer that was lost is asked for again. */
const TIMES_PER_PROBE = 3

/** Where the responder gets what an epoch began with. */
export interface ResponderSource {
  /** Undefined when this epoch is not the present one. */
  readonly beginOf: (epoch: EpochNumber) => Promise<{ begin: EpochBegin; quality: QualityParameters } | undefined>
}

/** Answers probes of those whom the beacon assigned to this node, in their windows, and of nobody else. */
export class ProbeResponder {
  readonly #ports: EpochPorts
  readonly #source: ResponderSource
  readonly #counts: Map<Address, number> = new Map()
  #assignment: { readonly beacon: Hash; readonly assignment: Assignment } | undefined

  constructor(ports: EpochPorts, source: ResponderSource) {
    this.#ports = ports
    this.#source = source
  }

  start(): void {
    this.#ports.network.handle(PROBE_PROTOCOL, probeLimits, (request) => this.#answer(request))
  }

  /** @throws RewardsError REWARDS_PROBE_REFUSED; CoreError NETWORK_BUSY; ProtocolError; to the peer */
  async #answer({ peer, payload }: IncomingRequest): Promise<Uint8Array> {
    const { signer, secp256k1, chain } = this.#ports
    const request = probeRequestSchema.decodeMessage(payload)
    const from = addressOfPeerId(peer)
    const found = await this.#source.beginOf(request.epoch)
    const { chainId, escrow } = chain.identity
    if (found === undefined) throw new CoreError('NETWORK_BUSY', `epoch ${request.epoch} is not the present one`)
    const { begin, quality } = found
    const { epoch, beacon } = begin
    const assignment = this.#assignmentOf(begin, quality)
    const context = {
      chainId,
      escrow,
      epoch,
      beacon,
      from,
      isAssigned: (prober: Address) => isAssigned(assignment, prober, signer.address),
      indexesNow: this.#indexesNow(epoch, quality),
    }
    this.#count(from, quality)
    return probeAnswerSchema.encodeMessage(answerProbe({ signer, secp256k1 }, context, request))
  }

  #assignmentOf({ beacon, nodes }: EpochBegin, quality: QualityParameters): Assignment {
    if (this.#assignment?.beacon !== beacon) {
      this.#counts.clear()
      this.#assignment = { beacon, assignment: new Assignment(beacon, nodes, quality.probersPerNode) }
    }
    return this.#assignment.assignment
  }

  #indexesNow(epoch: EpochNumber, { probesPerEpoch }: QualityParameters): readonly number[] {
    const { calendar, time } = this.#ports
    const now = time.now()
    const edgeMs = edgeMsOf(calendar, probesPerEpoch)
    const span = epochSpan(calendar, epoch)
    return Array.from({ length: probesPerEpoch }, (_, index) => index).filter((index) => {
      const { from, until } = probeWindow(span, index, probesPerEpoch)
      return now >= from - edgeMs && now < until + edgeMs
    })
  }

  #count(from: Address, { probesPerEpoch }: QualityParameters): void {
    const count = (this.#counts.get(from) ?? 0) + 1
    if (count > TIMES_PER_PROBE * probesPerEpoch) {
      throw new CoreError('NETWORK_BUSY', `${from} has asked ${count} times in this epoch`)
    }
    this.#counts.set(from, count)
  }
}

function isAssigned(assignment: Assignment, prober: Address, node: Address): boolean {
  const [target, place] = [assignment.indexOf(node), assignment.indexOf(prober)]
  return target !== undefined && place !== undefined && assignment.positionOf(target, place) >= 0
}
