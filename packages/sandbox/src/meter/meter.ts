import { ByteWriter } from '../binary/byte-writer.ts'
import { FunctionReader } from '../binary/function-reader.ts'
import { type BodyRange, type ModuleExport, type ModuleView, Section, sectionOrder } from '../binary/module-view.ts'
import { amountCosts } from '../cost-table.ts'
import { SandboxError } from '../errors.ts'
import type { MemoryPages } from '../memory-shelf.ts'
import { staticLimits } from '../static-limits.ts'
import { functionTypeAt } from './block-types.ts'
import { BodyWriter } from './body-writer.ts'
import { BulkFunctions, type TypeRegistry } from './bulk-functions.ts'
import { CallGraph } from './call-graph.ts'
import { billingPlacement, type ChargePlacement } from './charge-placement.ts'
import { ChargePlan, type PlacedCharges } from './charge-plan.ts'
import { addedExports, type GuestGlobals, guestGlobals, memoryImport, writeGuestGlobals } from './guest-globals.ts'
import { Prepayments } from './prepayments.ts'

/** V8 refuses larger function bodies. */
const METERED_BODY_BYTES_MAX = 7_000_000
/** Of all bodies together: 64 MiB, which the engine reads in 0.1 s. */
const METERED_CODE_BYTES_MAX = 67_108_864
const PIECE_BYTES = 1_048_576

/** A module that counts its own fuel, stack and memory. */
export interface MeteredModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Fuel that a fresh instance costs before its first instruction. */
  readonly instanceFuel: number
  /** Fuel that each call of an export costs before its first instruction. */
  readonly entryFuel: number
  /** Pages of the memory that an instance is to be given; undefined when it has none. */
  readonly memory: MemoryPages | undefined
}

/** How a module is rewritten; what is left out is how bills are made. */
export interface MeterOptions {
  /** Where charges go. */
  readonly placement?: ChargePlacement
  /** Whether each instance is given its memory, or makes its own. */
  readonly memory?: 'given' | 'own'
}

/**
 * Rewrites a validated module: charges before each run of instructions, stack accounting where functions call, helpers
 * for operations of variable amount, capped tables, the start function as an export, no custom sections, and only those
 * of its exports that `keptExports` names.
 * @throws SandboxError SANDBOX_FORBIDDEN_FEATURE, SANDBOX_MODULE_LIMIT
 */
export function meterModule(
  view: ModuleView,
  keptExports: ReadonlySet<string>,
  { placement = billingPlacement(), memory = 'given' }: MeterOptions = {},
): MeteredModule {
  const transformer = new Transformer(view, placement, memory)
  return {
    bytes: transformer.transform(view.exports.filter((entry) => keptExports.has(entry.name))),
    instanceFuel:
      amountCosts.instance +
      (view.memory?.min ?? 0) * amountCosts.perInitialPage +
      Math.floor(view.activeDataBytes / 2 ** amountCosts.bulkBytesShift) +
      view.tables.reduce((entries, table) => entries + table.min, view.activeElements) * amountCosts.perTableEntry +
      view.globalCount * amountCosts.perGlobal,
    entryFuel: placement.prepayUnits,
    memory: memory === 'given' ? memoryPagesOf(view) : undefined,
  }
}

function memoryPagesOf({ memory }: ModuleView): MemoryPages | undefined {
  if (memory === undefined) return undefined
  return { min: memory.min, max: Math.min(memory.max ?? staticLimits.memoryPages, staticLimits.memoryPages) }
}

class Transformer {
  readonly #view: ModuleView
  readonly #placement: ChargePlacement
  readonly #memory: MemoryPages | undefined
  readonly #isGiven: boolean
  readonly #globals: GuestGlobals
  readonly #types: AppendedTypes
  readonly #helpers: BulkFunctions

  constructor(view: ModuleView, placement: ChargePlacement, memory: 'given' | 'own') {
    this.#view = view
    this.#placement = placement
    this.#memory = memoryPagesOf(view)
    this.#isGiven = memory === 'given' && this.#memory !== undefined
    this.#globals = guestGlobals(view.globalCount)
    this.#types = new AppendedTypes(view)
    this.#helpers = new BulkFunctions({ view, globals: this.#globals, types: this.#types })
  }

  transform(exports: readonly ModuleExport[]): Uint8Array<ArrayBuffer> {
    // First of all: it says which types and helpers the other sections must have. Its pieces are copied once, to the end.
    const bodies = this.#bodies()
    const parts: Uint8Array[] = [this.#view.bytes.subarray(0, 8)]
    for (const id of sectionOrder) {
      const content = id === Section.code ? bodies : partsOf(this.#section(id, exports))
      if (content === undefined) continue
      const head = new ByteWriter(8)
      head.u8(id)
      head.u32(bytesOf(content))
      parts.push(head.view(), ...content)
    }
    return joined(parts)
  }

  /** The new content of a section; undefined when the module has none. */
  #section(id: number, exports: readonly ModuleExport[]): Uint8Array | undefined {
    const helpers = this.#helpers.helpers
    switch (id) {
      case Section.type:
        return this.#appended(id, this.#types.added.length, (out) => this.#types.write(out))
      case Section.function:
        return this.#appended(id, helpers.length, (out) => {
          for (const helper of helpers) out.u32(helper.typeIndex)
        })
      case Section.table:
        return this.#tables()
      case Section.import:
        return this.#appended(id, this.#isGiven ? 1 : 0, (out) => {
          if (!this.#isGiven) return
          out.name(memoryImport.module)
          out.name(memoryImport.name)
          out.raw(2)
          this.#writeMemory(out)
        })
      case Section.memory:
        return this.#ownMemory()
      case Section.global:
        return this.#appended(id, this.#globals.count, writeGuestGlobals)
      case Section.export:
        return this.#exports(exports)
      case Section.start:
        return undefined
      case Section.element:
        return this.#elements(exports)
      default: {
        const section = this.#view.sections.get(id)
        return section === undefined ? undefined : this.#view.bytes.subarray(section.start, section.end)
      }
    }
  }

  /** A section's entries as they are, followed by `extra` more. */
  #appended(id: number, extra: number, write: (out: ByteWriter) => void): Uint8Array | undefined {
    const section = this.#view.sections.get(id)
    if (section === undefined && extra === 0) return undefined
    const out = new ByteWriter(1024)
    out.u32((section?.count ?? 0) + extra)
    if (section !== undefined) out.range(this.#view.bytes, section.entriesStart, section.end)
    write(out)
    return out.view()
  }

  #tables(): Uint8Array | undefined {
    const { tables } = this.#view
    if (tables.length === 0) return undefined
    const out = new ByteWriter(64)
    out.u32(tables.length)
    for (const table of tables) {
      out.raw(table.referenceType, 1)
      out.u32(table.min)
      out.u32(Math.min(table.max ?? staticLimits.tableEntries, staticLimits.tableEntries))
    }
    return out.view()
  }

  #ownMemory(): Uint8Array | undefined {
    if (this.#memory === undefined || this.#isGiven) return undefined
    const out = new ByteWriter(32)
    out.raw(1)
    this.#writeMemory(out)
    return out.view()
  }

  #writeMemory(out: ByteWriter): void {
    const { min = 0, max = 0 } = this.#memory ?? {}
    out.raw(1)
    out.u32(min)
    out.u32(max)
  }

  #exports(kept: readonly ModuleExport[]): Uint8Array {
    const kinds = { function: 0, table: 1, memory: 2, global: 3 } as const
    const { fuel, stack, pagesMax, growth } = this.#globals
    const entries: [name: string, kind: number, index: number][] = [
      ...kept.map((entry): [string, number, number] => [entry.name, kinds[entry.kind], entry.index]),
      [addedExports.fuel, kinds.global, fuel],
      [addedExports.stack, kinds.global, stack],
      [addedExports.pagesMax, kinds.global, pagesMax],
      [addedExports.growth, kinds.global, growth],
    ]
    if (this.#view.startFunction !== undefined)
      entries.push([addedExports.start, kinds.function, this.#view.startFunction])
    const out = new ByteWriter(256)
    out.u32(entries.length)
    for (const [name, kind, index] of entries) {
      out.name(name)
      out.u8(kind)
      out.u32(index)
    }
    return out.view()
  }

  /** Exporting a function also allows `ref.func` on it; a declarative segment keeps that for exports that go. */
  #elements(kept: readonly ModuleExport[]): Uint8Array | undefined {
    const dropped = this.#view.exports.filter((entry) => entry.kind === 'function' && !kept.includes(entry))
    return this.#appended(Section.element, dropped.length > 0 ? 1 : 0, (out) => {
      if (dropped.length === 0) return
      out.raw(3, 0)
      out.u32(dropped.length)
      for (const entry of dropped) out.u32(entry.index)
    })
  }

  /** The new content of the code section in pieces; undefined when the module has none. */
  #bodies(): readonly Uint8Array[] | undefined {
    const view = this.#view
    const calls = new CallGraph(view)
    const placed = placeCharges(view, calls, this.#placement)
    const reader = new FunctionReader(view.bytes)
    const writer = new BodyWriter({
      view,
      globals: this.#globals,
      types: this.#types,
      helpers: this.#helpers,
      calls,
    })
    const code = new CodePieces()
    view.bodies.forEach((range, index) => {
      const body = writer.write(reader.read(range), { range, index, charges: placed[index] as PlacedCharges })
      if (body.length > METERED_BODY_BYTES_MAX) throw tooLarge('function', body.length, range.start)
      code.add(body)
      if (code.length > METERED_CODE_BYTES_MAX) throw tooLarge('code', code.length, range.start)
    })
    const helpers = this.#helpers.helpers
    if (view.bodies.length + helpers.length === 0) return undefined
    for (const helper of helpers) code.add(helper.body)
    const count = new ByteWriter(8)
    count.u32(view.bodies.length + helpers.length)
    return [count.view(), ...code.take()]
  }
}

/** The charges of all functions, placed in callees before callers, which pay ahead for them. */
function placeCharges(view: ModuleView, calls: CallGraph, placement: ChargePlacement): readonly PlacedCharges[] {
  const reader = new FunctionReader(view.bytes)
  const prepayments = new Prepayments(view, calls, placement.prepayUnits)
  const plan = new ChargePlan()
  const placed: PlacedCharges[] = []
  for (const body of calls.order) {
    const code = reader.read(view.bodies[body] as BodyRange)
    prepayments.settleCallees(code)
    const entryUnits = placement.place(plan, {
      view,
      type: functionTypeAt(view, view.imports.length + body),
      code,
      checksFuel: calls.checksFuel(body),
      uncheckedUnits: (index) => calls.uncheckedUnits(code, index),
      prepaidUnits: (index) => prepayments.ofCall(code, index),
      entryUnits: prepayments.entryUnits(body),
    })
    prepayments.choose(body, entryUnits)
    placed[body] = plan.placed()
  }
  return placed
}

/** Bodies one after the other, in pieces, so that none is copied again because another one does not fit. */
class CodePieces {
  readonly #pieces: Uint8Array[] = []
  readonly #out = new ByteWriter(PIECE_BYTES)
  #taken = 0

  /** Bytes of all bodies with their lengths. */
  get length(): number {
    return this.#taken + this.#out.length
  }

  add(body: Uint8Array): void {
    if (this.#out.length + body.length > PIECE_BYTES) this.#cut()
    this.#out.vector(body)
  }

  take(): readonly Uint8Array[] {
    this.#cut()
    return this.#pieces
  }

  #cut(): void {
    this.#pieces.push(this.#out.view().slice())
    this.#taken += this.#out.length
    this.#out.clear()
  }
}

function partsOf(content: Uint8Array | undefined): readonly Uint8Array[] | undefined {
  return content === undefined ? undefined : [content]
}

function bytesOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytesOf(parts))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Function types that the transformer needs besides the module's own. */
class AppendedTypes implements TypeRegistry {
  readonly added: { readonly parameters: readonly number[]; readonly results: readonly number[] }[] = []
  readonly #originalCount: number

  constructor(view: ModuleView) {
    this.#originalCount = view.types.length
  }

  indexOf(parameters: readonly number[], results: readonly number[]): number {
    const key = `${parameters}>${results}`
    const known = this.added.findIndex((type) => `${type.parameters}>${type.results}` === key)
    if (known >= 0) return this.#originalCount + known
    this.added.push({ parameters, results })
    return this.#originalCount + this.added.length - 1
  }

  write(out: ByteWriter): void {
    for (const type of this.added) {
      out.u8(0x60)
      out.u32(type.parameters.length)
      out.raw(...type.parameters)
      out.u32(type.results.length)
      out.raw(...type.results)
    }
  }
}

function tooLarge(what: 'function' | 'code', have: number, offset: number): SandboxError {
  const [limit, allowed] =
    what === 'function' ? ['functionBytes', METERED_BODY_BYTES_MAX] : ['code', METERED_CODE_BYTES_MAX]
  return new SandboxError(
    'SANDBOX_MODULE_LIMIT',
    `${what} at byte ${offset} takes ${have} bytes once metered; at most ${allowed} are allowed`,
    {
      details: { limit, have, allowed, offset },
    },
  )
}
