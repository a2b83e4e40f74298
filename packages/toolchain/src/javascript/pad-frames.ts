import { readSections, SectionId, SectionReader, SectionWriter, writeSections } from './wasm-sections.ts'

/** The C stack is kept aligned to this. */
const ALIGNMENT_BYTES = 16
/** A function's machine frame, roughly: fixed part, each local, and a share of its code for operands. */
const FRAME_BYTES = 152
const LOCAL_BYTES = 8
const CODE_SHARE = 1 / 110

/**
 * The engine ends endless recursion by looking at its C stack in memory, the sandbox by counting machine stack, and
 * functions differ thirtyfold in what they take of the one and the other. Here every function that keeps a frame on the
 * C stack gets one in proportion to its machine frame, so that whatever recurses, the engine's RangeError comes first.
 * Only functions are changed whose every write to the stack pointer is the usual entry or the usual exit.
 */
export function padFrames(binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const sections = readSections(binary).map((section) =>
    section.id === SectionId.code ? { id: section.id, content: padBodies(section.content) } : section,
  )
  return writeSections(sections)
}

function padBodies(content: Uint8Array): Uint8Array {
  const reader = new SectionReader(content)
  const count = reader.unsigned()
  const writer = new SectionWriter().unsigned(count)
  for (let index = 0; index < count; index++) {
    const body = padBody(reader.bytes(reader.unsigned()))
    writer.unsigned(body.length).bytes(body)
  }
  return writer.finish()
}

function padBody(body: Uint8Array): Uint8Array {
  const reader = new SectionReader(body)
  let locals = 0
  for (let runs = reader.unsigned(); runs > 0; runs--) {
    locals += reader.unsigned()
    reader.byte()
  }
  const code = latin1(body.subarray(reader.offset))
  const frame = readFrame(code)
  if (frame === undefined) return body
  const estimate = FRAME_BYTES + locals * LOCAL_BYTES + body.length * CODE_SHARE
  const wantedBytes = Math.ceil(estimate / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
  if (frame.bytes >= wantedBytes) return body
  let padded = ''
  let from = 0
  for (const { start, end, isEntry } of frame.changes) {
    padded += code.slice(from, start) + (isEntry ? lowered(wantedBytes) : raised(wantedBytes))
    from = end
  }
  padded += code.slice(from)
  return new SectionWriter().bytes(body.subarray(0, reader.offset)).bytes(bytesOf(padded)).finish()
}

/** Where a function lowers the stack pointer by its frame and raises it again: `i32.const`, then `i32.sub` or `i32.add`. */
interface Frame {
  readonly bytes: number
  readonly changes: readonly { readonly start: number; readonly end: number; readonly isEntry: boolean }[]
}

// Instructions as binary text: 20 local.get, 22 local.tee, 23 global.get, 24 global.set, 41 i32.const, 6a i32.add,
// 6b i32.sub, 71 i32.and, 21 local.set, 11 call_indirect. NUMBER is one LEB128.
const NUMBER = '([\\x80-\\xff]*[\\x00-\\x7f])'
const ENTRY = new RegExp(`^\\x23\\x00(\\x41${NUMBER}([\\x6a\\x6b]))\\x22${NUMBER}(?:\\x21${NUMBER}\\x20\\4)?`)
const WRITE = '\x24\x00'
const RAISE = new RegExp(`\\x20${NUMBER}(\\x41${NUMBER}([\\x6a\\x6b]))$`)
const NESTED = new RegExp(`\\x23\\x00\\x41${NUMBER}\\x6b\\x22${NUMBER}\\x24\\x00`, 'g')
const LOWER = new RegExp(`[\\x6b\\x71]\\x22${NUMBER}$|\\x41[\\x80-\\xff]*[\\x40-\\x7f]\\x6a\\x22${NUMBER}$`)
/** The bytes of a global.set are also those of a call through the table with type 0x24. */
const INDIRECT_CALL = new RegExp(`[^\\x20-\\x24]${'\\x11'}$`)
/** Longest code before a write that the patterns look at. */
const LOOK_BACK = 24

/** The frame of a function, or nothing when any of its writes to the stack pointer is of an unknown form. */
function readFrame(code: string): Frame | undefined {
  const entry = ENTRY.exec(code)
  if (entry === null) return undefined
  const [, lowering = '', amount = '', operation, local = ''] = entry
  const bytes = amountOf(amount, operation === '\x6b')
  const nested = new Map<string, number>()
  for (const [, nestedAmount = '', nestedLocal = ''] of code.slice(entry[0].length).matchAll(NESTED)) {
    nested.set(nestedLocal, amountOf(nestedAmount, true))
  }
  const start = 2
  const changes = [{ start, end: start + lowering.length, isEntry: true }]
  for (let index = code.indexOf(WRITE); index >= 0; index = code.indexOf(WRITE, index + 1)) {
    if (index === entry[0].length) continue
    const before = code.slice(Math.max(0, index - LOOK_BACK), index)
    const raise = RAISE.exec(before)
    if (raise !== null) {
      const [, from = '', raising = '', by = '', how] = raise
      const raisedBytes = amountOf(by, how === '\x6a')
      if (raisedBytes === bytes && (from === local || !nested.has(from)))
        changes.push({ start: index - raising.length, end: index, isEntry: false })
      else if (nested.get(from) !== raisedBytes) return undefined
    } else if (!LOWER.test(before) && !INDIRECT_CALL.test(before)) return undefined
  }
  return bytes > 0 && changes.length > 1 ? { bytes, changes } : undefined
}

/** The number of an i32.const, negated where it is used the other way round. */
function amountOf(number: string, isPlain: boolean): number {
  const value = Number(new SectionReader(bytesOf(number)).signed())
  return isPlain ? value : -value
}

function lowered(bytes: number): string {
  return latin1(new SectionWriter().byte(0x41).signed(BigInt(bytes)).byte(0x6b).finish())
}

function raised(bytes: number): string {
  return latin1(new SectionWriter().byte(0x41).signed(BigInt(bytes)).byte(0x6a).finish())
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
