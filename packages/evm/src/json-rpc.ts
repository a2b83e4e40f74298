import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Clock } from '@stead/core'
import { ChainError } from './errors.ts'

/** Largest answer that is read: a page of events with room to spare. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024
/** Connections to one endpoint; more requests wait for a free one. */
const SOCKETS_MAX = 8

/** What an endpoint said no with. */
export interface RpcRefusal {
  readonly code: number
  readonly message: string
  readonly data: unknown
}

/** Thrown for an error object in an answer, for the caller to make sense of. */
export class RpcRefusalError extends Error {
  readonly refusal: RpcRefusal
  readonly method: string
  constructor(method: string, refusal: RpcRefusal) {
    super(`${method}: ${refusal.message}`)
    this.method = method
    this.refusal = refusal
  }
}

/** Where and how patiently to ask. */
export interface JsonRpcOptions {
  readonly rpcUrl: string
  readonly requestTimeoutMs: number
}

/** A URL without what may be secret in it: user, password, path and query often carry an API key. */
function publicUrl(url: string): string {
  return new URL(url).origin
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * JSON-RPC 2.0 over one endpoint: time-outs, size limits and typed errors on top of Node's own HTTP, because the
 * daemon loads that anyway and a chain library's transport would cost it 20 MB of memory.
 */
export class JsonRpc {
  readonly #clock: Clock
  readonly #options: JsonRpcOptions
  readonly #url: URL
  readonly #agent: Agent
  #nextId = 1
  #stopped = false

  constructor(components: { readonly clock: Clock }, options: JsonRpcOptions) {
    this.#clock = components.clock
    this.#options = options
    this.#url = new URL(options.rpcUrl)
    const agentOptions = { keepAlive: true, maxSockets: SOCKETS_MAX, timeout: options.requestTimeoutMs }
    this.#agent = new (httpModule(this.#url).Agent)(agentOptions)
  }

  /** The endpoint as it may be shown. */
  get endpoint(): string {
    return publicUrl(this.#options.rpcUrl)
  }

  /** Closes all connections; requests under way fail. */
  stop(): void {
    this.#stopped = true
    this.#agent.destroy()
  }

  /**
   * Calls a method and resolves with its result, unchecked.
   * @throws ChainError CHAIN_UNREACHABLE, CHAIN_BAD_ANSWER, CHAIN_REFUSED; RpcRefusalError for an error in the answer
   */
  async call(method: string, parameters: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params: parameters }))
    const text = await this.#post(body, method)
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch (cause) {
      throw this.#badAnswer(method, 'not JSON', cause)
    }
    if (!isRecord(answer) || answer.id !== id) throw this.#badAnswer(method, 'no answer to this request')
    if (isRecord(answer.error)) {
      const { code, message, data } = answer.error
      throw new RpcRefusalError(method, {
        code: typeof code === 'number' ? code : 0,
        message: typeof message === 'string' ? message.slice(0, 500) : 'no reason given',
        data,
      })
    }
    if (!('result' in answer)) throw this.#badAnswer(method, 'neither result nor error')
    return answer.result
  }

  #badAnswer(method: string, what: string, cause?: unknown): ChainError {
    return new ChainError('CHAIN_BAD_ANSWER', `the RPC endpoint ${this.endpoint} answered ${method} with ${what}`, {
      details: { endpoint: this.endpoint, method },
      cause,
    })
  }

  #unreachable(method: string, reason: string, cause?: unknown): ChainError {
    return new ChainError('CHAIN_UNREACHABLE', `the RPC endpoint ${this.endpoint} cannot be reached: ${reason}`, {
      details: { endpoint: this.endpoint, method, reason },
      cause,
    })
  }

  async #post(body: Buffer, method: string): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      let request: ClientRequest | undefined
      try {
        const { answer, sent } = this.#exchange(body, method)
        request = sent
        return await answer
      } catch (error) {
        // The endpoint may close an idle connection just as it is used again; nothing was processed then.
        const wasStale = request?.reusedSocket === true && isConnectionReset(error)
        if (wasStale && attempt === 0 && !this.#stopped) continue
        if (error instanceof ChainError) throw error
        throw this.#unreachable(method, reasonOf(error), error)
      }
    }
  }

  #exchange(body: Buffer, method: string): { readonly sent: ClientRequest; readonly answer: Promise<string> } {
    const sent = httpModule(this.#url).request(this.#url, {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'application/json', 'content-length': body.length },
    })
    const { timeoutError, answer } = { timeoutError: this.#timeoutError(method), answer: this.#answerOf(sent, method) }
    const timer = this.#clock.setTimer(this.#options.requestTimeoutMs, () => sent.destroy(timeoutError))
    sent.end(body)
    return { sent, answer: answer.finally(() => timer.clear()) }
  }

  #timeoutError(method: string): ChainError {
    return this.#unreachable(method, `no answer in ${this.#options.requestTimeoutMs} ms`)
  }

  #answerOf(sent: ClientRequest, method: string): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      sent.once('error', reject)
      sent.once('response', (response) => {
        this.#read(response, method).then(resolve, reject)
      })
    })
  }

  async #read(response: IncomingMessage, method: string): Promise<string> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > ANSWER_BYTES_MAX) {
        response.destroy()
        throw this.#badAnswer(method, `more than ${ANSWER_BYTES_MAX} bytes`)
      }
      chunks.push(chunk)
    }
    const text = Buffer.concat(chunks).toString('utf8')
    const status = response.statusCode ?? 0
    // Some endpoints send a JSON-RPC error with a status of 400; the error says more than the status.
    if (status < 300 || text.startsWith('{')) return text
    if (status === 429 || status >= 500) throw this.#unreachable(method, `HTTP status ${status}`)
    throw new ChainError(
      'CHAIN_REFUSED',
      `the RPC endpoint ${this.endpoint} refused ${method}: HTTP status ${status}`,
      {
        details: { endpoint: this.endpoint, method, status },
      },
    )
  }
}

/**
 * Node's own HTTP, asked for by name: `import` of node:http evaluates all of its exports, and with them a second HTTP
 * client and HTTP/2, 13 MB; TLS is another 7 MB that a plain endpoint does without.
 */
function httpModule(url: URL): typeof import('node:http') | typeof import('node:https') {
  return url.protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
}

function isConnectionReset(error: unknown): boolean {
  return isRecord(error) && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}

function reasonOf(error: unknown): string {
  if (isRecord(error) && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}
