import { createHash } from 'node:crypto'
import { type Logger, messageOf, silentLogger } from '@stead/core'
import type { CallInput, Limits, Outcome } from '../call.ts'
import { checkCall } from '../check-call.ts'
import { METER_VERSION } from '../cost-table.ts'
import { SandboxError, type SandboxErrorCode } from '../errors.ts'
import type { Executor, IsolationReport, LoadedModule, LoadOptions, RunOptions, Wall } from '../executor.ts'
import { type ExecutorOptions, type ExecutorOptionsInput, parseExecutorOptions } from '../options.ts'
import type { ModuleFacts } from '../prepare.ts'
import { readOutcome, writeCall, writeLoad } from './call-codec.ts'
import { ChildLink } from './child-link.ts'
import { ToChild, ToParent } from './frames.ts'
import { findBubblewrap } from './launch.ts'
import { markAsMemoryVictim } from './memory-victim.ts'
import { HeldModule, type ModuleKey, ModuleShelf, type ShelfEntry } from './module-shelf.ts'
import { type WireReader, WireWriter } from './wire-buffer.ts'

/** Delay before the first restart; it doubles with each start that comes to nothing. */
const RESTART_DELAY_MS = 50
const RESTART_DELAY_MS_MAX = 10_000
/** Room beside a call's input: head, paths, arguments. */
const CALL_HEAD_BYTES = 1024

interface PendingCall {
  readonly entry: ShelfEntry
  readonly bytes: number
  readonly resolve: (outcome: Outcome) => void
}

/**
 * Runs guests in worker threads of a separate process that has no files, network, programs or environment. A guest that
 * passes its time is ended with its worker; a process that dies or hangs is killed and replaced, and what was running in
 * it is reported as this node's fault.
 */
export class ProcessExecutor implements Executor {
  readonly meterVersion: number = METER_VERSION
  readonly #options: ExecutorOptions
  readonly #logger: Logger
  readonly #calls = new Map<number, PendingCall>()
  readonly #shelf: ModuleShelf
  readonly #out = new WireWriter(16 * 1024)
  #link: ChildLink | undefined
  /** Settles when the child is ready, or could not be started. */
  #starting: Promise<ChildLink> | undefined
  #walls: readonly Wall[] = []
  #bubblewrap: Wall = { name: 'bubblewrap', up: false, detail: 'not started' }
  #isStopped = true
  #nextCallId = 1
  #bytesInFlight = 0
  #failedStarts = 0
  #cancelRestart: () => void = () => undefined

  /** @throws SandboxError SANDBOX_BAD_OPTION */
  constructor(components: { readonly logger?: Logger } = {}, options: ExecutorOptionsInput = {}) {
    this.#logger = components.logger ?? silentLogger
    this.#options = parseExecutorOptions(options)
    this.#shelf = new ModuleShelf(this.#options)
  }

  async start(): Promise<void> {
    if (!this.#isStopped) return
    this.#isStopped = false
    this.#starting = this.#tryLaunch()
    try {
      await this.#starting
    } catch (error) {
      this.#isStopped = true
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelRestart()
    const link = this.#link
    this.#link = undefined
    link?.kill('the executor was stopped')
    await link?.whenGone()
    await this.#starting?.catch((error: unknown) => this.#logger.debug('start ended', { error: messageOf(error) }))
  }

  async load(moduleBytes: Uint8Array, { floats = 'raw' }: LoadOptions = {}): Promise<LoadedModule> {
    this.#checkRunning()
    const moduleId = createHash('sha256').update(moduleBytes).digest('hex')
    const key = { moduleId, floats }
    const bytes = this.#shelf.find(key)?.bytes ?? new Uint8Array(moduleBytes)
    const entry = await this.#use(key, bytes)
    try {
      return new HeldModule(moduleId, await entry.ready, bytes)
    } finally {
      this.#release(entry)
    }
  }

  async run(module: LoadedModule, call: CallInput, limits: Limits, options: RunOptions = {}): Promise<Outcome> {
    this.#checkRunning()
    const bytes = HeldModule.bytesOf(module)
    if (bytes === undefined)
      throw new SandboxError('SANDBOX_BAD_CALL', `module ${module.moduleId} was not loaded by this kind of executor`)
    checkCall(module.kinds, call, limits)
    const { signal } = options
    if (isAborted(signal)) throw cancelled()
    const size = sizeOf(call)
    this.#reserve(size)
    try {
      const known = this.#shelf.find(module)
      if (known?.isReady === true) return await this.#begin(known, { call, limits }, { size, signal })
      // Used from the load to the answer: in between, other loads could put it out of the child.
      const entry = await this.#use(module, bytes)
      try {
        await entry.ready
        return await this.#begin(entry, { call, limits }, { size, signal })
      } finally {
        this.#release(entry)
      }
    } catch (error) {
      const code = error instanceof SandboxError ? error.code : undefined
      if (code === 'SANDBOX_EXECUTOR_FAILED') return died(messageOf(error))
      throw error
    } finally {
      this.#bytesInFlight -= size
    }
  }

  isolation(): IsolationReport {
    const isRunning = this.#link !== undefined
    const process: Wall = {
      name: 'separate-process',
      up: isRunning,
      detail: isRunning ? 'guests run in worker threads of their own process' : 'the executor is not running',
    }
    return { walls: [process, ...this.#walls, this.#bubblewrap] }
  }

  #checkRunning(): void {
    if (this.#isStopped) throw new SandboxError('SANDBOX_STOPPED', 'the executor is not running')
  }

  #reserve(size: number): void {
    const { callsInFlightMax, bytesInFlightMax } = this.#options
    if (size > bytesInFlightMax)
      throw new SandboxError(
        'SANDBOX_BAD_CALL',
        `the call has ${size} bytes of input; this executor takes ${bytesInFlightMax}`,
        {
          details: { haveBytes: size, allowedBytes: bytesInFlightMax },
        },
      )
    if (this.#calls.size >= callsInFlightMax || this.#bytesInFlight + size > bytesInFlightMax)
      throw new SandboxError(
        'SANDBOX_BUSY',
        `${this.#calls.size} calls of ${this.#bytesInFlight} bytes are in flight`,
        {
          details: {
            calls: this.#calls.size,
            callsMax: callsInFlightMax,
            bytes: this.#bytesInFlight,
            bytesMax: bytesInFlightMax,
          },
        },
      )
    this.#bytesInFlight += size
  }

  /** The module's entry, asked of the child if it is not there; counted as used until {@link #release}. */
  async #use(module: ModuleKey, bytes: Uint8Array): Promise<ShelfEntry> {
    const link = this.#link ?? (await this.#starting)
    this.#checkRunning()
    if (link === undefined) throw new SandboxError('SANDBOX_EXECUTOR_FAILED', 'the executor process is being restarted')
    let entry = this.#shelf.find(module)
    if (entry === undefined) {
      entry = this.#shelf.add(module, bytes)
      const frame = this.#out.beginFrame(ToChild.load)
      this.#out.u32(entry.handle)
      this.#out.u32(this.#options.loadTimeoutMs)
      writeLoad(this.#out, { floats: module.floats, bytes })
      this.#out.endFrame(frame)
      link.send(this.#out.take())
    }
    entry.users++
    return entry
  }

  #release(entry: ShelfEntry): void {
    entry.users--
    for (const { handle } of this.#shelf.evict()) {
      const frame = this.#out.beginFrame(ToChild.unload)
      this.#out.u32(handle)
      this.#out.endFrame(frame)
      this.#link?.send(this.#out.take())
    }
  }

  /** Sends a call for a module that was loaded, unless the caller or the child has gone meanwhile. */
  async #begin(
    entry: ShelfEntry,
    wire: { readonly call: CallInput; readonly limits: Limits },
    caller: { readonly size: number; readonly signal: AbortSignal | undefined },
  ): Promise<Outcome> {
    if (isAborted(caller.signal)) throw cancelled()
    if (!entry.isReady || this.#link === undefined) return died('it ended before the call could begin')
    return await this.#send(entry, wire, caller)
  }

  #send(
    entry: ShelfEntry,
    wire: { readonly call: CallInput; readonly limits: Limits },
    { size, signal }: { readonly size: number; readonly signal: AbortSignal | undefined },
  ): Promise<Outcome> {
    const id = this.#freeCallId()
    const frame = this.#callFrame(id, entry, wire)
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        if (!this.#finish(id)) return
        const frame = this.#out.beginFrame(ToChild.cancel)
        this.#out.u32(id)
        this.#out.endFrame(frame)
        this.#link?.send(this.#out.take())
        reject(cancelled())
      }
      signal?.addEventListener('abort', abort, { once: true })
      const settle = (outcome: Outcome): void => {
        signal?.removeEventListener('abort', abort)
        resolve(outcome)
      }
      entry.users++
      this.#calls.set(id, { entry, bytes: size, resolve: settle })
      this.#link?.send(frame)
    })
  }

  /** Written whole before anything is noted: what cannot be written is its caller's fault alone. */
  #callFrame(
    id: number,
    { handle }: ShelfEntry,
    wire: { readonly call: CallInput; readonly limits: Limits },
  ): Uint8Array<ArrayBuffer> {
    const frame = this.#out.beginFrame(ToChild.call)
    try {
      this.#out.u32(id)
      this.#out.u32(handle)
      this.#out.u32(wire.limits.timeMs)
      writeCall(this.#out, wire)
    } catch (error) {
      this.#out.dropFrame(frame)
      throw error
    }
    this.#out.endFrame(frame)
    return this.#out.take()
  }

  #freeCallId(): number {
    do this.#nextCallId = (this.#nextCallId + 1) >>> 0
    while (this.#calls.has(this.#nextCallId))
    return this.#nextCallId
  }

  /** Takes a call off the books; undefined when it was off already. */
  #finish(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    if (call === undefined) return undefined
    this.#calls.delete(id)
    this.#release(call.entry)
    return call
  }

  #frame(kind: number, reader: WireReader): void {
    if (kind === ToParent.outcome) {
      const id = reader.u32()
      const outcome = readOutcome(reader)
      this.#failedStarts = 0
      // Not found: it was cancelled while its outcome was on the way.
      this.#finish(id)?.resolve(outcome)
      return
    }
    const entry = this.#shelf.byHandle(reader.u32())
    const answer = JSON.parse(reader.text()) as LoadAnswer
    if (entry === undefined) return
    if (answer.facts !== undefined) {
      entry.isReady = true
      entry.settle.resolve(answer.facts)
      return
    }
    this.#shelf.remove(entry)
    const { code, message, details } = answer.error
    entry.settle.reject(new SandboxError(code, message, { details }))
  }

  /** Starts the process: inside bubblewrap when it is wanted and works. */
  async #tryLaunch(): Promise<ChildLink> {
    const { bubblewrap } = this.#options
    const name = 'bubblewrap'
    const path = bubblewrap === 'off' ? undefined : findBubblewrap()
    if (path !== undefined) {
      try {
        const link = await this.#open(path)
        this.#bubblewrap = {
          name,
          up: true,
          detail: `own namespaces, read-only root with nothing but system libraries (${path})`,
        }
        this.#walls = this.#walls.map((wall) =>
          wall.name === 'no-network' && !wall.up
            ? { ...wall, up: true, detail: 'own network namespace (bubblewrap)' }
            : wall,
        )
        return link
      } catch (error) {
        if (bubblewrap === 'required' || this.#isStopped) throw error
        this.#bubblewrap = {
          name,
          up: false,
          detail: `installed but does not work here: ${messageOf(error).slice(0, 300)}`,
        }
      }
    } else {
      const detail = bubblewrap === 'off' ? 'switched off by the option bubblewrap' : 'bwrap is not installed'
      this.#bubblewrap = { name, up: false, detail }
      if (bubblewrap === 'required')
        throw new SandboxError('SANDBOX_EXECUTOR_FAILED', `bubblewrap is required, but ${detail}`)
    }
    return await this.#open(undefined)
  }

  async #open(bubblewrap: string | undefined): Promise<ChildLink> {
    let isReady = false
    const link: ChildLink = new ChildLink(
      {
        frame: (kind, reader) => this.#frame(kind, reader),
        isOwed: () => this.#calls.size > 0 || this.#shelf.isLoading,
        died: (reason) => {
          if (isReady) this.#died(link, reason)
        },
      },
      this.#options,
      bubblewrap,
    )
    const walls = await link.whenReady(this.#options.startTimeoutMs)
    this.#walls = [...walls, markAsMemoryVictim(link.pid)]
    if (this.#isStopped) {
      link.kill('the executor was stopped')
      throw new SandboxError('SANDBOX_STOPPED', 'the executor was stopped while it started')
    }
    if (link.isDead)
      throw new SandboxError('SANDBOX_EXECUTOR_FAILED', 'the executor process died as soon as it was ready')
    isReady = true
    this.#link = link
    return link
  }

  /** The process is gone: everything in it ends as this node's fault, and a new one is started. */
  #died(link: ChildLink, reason: string): void {
    if (this.#link === link) this.#link = undefined
    for (const entry of this.#shelf.clear()) {
      entry.isReady = false
      entry.settle.reject(new SandboxError('SANDBOX_EXECUTOR_FAILED', `the executor process died: ${reason}`))
      entry.ready.catch(() => undefined)
    }
    for (const id of [...this.#calls.keys()]) this.#finish(id)?.resolve(died(reason))
    if (this.#isStopped) return
    this.#logger.warn('executor process died and is restarted', { reason })
    this.#restart()
  }

  /** Starts the process again after a while; calls made meanwhile wait for that one attempt. */
  #restart(): void {
    const delayMs = Math.min(RESTART_DELAY_MS * 2 ** this.#failedStarts, RESTART_DELAY_MS_MAX)
    this.#failedStarts++
    const starting = new Promise<ChildLink>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#tryLaunch().then(resolve, reject)
      }, delayMs)
      this.#cancelRestart = () => {
        clearTimeout(timer)
        reject(new SandboxError('SANDBOX_STOPPED', 'the executor was stopped'))
      }
    })
    this.#starting = starting
    starting.catch((error: unknown) => {
      this.#logger.warn('executor process could not be restarted', { error: messageOf(error) })
      if (!this.#isStopped) this.#restart()
    })
  }
}

type LoadAnswer =
  | { readonly facts: ModuleFacts; readonly error: undefined }
  | {
      readonly facts: undefined
      readonly error: {
        readonly code: SandboxErrorCode
        readonly message: string
        readonly details: Record<string, string | number>
      }
    }

function sizeOf(call: CallInput): number {
  let size = CALL_HEAD_BYTES + call.input.length + call.stdin.length
  for (const text of call.args) size += text.length
  for (const [path, content] of call.files) size += path.length + content.length
  return size
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function cancelled(): SandboxError {
  return new SandboxError('SANDBOX_ABORTED', 'the call was cancelled')
}

function died(reason: string): Outcome {
  return { status: 'node-fault', code: 'executor-died', message: `the executor process died: ${reason}` }
}
