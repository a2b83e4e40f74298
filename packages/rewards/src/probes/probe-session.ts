import type { Secp256k1 } from '@stead/protocol'
import { equalBytes } from '@stead/protocol'
import { firstLink, isAnswerOf, nextLink, type ProbePair, probeNonce } from './answer-chain.ts'
import type { ProbeAnswer, ProbeRequest } from './probe-messages.ts'

/** Why an answer does not count. */
export type AnswerRefusal =
  | 'wrong-epoch'
  | 'wrong-prober'
  | 'wrong-node'
  | 'replayed'
  | 'unknown-nonce'
  | 'late'
  | 'bad-signature'

/** What became of one answer. */
export type AnswerVerdict = { readonly kind: 'counted' } | { readonly kind: 'refused'; readonly reason: AnswerRefusal }

/** What a prober has of one node: enough to go on after a restart, and what goes into its log. */
export interface ProbeRecord {
  /** 2 bytes for each probe of the epoch, most significant first: milliseconds to the answer, 0 for none. */
  readonly latencies: Uint8Array
  /** The node's last answer, 65 bytes; missing when it never answered. */
  readonly signature?: Uint8Array
}

/** Limits of probing; from the policy of program 0. */
export interface ProbeLimits {
  readonly probesPerEpoch: number
  /** Answers that take longer do not count, in milliseconds, at most 60,000. */
  readonly answerMaxMs: number
}

interface Asked {
  readonly index: number
  readonly nonce: Uint8Array
}

/** One prober's probes of one node in one epoch: what to ask, which answers count, what goes into the log. */
export class ProbeSession {
  readonly #secp256k1: Secp256k1
  readonly #pair: ProbePair
  readonly #seed: Uint8Array
  readonly #limits: ProbeLimits
  readonly #latencies: Uint8Array
  readonly #refusals = new Map<AnswerRefusal, number>()
  #link: Uint8Array
  #signature: Uint8Array | undefined
  #asked: Asked | undefined
  #last = -1

  /** @param before the record of an earlier run of the same epoch and seed */
  constructor(
    secp256k1: Secp256k1,
    session: { readonly pair: ProbePair; readonly seed: Uint8Array; readonly limits: ProbeLimits },
    before?: ProbeRecord,
  ) {
    this.#secp256k1 = secp256k1
    this.#pair = session.pair
    this.#seed = session.seed
    this.#limits = session.limits
    this.#latencies = before?.latencies.slice() ?? new Uint8Array(2 * session.limits.probesPerEpoch)
    this.#signature = before?.signature
    this.#link = firstLink(session.pair)
    for (let index = 0; index < session.limits.probesPerEpoch; index++) {
      if (this.#latency(index) === 0) continue
      this.#link = nextLink(this.#link, index, probeNonce(this.#seed, this.#pair.node, index))
      this.#last = index
    }
  }

  /** How many answers were refused, by reason. */
  get refusals(): ReadonlyMap<AnswerRefusal, number> {
    return this.#refusals
  }

  /** The request of probe `index`; a probe before it that is still open will not be counted any more. @throws RangeError when it is not after the last answered one */
  ask(index: number): ProbeRequest {
    if (!Number.isInteger(index) || index <= this.#last || index >= this.#limits.probesPerEpoch) {
      throw new RangeError(`probe ${index} of ${this.#limits.probesPerEpoch} after probe ${this.#last}`)
    }
    const { epoch, beacon, prober, node } = this.#pair
    const nonce = probeNonce(this.#seed, node, index)
    this.#asked = { index, nonce }
    const request = { version: 1 as const, epoch, beacon, prober, node, index, nonce }
    if (this.#signature === undefined) return request
    return { ...request, previousLink: this.#link, previousSignature: this.#signature }
  }

  /** Judges an answer that took `latencyMs` by the prober's monotonic clock. */
  receive(answer: ProbeAnswer, latencyMs: number): AnswerVerdict {
    const reason = this.#refusalOf(answer, latencyMs)
    if (reason !== undefined) {
      this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1)
      return { kind: 'refused', reason }
    }
    const asked = this.#asked
    if (asked === undefined) throw new RangeError('an answer counts only for a probe that was asked')
    this.#link = nextLink(this.#link, asked.index, asked.nonce)
    this.#signature = answer.signature
    const atLeastOne = Math.max(1, Math.ceil(latencyMs))
    new DataView(this.#latencies.buffer, this.#latencies.byteOffset).setUint16(2 * asked.index, atLeastOne)
    this.#last = asked.index
    this.#asked = undefined
    return { kind: 'counted' }
  }

  /** What to keep and, at the end of the epoch, to report. */
  record(): ProbeRecord {
    const latencies = this.#latencies.slice()
    return this.#signature === undefined ? { latencies } : { latencies, signature: this.#signature }
  }

  #refusalOf(answer: ProbeAnswer, latencyMs: number): AnswerRefusal | undefined {
    const { epoch, prober, node } = this.#pair
    if (answer.epoch !== epoch) return 'wrong-epoch'
    if (answer.prober !== prober) return 'wrong-prober'
    if (answer.node !== node) return 'wrong-node'
    const asked = this.#asked
    if (asked === undefined || !equalBytes(answer.nonce, asked.nonce)) {
      return this.#wasAnswered(answer.nonce) ? 'replayed' : 'unknown-nonce'
    }
    if (latencyMs > this.#limits.answerMaxMs) return 'late'
    const link = nextLink(this.#link, asked.index, asked.nonce)
    return isAnswerOf(this.#secp256k1, node, link, answer.signature) ? undefined : 'bad-signature'
  }

  #wasAnswered(nonce: Uint8Array): boolean {
    for (let index = 0; index <= this.#last; index++) {
      const isAnswered = this.#latency(index) > 0
      if (isAnswered && equalBytes(nonce, probeNonce(this.#seed, this.#pair.node, index))) return true
    }
    return false
  }

  #latency(index: number): number {
    return ((this.#latencies[2 * index] ?? 0) << 8) | (this.#latencies[2 * index + 1] ?? 0)
  }
}
