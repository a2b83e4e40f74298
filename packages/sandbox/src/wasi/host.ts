import type { CallInput } from '../call.ts'
import { amountCosts } from '../cost-table.ts'
import type { FuelGauge } from '../fuel-gauge.ts'
import { DescriptorTable } from './descriptors.ts'
import { FileSystem } from './file-system.ts'
import { GrowingBytes } from './growing-bytes.ts'
import type { GuestMemory, Slice } from './guest-memory.ts'
import { ByteQuota } from './quota.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, Right, STREAM_RIGHTS } from './rights.ts'
import { SeededRandom } from './seeded-random.ts'

/** Name under which the one preopened directory is offered; wasi-libc resolves relative paths against it. */
const PREOPENED_NAME = '/'

/** Most virtual time that a guest can sleep: 146 years, so that no clock passes 64 bits of nanoseconds. */
const SLEPT_NS_MAX = 2n ** 62n - 1n

/** What an element of a scatter/gather list costs, in moved bytes. */
const SLICE_BYTES = 128

/** What a host is made for. */
export interface WasiCall extends Pick<CallInput, 'args' | 'stdin' | 'files' | 'seed' | 'declaredTimeMs'> {
  /**
   * What the guest finds in its environment, in this order. A task has none: what a program needs to know is in its
   * arguments, which its hash covers. Programs that test the calls themselves have some.
   * @default none
   */
  readonly environment?: ReadonlyMap<string, string>
}

/** What a command's host functions work on: one per call, nothing shared with any other. */
export class WasiHost {
  readonly memory: GuestMemory
  readonly gauge: FuelGauge
  readonly descriptors: DescriptorTable = new DescriptorTable()
  readonly files: FileSystem
  readonly stdout: GrowingBytes
  readonly stderr: GrowingBytes
  readonly random: SeededRandom
  readonly quota: ByteQuota
  /** Arguments, the program's name first, each with its final NUL. */
  readonly args: readonly Uint8Array[]
  /** `name=value`, each with its final NUL. */
  readonly environment: readonly Uint8Array[]
  readonly #startedNs: bigint
  #sleptNs = 0n
  #computedNs = 0n

  constructor(
    components: { readonly memory: GuestMemory; readonly gauge: FuelGauge },
    call: WasiCall,
    outputBytes: number,
  ) {
    this.memory = components.memory
    this.gauge = components.gauge
    this.#startedNs = BigInt(call.declaredTimeMs) * 1_000_000n
    this.quota = new ByteQuota(outputBytes)
    this.stdout = new GrowingBytes(this.quota)
    this.stderr = new GrowingBytes(this.quota)
    const { quota, gauge } = this
    const charge = (units: number): void => gauge.charge(units)
    this.files = new FileSystem({ quota, now: () => this.realTimeNs(), charge }, call.files)
    this.random = new SeededRandom(call.seed)
    const encoder = new TextEncoder()
    this.args = ['module.wasm', ...call.args].map((text) => encoder.encode(`${text}\0`))
    const variables = [...(call.environment ?? [])]
    this.environment = variables.map(([name, value]) => encoder.encode(`${name}=${value}\0`))
    const [input, output] = [STREAM_RIGHTS | Right.fdRead, STREAM_RIGHTS | Right.fdWrite]
    const standard = { inheriting: 0n, flags: 0 }
    this.descriptors.open({ ...standard, kind: 'input', rights: input, bytes: call.stdin, position: 0 })
    this.descriptors.open({ ...standard, kind: 'output', rights: output, sink: this.stdout })
    this.descriptors.open({ ...standard, kind: 'output', rights: output, sink: this.stderr })
    this.descriptors.open({
      kind: 'directory',
      rights: DIRECTORY_RIGHTS,
      inheriting: DIRECTORY_RIGHTS | FILE_RIGHTS,
      flags: 0,
      node: this.files.root,
      preopenedAs: PREOPENED_NAME,
    })
  }

  /** Virtual time that the guest has computed: one nanosecond for each unit of fuel. The same on every machine. */
  computedNs(): bigint {
    const used = this.gauge.used()
    // The counter can go back when what it was ahead is given back; time cannot.
    if (used > this.#computedNs) this.#computedNs = used
    return this.#computedNs
  }

  /** Virtual time since the call began: computed and slept. */
  monotonicNs(): bigint {
    return this.computedNs() + this.#sleptNs
  }

  /** The declared time plus {@link monotonicNs}. */
  realTimeNs(): bigint {
    return this.#startedNs + this.monotonicNs()
  }

  /** Lets virtual time pass; nobody waits. After 146 years of it time stands still for sleepers. */
  sleep(durationNs: bigint): void {
    const sleptNs = this.#sleptNs + durationNs
    this.#sleptNs = sleptNs < SLEPT_NS_MAX ? sleptNs : SLEPT_NS_MAX
  }

  /** Charges for bytes that a host function moves. @throws GuestStop when the fuel is used up */
  chargeBytes(bytes: number): void {
    this.gauge.charge(bytes * amountCosts.perHostByte)
  }

  /** Charges for small steps that take the host about as long as a call does. @throws GuestStop as above */
  chargeSteps(steps: number): void {
    this.gauge.charge(steps * amountCosts.hostCall)
  }

  /** Reads a list of iovec or ciovec structures. @throws GuestStop when the fuel is used up */
  slices(pointer: number, count: number): readonly Slice[] {
    const slices = this.memory.slices(pointer, count)
    this.chargeBytes(slices.length * SLICE_BYTES)
    return slices
  }
}
