import { type Network, type PeerId, SteadError } from '@stead/core'

/** What became of a request, as whoever asked saw it. */
export type Answer = { readonly payload: Uint8Array } | { readonly code: string }

/** A request from one node to another. */
export interface Message {
  readonly atMs: number
  readonly from: PeerId
  readonly to: PeerId
  readonly protocol: string
  readonly payload: Uint8Array
  /** Undefined as long as nothing came back. */
  answer: Answer | undefined
  answeredMs: number
}

/** Messages that are kept of any two nodes. */
const MESSAGES_PER_PAIR = 64

/**
 * The last requests between any two nodes, by the protocols that a story tells of. They are kept as bytes, since nobody
 * reads them unless a rule is broken.
 */
export class Conversations {
  readonly #nowMs: () => number
  readonly #protocols: ReadonlySet<string>
  readonly #pairs: Map<string, Message[]> = new Map()
  #isOver = false

  constructor(nowMs: () => number, protocols: ReadonlySet<string>) {
    this.#nowMs = nowMs
    this.#protocols = protocols
  }

  /** Keeps what there is: what comes after a broken rule does not explain it. */
  stop(): void {
    this.#isOver = true
  }

  get all(): readonly Message[] {
    return [...this.#pairs.values()].flat()
  }

  /** The request method of a node's network, listened to. What it gives back is untouched. */
  listen(network: Network): Network['request'] {
    return (to, protocol, payload, options) => {
      const answer = network.request(to, protocol, payload, options)
      if (!this.#isOver && this.#protocols.has(protocol)) {
        const message = this.#keep({ from: network.self, to, protocol, payload })
        answer.then(
          (bytes) => this.#answered(message, { payload: bytes }),
          (error: unknown) => this.#answered(message, { code: codeOf(error) }),
        )
      }
      return answer
    }
  }

  #answered(message: Message, answer: Answer): void {
    if (this.#isOver) return
    message.answer = answer
    message.answeredMs = this.#nowMs()
  }

  #keep(what: Pick<Message, 'from' | 'to' | 'protocol' | 'payload'>): Message {
    const message: Message = { ...what, atMs: this.#nowMs(), answer: undefined, answeredMs: 0 }
    const pair = what.from < what.to ? `${what.from} ${what.to}` : `${what.to} ${what.from}`
    const messages = this.#pairs.get(pair) ?? []
    if (messages.length === 0) this.#pairs.set(pair, messages)
    messages.push(message)
    if (messages.length > MESSAGES_PER_PAIR) messages.shift()
    return message
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof SteadError)) return 'a fault of its own'
  return String(error.details.remoteCode ?? error.code)
}
