import type { Fuel } from '@stead/core'
import { messageOf } from '@stead/core'
import type { CallInput, Limits, NodeFaultCode, Outcome, TrapReason } from './call.ts'
import { checkCall } from './check-call.ts'
import { amountCosts } from './cost-table.ts'
import { entryNames, WASI_MODULE } from './entry-points.ts'
import { FuelGauge } from './fuel-gauge.ts'
import { abortGuest } from './guest-abort.ts'
import { GuestStop } from './guest-stop.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { addedExports, GROWTH_HOST_FAILED, memoryImport } from './meter/guest-globals.ts'
import { STACK_BUDGET_BYTES } from './meter/stack-estimate.ts'
import type { CompiledModule } from './prepare.ts'
import { trapReasonOf } from './trap-reason.ts'
import { GuestMemory } from './wasi/guest-memory.ts'
import { WasiHost } from './wasi/host.ts'
import { wasiImports } from './wasi/imports.ts'
import {
  type WasmExports,
  type WasmFunction,
  type WasmGlobal,
  type WasmImports,
  type WasmInstance,
  type WasmMemory,
  webAssembly,
} from './webassembly.ts'

const NO_FILES: ReadonlyMap<string, Uint8Array> = new Map()
const NO_BYTES = new Uint8Array(0)

/**
 * Runs calls on this thread, one after the other, each in a fresh instance; nothing of it outlives the call. Memories come
 * from a shelf, and are wiped before they go back to it.
 */
export class CallRunner {
  readonly #shelf = new MemoryShelf()

  /**
   * Runs one call and returns how it ended. `limits.timeMs` is not enforced here: only another thread can end a guest
   * that runs.
   * @throws SandboxError SANDBOX_BAD_CALL, SANDBOX_NO_ENTRY
   */
  run(compiled: CompiledModule, call: CallInput, limits: Limits): Outcome {
    const { facts } = compiled
    checkCall(facts.kinds, call, limits)
    if (facts.memoryPagesMin > limits.memoryPages) {
      const { memoryPages: allowed } = limits
      return { status: 'limit', limit: 'memory', allowed, wanted: facts.memoryPagesMin, fuel: 0n as Fuel }
    }
    if (BigInt(facts.instanceFuel) > limits.fuel) return { status: 'out-of-fuel', fuel: limits.fuel }
    const guest = new GuestRun(compiled, call, limits)
    if (facts.memory === undefined) return guest.run(undefined)
    let memory: WasmMemory
    try {
      memory = this.#shelf.take(facts.memory)
    } catch (error) {
      return hostFault(error)
    }
    try {
      return guest.run(memory)
    } finally {
      this.#shelf.giveBack(facts.memory, memory)
    }
  }
}

/** Runs one call as {@link CallRunner} does, without a memory of an earlier one. @throws SandboxError likewise */
export function runCall(compiled: CompiledModule, call: CallInput, limits: Limits): Outcome {
  return new CallRunner().run(compiled, call, limits)
}

/** One call from instantiation to outcome. */
class GuestRun {
  readonly #compiled: CompiledModule
  readonly #call: CallInput
  readonly #limits: Limits
  #gauge: FuelGauge | undefined
  #exports: WasmExports = {}
  #wasi: WasiHost | undefined

  constructor(compiled: CompiledModule, call: CallInput, limits: Limits) {
    this.#compiled = compiled
    this.#call = call
    this.#limits = limits
  }

  /** @param memory zeros, for the guest alone; undefined when it wants none */
  run(memory: WasmMemory | undefined): Outcome {
    let instance: WasmInstance
    try {
      instance = new webAssembly.Instance(this.#compiled.module, this.#imports(memory))
    } catch (error) {
      return this.#instantiationFailed(error)
    }
    try {
      this.#exports = instance.exports
      this.#gauge = new FuelGauge(this.#global(addedExports.fuel), this.#limits.fuel)
      this.#gauge.charge(this.#compiled.facts.instanceFuel)
      this.#global(addedExports.pagesMax).value = this.#limits.memoryPages
      if (this.#call.kind === 'command') this.#openWasi(this.#gauge)
      this.#enterIfPresent(addedExports.start)
      this.#enterIfPresent(entryNames.initialize)
      return this.#call.kind === 'command' ? this.#runCommand() : this.#runFunction(this.#gauge)
    } catch (error) {
      return this.#stopped(error)
    }
  }

  #imports(memory: WasmMemory | undefined): WasmImports {
    const { facts } = this.#compiled
    const imports: Record<string, WasmImports[string]> = {}
    if (memory !== undefined) imports[memoryImport.module] = { [memoryImport.name]: memory }
    if (facts.importsAbort)
      imports.env = {
        abort: (message: number, file: number, line: number, column: number) =>
          abortGuest({ memory: this.#memory(), gauge: this.#gaugeOrThrow() }, [message, file], [line, column]),
      }
    if (facts.wasiImports.length > 0) imports[WASI_MODULE] = wasiImports(facts.wasiImports, () => this.#wasiOrThrow())
    return imports
  }

  #openWasi(gauge: FuelGauge): void {
    const memory = this.#memory()
    if (memory === undefined) return
    let bytes = 0
    for (const content of this.#call.files.values()) bytes += content.length
    gauge.charge(this.#call.files.size * amountCosts.path + bytes * amountCosts.perHostByte)
    this.#wasi = new WasiHost({ memory: new GuestMemory(memory), gauge }, this.#call, this.#limits.outputBytes)
  }

  #runCommand(): Outcome {
    this.#enterIfPresent(entryNames.command)
    return this.#commandDone(0)
  }

  #commandDone(exitCode: number): Outcome {
    if (this.#isOutOfFuel()) return this.#outOfFuel()
    const wasi = this.#wasi
    const output = wasi?.stdout.copy() ?? NO_BYTES
    const stderr = wasi?.stderr.copy() ?? NO_BYTES
    const files = wasi?.files.changedFiles(output.length + stderr.length) ?? NO_FILES
    return { status: 'ok', output, files, exitCode, stderr, fuel: this.#fuelUsed() }
  }

  #runFunction(gauge: FuelGauge): Outcome {
    const { input } = this.#call
    gauge.charge(input.length * amountCosts.perHostByte)
    const inputPointer = Number(this.#enter(entryNames.allocate, input.length)) >>> 0
    let memory = this.#bytes()
    if (inputPointer + input.length > memory.length) return this.#trap('bad-allocation', '')
    memory.set(input, inputPointer)
    const packed = BigInt.asUintN(64, BigInt(this.#enter(entryNames.run, inputPointer, input.length) ?? 0))
    const outputPointer = Number(packed >> 32n)
    const length = Number(packed & 0xffff_ffffn)
    if (this.#isOutOfFuel()) return this.#outOfFuel()
    memory = this.#bytes()
    if (outputPointer + length > memory.length) return this.#trap('bad-output-range', '')
    const { outputBytes: allowed } = this.#limits
    if (length > allowed) return { status: 'limit', limit: 'output', allowed, wanted: length, fuel: this.#fuelUsed() }
    gauge.charge(length * amountCosts.perHostByte)
    if (this.#isOutOfFuel()) return this.#outOfFuel()
    const output = memory.slice(outputPointer, outputPointer + length)
    return { status: 'ok', output, files: NO_FILES, exitCode: 0, stderr: NO_BYTES, fuel: this.#fuelUsed() }
  }

  #enterIfPresent(name: string): void {
    if (this.#exports[name] !== undefined) this.#enter(name)
  }

  /** Calls an export with the whole stack budget before it. */
  #enter(name: string, ...parameters: number[]): number | bigint | undefined {
    this.#global(addedExports.stack).value = STACK_BUDGET_BYTES
    this.#gauge?.charge(this.#compiled.facts.entryFuel)
    return (this.#exports[name] as WasmFunction)(...parameters)
  }

  #stopped(error: unknown): Outcome {
    try {
      if (this.#isOutOfFuel()) return this.#outOfFuel()
      if (error instanceof GuestStop) return this.#guestStopped(error)
      if (Number(this.#global(addedExports.stack).value) < 0) return this.#trap('stack-overflow', '')
      if (this.#growth() === GROWTH_HOST_FAILED)
        return nodeFault('host-out-of-memory', 'the machine could not give the guest memory that it is entitled to')
      if (error instanceof webAssembly.RuntimeError) return this.#trap(trapReasonOf(error.message), '')
      return hostFault(error)
    } catch (second) {
      // Collecting a command's files can itself reach the output limit.
      return second instanceof GuestStop ? this.#guestStopped(second) : hostFault(second)
    }
  }

  #guestStopped({ reason }: GuestStop): Outcome {
    switch (reason.kind) {
      case 'exit':
        return this.#commandDone(reason.exitCode)
      case 'abort':
        return this.#trap('abort', reason.detail)
      case 'out-of-fuel':
        return this.#outOfFuel()
      case 'limit': {
        const { limit, allowed, wanted } = reason
        return { status: 'limit', limit, allowed, wanted, fuel: this.#fuelUsed() }
      }
    }
  }

  /** A trap; one that follows the refusal of memory is told as that limit, which is what a person can act on. */
  #trap(reason: TrapReason, detail: string): Outcome {
    if (this.#isOutOfFuel()) return this.#outOfFuel()
    const wanted = this.#growth()
    const fuel = this.#fuelUsed()
    const { memoryPages: allowed } = this.#limits
    if (wanted > 0) return { status: 'limit', limit: 'memory', allowed, wanted, fuel }
    return { status: 'trap', reason, detail, fuel }
  }

  #instantiationFailed(error: unknown): Outcome {
    if (!(error instanceof webAssembly.RuntimeError)) return hostFault(error)
    const fuel = BigInt(this.#compiled.facts.instanceFuel) as Fuel
    return { status: 'trap', reason: 'segment-out-of-bounds', detail: '', fuel }
  }

  #outOfFuel(): Outcome {
    return { status: 'out-of-fuel', fuel: this.#limits.fuel }
  }

  #isOutOfFuel(): boolean {
    return this.#gauge !== undefined && this.#gauge.used() > this.#limits.fuel
  }

  #fuelUsed(): Fuel {
    return (this.#gauge?.used() ?? 0n) as Fuel
  }

  #growth(): number {
    return Number(this.#global(addedExports.growth).value)
  }

  #global(name: string): WasmGlobal {
    return this.#exports[name] as WasmGlobal
  }

  #memory(): WasmMemory | undefined {
    return this.#exports[entryNames.memory] as WasmMemory | undefined
  }

  #bytes(): Uint8Array {
    return new Uint8Array(this.#memory()?.buffer ?? new ArrayBuffer(0))
  }

  #gaugeOrThrow(): FuelGauge {
    if (this.#gauge === undefined) throw new TypeError('guest code ran before its fuel was set')
    return this.#gauge
  }

  #wasiOrThrow(): WasiHost {
    if (this.#wasi === undefined) throw new TypeError('guest code called WASI before its host was set')
    return this.#wasi
  }
}

/** What went wrong in this machine rather than in the guest. */
function hostFault(error: unknown): Outcome {
  const message = messageOf(error)
  if (!(error instanceof RangeError)) return nodeFault('internal', message)
  if (/call stack/.test(message)) return nodeFault('host-stack', message)
  return nodeFault(/allocat|memory|array length/i.test(message) ? 'host-out-of-memory' : 'internal', message)
}

function nodeFault(code: NodeFaultCode, message: string): Outcome {
  return { status: 'node-fault', code, message }
}
