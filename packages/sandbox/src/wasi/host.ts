import type { CallInput } from '../call.ts'
import { amountCosts } from '../cost-table.ts'
import type { FuelGauge } from '../fuel-gauge.ts'
import { ALL_RIGHTS, DescriptorTable, Right } from './descriptors.ts'
import { FileSystem } from './file-system.ts'
import { GrowingBytes } from './growing-bytes.ts'
import type { GuestMemory } from './guest-memory.ts'
import { ByteQuota } from './quota.ts'
import { SeededRandom } from './seeded-random.ts'

/** Name under which the one preopened directory is offered; wasi-libc resolves relative paths against it. */
const PREOPENED_NAME = '/'

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
  readonly #startedNs: bigint
  #sleptNs = 0n

  constructor(
    components: { readonly memory: GuestMemory; readonly gauge: FuelGauge },
    call: Pick<CallInput, 'args' | 'stdin' | 'files' | 'seed' | 'declaredTimeMs'>,
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
    const standard = { inheriting: 0n, flags: 0 }
    this.descriptors.open({ ...standard, kind: 'input', rights: Right.read, bytes: call.stdin, position: 0 })
    this.descriptors.open({ ...standard, kind: 'output', rights: Right.write, sink: this.stdout })
    this.descriptors.open({ ...standard, kind: 'output', rights: Right.write, sink: this.stderr })
    this.descriptors.open({
      kind: 'directory',
      rights: ALL_RIGHTS,
      inheriting: ALL_RIGHTS,
      flags: 0,
      node: this.files.root,
      preopenedAs: PREOPENED_NAME,
    })
  }

  /** Virtual time that the guest has computed: one nanosecond for each unit of fuel. The same on every machine. */
  computedNs(): bigint {
    return this.gauge.used()
  }

  /** Virtual time since the call began: computed and slept. */
  monotonicNs(): bigint {
    return this.computedNs() + this.#sleptNs
  }

  /** The declared time plus {@link monotonicNs}. */
  realTimeNs(): bigint {
    return this.#startedNs + this.monotonicNs()
  }

  /** Lets virtual time pass; nobody waits. */
  sleep(durationNs: bigint): void {
    if (durationNs > 0n) this.#sleptNs += durationNs
  }

  /** Charges for bytes that a host function moves. @throws GuestStop when the fuel is used up */
  chargeBytes(bytes: number): void {
    this.gauge.charge(bytes * amountCosts.perHostByte)
  }
}
