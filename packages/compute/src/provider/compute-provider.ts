import {
  type Clock,
  type Fuel,
  hasCode,
  type IncomingRequest,
  isSteadError,
  type Logger,
  type Metrics,
  type MicroUsd,
  type Network,
  type Size,
  type SteadError,
} from '@stead/core'
import type { Admission, MarketProvider, Refusal, SellerQuote, SellerRequest } from '@stead/market'
import type { Quote } from '@stead/protocol'
import type { CallInput, Executor, LoadedModule, Outcome } from '@stead/sandbox'
import type { BlobExchange } from '../blobs/blob-exchange.ts'
import { ByteGate } from '../blobs/byte-gate.ts'
import { ComputeError } from '../errors.ts'
import { type Evidence, evidenceOf } from '../evidence.ts'
import { floatsOf } from '../floats.ts'
import {
  ANSWER_INLINE_BYTES_MAX,
  COMPUTE_MESSAGE_BYTES_MAX,
  COMPUTE_PROTOCOL,
  type RunTask,
  runTaskSchema,
  taskAnswerSchema,
} from '../messages.ts'
import { amountOf } from '../meter.ts'
import { type ComputeProviderInput, type ComputeProviderOptions, computeProviderOptionsSchema } from '../options.ts'
import { isAboutTask } from '../sandbox-verdicts.ts'
import { type ComputeTerms, computeNeedSchema, computeTermsSchema, termsMismatch } from '../terms.ts'
import { ModuleShelf, type ShelvedModule } from './module-shelf.ts'
import { ProviderMetrics, type ProviderTaskCounts } from './provider-metrics.ts'
import { termsOf } from './provider-terms.ts'
import { RunSlots } from './run-slots.ts'
import { type CheckedTask, callOf, checkTask, isComplete } from './task-call.ts'

/** How long a task may wait for a place beyond its own time, before its payer is told that it timed out. */
const QUEUE_TIME_MS = 600_000

/** Tasks whose input is fetched while all places are busy. */
const INPUTS_AHEAD = 2

/** What a provider stands on. */
export interface ComputeProviderComponents {
  readonly network: Network
  readonly market: MarketProvider
  /** Started and stopped by whoever made it. */
  readonly executor: Executor
  readonly blobs: BlobExchange
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  /** Called when somebody was given a quote, so that what takes time to start can start before the first task. */
  readonly onQuoted?: () => void
}

/** What a provider does with new work; `stopped` before start and after stop. */
export type ComputeProviderState = 'stopped' | 'running' | 'paused' | 'finishing'

/** A provider's state in numbers. */
export interface ComputeProviderStatus {
  readonly state: ComputeProviderState
  /** Why it is paused, in the words of whoever paused it. */
  readonly reason: string | undefined
  readonly running: number
  /** Accepted and not running yet. */
  readonly waiting: number
  readonly concurrency: number
  readonly tasks: ProviderTaskCounts
}

interface CancellableRequest extends IncomingRequest {
  end(): void
}

/** Sells compute: quotes, takes tasks on paid channels, runs them in the sandbox, bills what is a result. */
export class ComputeProvider {
  readonly #network: Network
  readonly #market: MarketProvider
  readonly #executor: Executor
  readonly #blobs: BlobExchange
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #options: ComputeProviderOptions
  readonly #terms: ComputeTerms
  readonly #slots: RunSlots
  /** Room for inputs that have to be fetched. */
  readonly #inputs: ByteGate
  readonly #shelf: ModuleShelf
  readonly #metrics: ProviderMetrics
  readonly #onQuoted: (() => void) | undefined
  readonly #quotedTerms: WeakMap<Quote, ComputeTerms> = new WeakMap()
  /** One for each request in work. */
  readonly #running: Set<AbortController> = new Set()
  #state: ComputeProviderState = 'stopped'
  #reason: string | undefined

  constructor(components: ComputeProviderComponents, options: ComputeProviderInput = {}) {
    this.#options = Object.freeze(computeProviderOptionsSchema.parse(options))
    this.#network = components.network
    this.#market = components.market
    this.#executor = components.executor
    this.#blobs = components.blobs
    this.#clock = components.clock
    this.#logger = components.logger
    this.#terms = termsOf(this.#options, components.executor.meterVersion)
    this.#slots = new RunSlots(this.#options)
    const { concurrency, inputBytesMax } = this.#options
    this.#inputs = new ByteGate((concurrency + INPUTS_AHEAD) * inputBytesMax)
    this.#shelf = new ModuleShelf(components.executor, this.#options.modulesLoadedMax)
    this.#metrics = new ProviderMetrics(components.metrics)
    this.#onQuoted = components.onQuoted
  }

  /** Registers with the market and serves `/stead/compute/1`. Call it once, after the network's and market's start. */
  async start(): Promise<void> {
    this.#state = 'running'
    this.#market.sell({
      resource: 'compute',
      terms: () => computeTermsSchema.encodeDocument(this.#terms),
      quote: (request) => this.#quote(request),
    })
    const limits = {
      messageBytesMax: COMPUTE_MESSAGE_BYTES_MAX,
      // More than are accepted, so that what is too much is refused by name and not by the network.
      inFlightPerPeerMax: this.#slots.acceptedPerOwnerMax + 16,
      handlerTimeoutMs: this.#options.timeMsMax + this.#options.pullTimeoutMs + QUEUE_TIME_MS,
    }
    this.#network.handle(COMPUTE_PROTOCOL, limits, (request) => this.#handle(request))
  }

  /** Ends all tasks at once; none of them is billed. */
  async stop(): Promise<void> {
    this.#state = 'stopped'
    const reason = new ComputeError('COMPUTE_STOPPED', 'the provider was stopped')
    for (const abort of this.#running) abort.abort(reason)
    await this.#slots.idle()
  }

  /** Takes no new work until {@link resume}; what runs goes on. */
  pause(reason: string): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    this.#reason = reason
  }

  /** Takes work again after {@link pause}. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    this.#reason = undefined
  }

  /** Takes no new work any more; resolves when all accepted tasks are done. */
  async finish(): Promise<void> {
    if (this.#state !== 'stopped') this.#state = 'finishing'
    await this.#slots.idle()
  }

  /** The terms for an offer as DAG-CBOR; undefined while nothing is for sale. */
  offerTerms(): Uint8Array | undefined {
    return this.#state === 'running' ? computeTermsSchema.encodeDocument(this.#terms) : undefined
  }

  /** What the provider holds in memory, with the most that it may. */
  sizes(): readonly Size[] {
    return [...this.#slots.sizes(), ...this.#shelf.sizes()]
  }

  /** State and counts. */
  status(): ComputeProviderStatus {
    const { running, accepted } = this.#slots
    return {
      state: this.#state,
      reason: this.#reason,
      running,
      waiting: accepted - running,
      concurrency: this.#options.concurrency,
      tasks: this.#metrics.counts(),
    }
  }

  #quote(request: SellerRequest): SellerQuote | Refusal {
    const closed = this.#closedRefusal()
    if (closed !== undefined) return closed
    const need = computeNeedSchema.decodeDocument(request.need)
    const mismatch = termsMismatch(this.#terms, need)
    if (mismatch !== undefined) {
      const { limit, need: wanted, have } = mismatch
      const message = `${limit}: the job needs ${wanted}, this node allows ${have}`
      const code = limit === 'meter-version' ? 'unsupported' : 'limit'
      return { code, message, details: { limit, need: wanted, have } }
    }
    this.#onQuoted?.()
    return {
      terms: computeTermsSchema.encodeDocument(this.#terms),
      concurrency: this.#options.concurrency,
      isWarm: this.#shelf.has(need.module),
      leastUnitMicroUsd: amountOf(this.#terms, 0n as Fuel),
    }
  }

  #closedRefusal(): Refusal | undefined {
    if (this.#state === 'running') return undefined
    if (this.#state === 'paused') {
      const reason = this.#reason ?? 'paused'
      return { code: 'paused', message: `the operator has paused this node: ${reason}`, details: { reason } }
    }
    return { code: 'finishing', message: 'this node takes no new work', details: {} }
  }

  async #handle(incoming: IncomingRequest): Promise<Uint8Array> {
    const request = this.#cancellable(incoming)
    try {
      const message = runTaskSchema.decodeMessage(request.payload)
      const waking = this.#market.wake({ peer: request.peer, channel: message.channel })
      if (waking !== undefined) await waking
      const admission = this.#admit(request, message)
      try {
        const terms = this.#termsOf(this.#market.quoteOf(message.channel))
        const checked = checkTask(request.peer, message, terms)
        return await this.#perform(request, { message, checked, admission })
      } finally {
        // Does nothing after a delivery.
        admission.release()
        this.#slots.dismiss(request.peer)
      }
    } catch (error) {
      const refusal = this.#refusalOf(error, request)
      this.#metrics.refused(isSteadError(refusal) ? refusal.code : 'internal')
      throw refusal
    } finally {
      request.end()
    }
  }

  /** The request with a signal that also ends with this provider; AbortSignal.any would cost more than the rest of the handling. */
  #cancellable(incoming: IncomingRequest): CancellableRequest {
    const abort = new AbortController()
    const cancel = (): void => abort.abort(incoming.signal.reason)
    if (incoming.signal.aborted) cancel()
    else incoming.signal.addEventListener('abort', cancel, { once: true })
    this.#running.add(abort)
    const end = (): void => {
      incoming.signal.removeEventListener('abort', cancel)
      this.#running.delete(abort)
    }
    return { peer: incoming.peer, payload: incoming.payload, signal: abort.signal, end }
  }

  /** @throws ComputeError COMPUTE_BUSY, COMPUTE_PAUSED, COMPUTE_FINISHING and MarketError as MarketProvider.admit */
  #admit(request: IncomingRequest, message: RunTask): Admission {
    if (this.#state === 'paused')
      throw new ComputeError('COMPUTE_PAUSED', `the operator has paused this node: ${this.#reason ?? 'paused'}`)
    if (this.#state !== 'running') throw new ComputeError('COMPUTE_FINISHING', 'this node takes no new work')
    if (!this.#slots.accept(request.peer)) {
      const haveTasks = this.#slots.acceptedPerOwnerMax
      const text = `this node runs and queues at most ${haveTasks} tasks of one payer, and has its fill`
      throw new ComputeError('COMPUTE_BUSY', text, { details: { needTasks: haveTasks + 1, haveTasks } })
    }
    try {
      const { channel, delivery, maximumMicroUsd } = message
      return this.#market.admit({ peer: request.peer, channel, delivery, maximumMicroUsd })
    } catch (error) {
      this.#slots.dismiss(request.peer)
      throw error
    }
  }

  async #perform(
    request: IncomingRequest,
    work: { readonly message: RunTask; readonly checked: CheckedTask; readonly admission: Admission },
  ): Promise<Uint8Array> {
    const { checked, admission } = work
    const { signal } = request
    const module = this.#shelf.peek(shelvedOf(checked)) ?? (await this.#load(checked, signal))
    let startedMs = 0
    const outcome = await this.#withInput(checked, signal, async (call) => {
      await this.#slots.enter(request.peer, signal)
      startedMs = this.#clock.monotonicMs()
      try {
        return await this.#executor.run(module, call, checked.task.limits, { signal })
      } finally {
        this.#slots.leave(this.#clock.monotonicMs() - startedMs)
      }
    })
    const evidence = billable(checked, outcome)
    const amountMicroUsd = amountOf(checked.terms, evidence.record.fuel)
    await admission.deliver({
      delivery: work.message.delivery,
      item: checked.id,
      evidence: evidence.id,
      quantity: evidence.record.fuel,
      amountMicroUsd,
    })
    this.#metrics.billed(evidence.record.status, evidence.record.fuel, this.#clock.monotonicMs() - startedMs)
    return this.#answer(request, evidence, amountMicroUsd)
  }

  /** Only few tasks at once may hold inputs that did not come with their request, since each may hold very much. */
  async #withInput(
    checked: CheckedTask,
    signal: AbortSignal,
    run: (call: CallInput) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { pullTimeoutMs } = this.#options
    if (isComplete(checked)) return run(await callOf(checked, this.#blobs, { pullTimeoutMs, signal }))
    const leave = await this.#inputs.enter(checked.terms.inputBytesMax, signal)
    try {
      return await run(await callOf(checked, this.#blobs, { pullTimeoutMs, signal }))
    } finally {
      leave()
    }
  }

  #answer(request: IncomingRequest, evidence: Evidence, amountMicroUsd: MicroUsd): Uint8Array {
    const blobs: Uint8Array[] = []
    let roomBytes = ANSWER_INLINE_BYTES_MAX
    for (const [id, bytes] of evidence.blobs) {
      if (bytes.length <= roomBytes) {
        roomBytes -= bytes.length
        blobs.push(bytes)
      } else {
        this.#blobs.offer(request.peer, id, bytes)
      }
    }
    return taskAnswerSchema.encodeMessage({ record: evidence.bytes, blobs, amountMicroUsd })
  }

  #load(checked: CheckedTask, signal: AbortSignal): Promise<LoadedModule> {
    const id = checked.task.module
    const { moduleBytesMax: bytesMax } = checked.terms
    const { cache } = this.#blobs
    return this.#shelf.load(shelvedOf(checked), async () => {
      const here = checked.inline.get(id) ?? (await cache.get(id))
      if (here !== undefined) return here
      const timeoutMs = this.#options.pullTimeoutMs
      const bytes = await this.#blobs.pull(checked.peer, id, { bytesMax, timeoutMs, signal })
      // On disk as well, so that the node is warm after a restart.
      cache.put(bytes).catch((error: unknown) => this.#logger.warn('a module was not kept on disk', { id, error }))
      return bytes
    })
  }

  #termsOf(quote: Quote): ComputeTerms {
    let terms = this.#quotedTerms.get(quote)
    if (terms === undefined) {
      terms = computeTermsSchema.decodeDocument(quote.terms)
      this.#quotedTerms.set(quote, terms)
    }
    return terms
  }

  /** The error that the payer is told: what stopped the task, not how the parts here say it to each other. */
  #refusalOf(error: unknown, { signal }: CancellableRequest): unknown {
    if (hasCode(signal.reason, 'COMPUTE_STOPPED')) return signal.reason
    if (signal.aborted) return new ComputeError('COMPUTE_CANCELLED', 'the task was cancelled', { cause: error })
    if (!isSteadError(error)) return error
    return this.#sandboxRefusal(error)
  }

  #sandboxRefusal(error: SteadError): SteadError {
    if (error.code === 'SANDBOX_BUSY') return new ComputeError('COMPUTE_BUSY', error.message, { cause: error })
    if (!error.code.startsWith('SANDBOX_') || isAboutTask(error.code)) return error
    this.#logger.error('the executor failed', { error })
    const details = { fault: error.code }
    return new ComputeError('COMPUTE_NODE_FAULT', `the node's executor failed: ${error.code}`, {
      details,
      cause: error,
    })
  }
}

function shelvedOf({ task }: CheckedTask): ShelvedModule {
  return { id: task.module, floats: floatsOf(task) }
}

/** @throws ComputeError COMPUTE_TIMED_OUT, COMPUTE_NODE_FAULT for outcomes that are not billed */
function billable(checked: CheckedTask, outcome: Outcome): Evidence {
  const evidence = evidenceOf(checked.id, outcome)
  if (evidence !== undefined) return evidence
  if (outcome.status === 'node-fault') {
    const details = { fault: outcome.code }
    throw new ComputeError('COMPUTE_NODE_FAULT', `the node failed while it ran the task: ${outcome.code}`, { details })
  }
  const allowedMs = checked.task.limits.timeMs
  const message = `the task did not end within its ${allowedMs} ms`
  throw new ComputeError('COMPUTE_TIMED_OUT', message, { details: { allowedMs } })
}
