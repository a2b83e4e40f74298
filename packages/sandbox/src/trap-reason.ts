import type { TrapReason } from './call.ts'

/** V8's words for each trap (Node.js 24 to 26); looked for in this order. */
const patterns: readonly (readonly [pattern: RegExp, reason: TrapReason])[] = [
  [/^unreachable/, 'unreachable'],
  [/memory access out of bounds|operation does not support unaligned/, 'memory-out-of-bounds'],
  [/divide by zero|remainder by zero|divide result unrepresentable/, 'integer-division'],
  [/float unrepresentable/, 'float-to-integer'],
  [/segment.*out of bounds/, 'segment-out-of-bounds'],
  [/null function|signature mismatch|indirect call/, 'indirect-call'],
  // Also an indirect call with an index beyond the table: V8 has the same words for both.
  [/table index|table access|element segment/, 'table-out-of-bounds'],
]

/** The reason that a WebAssembly.RuntimeError's message stands for; `other` when the engine's words are unknown. */
export function trapReasonOf(message: string): TrapReason {
  for (const [pattern, reason] of patterns) if (pattern.test(message)) return reason
  return 'other'
}
