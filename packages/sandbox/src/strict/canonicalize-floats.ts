import { ByteWriter } from '../binary/byte-writer.ts'
import { type FunctionCode, FunctionReader } from '../binary/function-reader.ts'
import { type BodyRange, type ModuleView, Section, sectionOrder } from '../binary/module-view.ts'
import { functionTypeAt } from '../meter/block-types.ts'
import { checkStaticLimit } from '../static-limits.ts'
import { ScratchLocals, writeCanonical } from './canonical-code.ts'
import { type CanonicalPlacement, placeCanonicals } from './canonical-placement.ts'

/**
 * Rewrites a validated module so that every NaN whose bits the program can see has the same bits on every machine: what
 * float arithmetic makes is the canonical NaN (0x7fc00000, 0x7ff8000000000000), and what is only moved keeps its bits,
 * as the specification says. The result is a plain module, to be metered like any other; custom sections are dropped.
 * @param placement where values are made canonical; others than the default are for comparison
 * @returns the module's own bytes when nothing in it needs a change
 */
export function canonicalizeFloats(
  view: ModuleView,
  placement: (view: ModuleView) => CanonicalPlacement = placeCanonicals,
): Uint8Array {
  const bodies = new BodyRewriter(view, placement(view)).rewrite()
  if (bodies === undefined) return view.bytes
  const out = new ByteWriter(view.bytes.length + (view.bytes.length >> 1) + 1024)
  out.range(view.bytes, 0, 8)
  for (const id of sectionOrder) {
    const section = view.sections.get(id)
    if (section === undefined) continue
    out.u8(id)
    out.vector(id === Section.code ? bodies : view.bytes.subarray(section.start, section.end))
  }
  return out.view().slice()
}

class BodyRewriter {
  readonly #view: ModuleView
  readonly #placement: CanonicalPlacement
  readonly #scratch = new ScratchLocals()
  readonly #instructions = new ByteWriter(64 * 1024)
  readonly #body = new ByteWriter(64 * 1024)

  constructor(view: ModuleView, placement: CanonicalPlacement) {
    this.#view = view
    this.#placement = placement
  }

  /** The content of the code section; undefined when no body changes. */
  rewrite(): Uint8Array | undefined {
    const { bytes, bodies, imports } = this.#view
    const reader = new FunctionReader(bytes)
    const out = new ByteWriter(bytes.length + (bytes.length >> 1))
    let isChanged = false
    out.u32(bodies.length)
    bodies.forEach((range, index) => {
      // The whole module will be refused for it; no need to make it first.
      checkStaticLimit('moduleBytes', out.length, range.start)
      const code = reader.read(range)
      const { parameters } = functionTypeAt(this.#view, imports.length + index)
      const shapes = this.#placement(code, imports.length + index)
      if (shapes === undefined) {
        out.u32(range.end - range.start)
        out.range(bytes, range.start, range.end)
        return
      }
      isChanged = true
      this.#scratch.reset(parameters.length + code.localCount)
      this.#writeInstructions(code, shapes)
      this.#writeBody(code, range)
      out.vector(this.#body.view())
    })
    return isChanged ? out.view() : undefined
  }

  #writeInstructions(code: FunctionCode, shapes: Uint8Array): void {
    const out = this.#instructions
    out.clear()
    let copied = code.codeStart
    for (let index = 0; index < code.count; index++) {
      const shape = shapes[index] as number
      if (shape === 0) continue
      const next = code.offsets[index + 1] as number
      out.range(this.#view.bytes, copied, next)
      copied = next
      writeCanonical(out, shape, this.#scratch.of(shape))
    }
    out.range(this.#view.bytes, copied, code.offsets[code.count] as number)
  }

  #writeBody(code: FunctionCode, range: BodyRange): void {
    const out = this.#body
    const { bytes } = this.#view
    let runsStart = range.start
    while (((bytes[runsStart++] as number) & 0x80) !== 0);
    out.clear()
    out.u32(code.localRuns.length + this.#scratch.count)
    out.range(bytes, runsStart, code.codeStart)
    for (const type of this.#scratch.types) out.raw(1, type)
    const instructions = this.#instructions.view()
    out.range(instructions, 0, instructions.length)
  }
}
