import { STACK_BUDGET_BYTES } from '@stead/sandbox'
import { glueGlobals, nativeNames } from './engine-glue.ts'
import type { buildExports } from './link-engine.ts'
import type { InstanceState } from './snapshot.ts'
import { type WasmGlobal, type WasmMemory, webAssembly } from './webassembly.ts'

type EngineFunction = (...parameters: number[]) => number
type EngineExports = Readonly<Record<(typeof buildExports)[number], EngineFunction>> & {
  readonly memory: WasmMemory
  readonly __stack_pointer: WasmGlobal
} & Readonly<Record<string, WasmGlobal>>

/**
 * How deep JavaScript may call, as a share of the sandbox's stack budget: takeStackFrames lets the engine take about as
 * many bytes of its own stack (1 MiB) as the sandbox counts. With this much, every kind of recursion that the tests know
 * ends in a RangeError before the budget does.
 */
const STACK_SHARE = 0.66
/** Longest that the top level of a task may run during the build. */
const TOP_LEVEL_TIMEOUT_MS = 30_000
/** Memory of the top level during the build: a module may have 32 MiB, and this machine has other work. */
const TOP_LEVEL_BYTES = 268_435_456
const NO_LIMIT = -1
/** Bytes of a JSContext that are searched for the state of Math.random. */
const CONTEXT_BYTES = 1_024
const RANDOM_TRIALS = 4
const EVAL_GLOBAL = 0
const EVAL_MODULE = 1
const PROMISE_PENDING = 0
const PROMISE_REJECTED = 2
const NATIVES = '__stead'

const Errno = { success: 0, badDescriptor: 8, notSupported: 58 } as const

/** What went wrong while a bundle's top level ran. */
export class TopLevelError extends Error {
  /** The engine's stack, a line for each frame; empty when what was thrown has none. */
  readonly frames: string

  constructor(message: string, frames: string) {
    super(message)
    this.frames = frames
  }
}

/**
 * The JavaScript engine in this process, for as long as a bundle takes to prepare. It sees no clock (always 1970) and no
 * chance (the same numbers each time), so that the same bundle always ends in the same state.
 */
export class EngineInstance {
  readonly #exports: EngineExports
  readonly #natives: number
  #deadlineMs = 0

  constructor(linked: Uint8Array<ArrayBuffer>, onLog: (text: string) => void) {
    const instance = new webAssembly.Instance(new webAssembly.Module(linked), {
      wasi_snapshot_preview1: this.#host(onLog),
    })
    this.#exports = instance.exports as unknown as EngineExports
    this.#exports._initialize()
    if (this.#exports.qjs_init() !== 0) throw new TypeError('the JavaScript engine does not start')
    this.#global(glueGlobals.context).value = this.#exports.qjs_get_context_ptr()
    this.#global(glueGlobals.randomState).value = this.#findRandomState()
    this.#global(glueGlobals.undefined).value = this.#value(this.#exports.qjs_get_undefined())
    this.#exports.qjs_set_max_stack_size(Math.floor(STACK_BUDGET_BYTES * STACK_SHARE))
    this.#natives = this.#exports.qjs_new_object()
    for (const name of nativeNames) {
      const address = this.#text(name)
      this.#setProperty(this.#natives, name, this.#exports.qjs_new_host_function(address, name.length, 0))
    }
    this.#setProperty(this.#exports.qjs_get_global(), NATIVES, this.#natives)
  }

  /**
   * Runs a bundle's top level.
   * @throws TopLevelError when it throws, never settles, or takes more than 30 s or 256 MiB
   */
  evaluate(source: string, fileName: string): void {
    const { qjs_eval, qjs_is_exception, qjs_set_interrupt_handler, qjs_execute_pending_job } = this.#exports
    this.#deadlineMs = performance.now() + TOP_LEVEL_TIMEOUT_MS
    qjs_set_interrupt_handler(1)
    this.#exports.qjs_set_memory_limit(TOP_LEVEL_BYTES)
    const bytes = new TextEncoder().encode(source)
    const code = this.#bytes(bytes)
    const name = this.#text(fileName)
    const promise = qjs_eval(code, bytes.length, name, EVAL_MODULE)
    // What was freed would stay in the snapshot as garbage.
    new Uint8Array(this.#exports.memory.buffer, code, bytes.length).fill(0)
    this.#exports.free(code)
    this.#exports.free(name)
    if (qjs_is_exception(promise) !== 0) throw this.#thrown(this.#exports.qjs_get_exception())
    while (this.#exports.qjs_is_job_pending() !== 0) {
      if (qjs_execute_pending_job() < 0) throw this.#thrown(this.#exports.qjs_get_exception())
    }
    qjs_set_interrupt_handler(0)
    this.#exports.qjs_set_memory_limit(NO_LIMIT)
    const state = this.#exports.qjs_promise_state(promise)
    if (state === PROMISE_REJECTED) throw this.#thrown(this.#exports.qjs_promise_result(promise))
    if (state === PROMISE_PENDING) throw new TopLevelError('the top level awaits something that never comes', '')
  }

  /** The state after {@link evaluate}, ready to be called. @throws TypeError when the guest library has not answered */
  state(): InstanceState {
    for (const [name, property] of [
      [glueGlobals.start, 'start'],
      [glueGlobals.finish, 'finish'],
    ] as const) {
      const found = this.#property(this.#natives, property)
      if (this.#exports.qjs_is_undefined(found) !== 0) throw new TypeError(`the guest library has no ${property}`)
      this.#global(name).value = this.#value(found)
    }
    this.#exports.qjs_run_gc()
    const memory = new Uint8Array(this.#exports.memory.buffer).slice()
    const globals: Record<string, number | bigint> = {}
    for (const [name, entry] of Object.entries(this.#exports)) {
      if (entry instanceof webAssembly.Global) globals[name] = entry.value
    }
    return { memory, globals }
  }

  #host(onLog: (text: string) => void): Record<string, (...parameters: number[]) => number> {
    const unsupported = (): number => Errno.notSupported
    return {
      clock_time_get: (_clock, _precision, result = 0) => {
        this.#view().setBigUint64(result, 0n, true)
        return Errno.success
      },
      random_get: (address = 0, length = 0) => {
        new Uint8Array(this.#exports.memory.buffer, address, length).fill(0)
        return Errno.success
      },
      sched_yield: () => {
        if (performance.now() > this.#deadlineMs)
          throw new TopLevelError(`the top level takes longer than ${TOP_LEVEL_TIMEOUT_MS / 1000} seconds`, '')
        return Errno.success
      },
      fd_write: (_descriptor, vectors = 0, count = 0, written = 0) => {
        let total = 0
        for (let index = 0; index < count; index++) {
          const address = this.#view().getUint32(vectors + index * 8, true)
          const length = this.#view().getUint32(vectors + index * 8 + 4, true)
          onLog(new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer, address, length)))
          total += length
        }
        this.#view().setUint32(written, total, true)
        return Errno.success
      },
      fd_read: () => Errno.badDescriptor,
      fd_close: unsupported,
      fd_fdstat_get: unsupported,
      fd_seek: unsupported,
      args_sizes_get: unsupported,
      args_get: unsupported,
      proc_exit: unsupported,
    }
  }

  /** The address of the one word that every Math.random() changes as a whole and that alone decides the next number. */
  #findRandomState(): number {
    const context = this.#exports.qjs_get_context_ptr()
    let candidates = Array.from({ length: CONTEXT_BYTES / 8 }, (_, index) => context + index * 8)
    for (let trial = 0; trial < RANDOM_TRIALS; trial++) {
      const before = candidates.map((address) => this.#value(address))
      this.#run('Math.random()')
      candidates = candidates.filter((address, index) => {
        const changed = this.#value(address) ^ (before[index] ?? 0n)
        return BigInt.asUintN(32, changed) !== 0n && BigInt.asUintN(64, changed) >> 32n !== 0n
      })
    }
    const [address] = candidates
    if (address === undefined || candidates.length > 1)
      throw new TypeError(`the JavaScript engine keeps the state of Math.random in ${candidates.length} places`)
    const next = (): bigint => {
      this.#view().setBigInt64(address, 1n, true)
      this.#run('Math.random()')
      return this.#value(address)
    }
    const first = next()
    if (next() !== first) throw new TypeError('the state of Math.random does not decide its next number')
    return address
  }

  #run(code: string): void {
    const [source, name] = [this.#text(code), this.#text('build')]
    const value = this.#exports.qjs_eval(source, code.length, name, EVAL_GLOBAL)
    if (this.#exports.qjs_is_exception(value) !== 0) throw this.#thrown(this.#exports.qjs_get_exception())
    for (const address of [source, name]) this.#exports.free(address)
  }

  /** What was thrown, as an error with a message for people. */
  #thrown(value: number): TopLevelError {
    // What JavaScript throws when there is no memory left for an error.
    if (this.#string(value) === 'null') return new TopLevelError('null was thrown (most often: out of memory)', '')
    const stack = this.#property(value, 'stack')
    const hasStack = this.#exports.qjs_is_undefined(stack) === 0
    return new TopLevelError(this.#string(value), hasStack ? this.#string(stack).trimEnd() : '')
  }

  #global(name: string): WasmGlobal {
    const found = this.#exports[name]
    if (found === undefined) throw new TypeError(`the JavaScript engine has no global ${name}`)
    return found
  }

  #view(): DataView {
    return new DataView(this.#exports.memory.buffer)
  }

  /** The 64 bits of the value at an address. */
  #value(address: number): bigint {
    return this.#view().getBigInt64(address, true)
  }

  #bytes(bytes: Uint8Array): number {
    const address = this.#exports.malloc(bytes.length + 1)
    if (address === 0) throw new RangeError('the JavaScript engine has no memory left')
    const target = new Uint8Array(this.#exports.memory.buffer, address, bytes.length + 1)
    target.set(bytes)
    target[bytes.length] = 0
    return address
  }

  #text(text: string): number {
    return this.#bytes(new TextEncoder().encode(text))
  }

  #property(object: number, name: string): number {
    return this.#exports.qjs_get_prop_string(object, this.#text(name))
  }

  #setProperty(object: number, name: string, value: number): void {
    this.#exports.qjs_set_prop_string(object, this.#text(name), value)
  }

  #string(value: number): string {
    const length = this.#exports.malloc(4)
    const address = this.#exports.qjs_get_string_len(value, length)
    if (address === 0) return 'an exception without a text'
    const bytes = this.#view().getUint32(length, true)
    return new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer, address, bytes).slice())
  }
}
