import { SandboxError } from './errors.ts'

/** Features of WebAssembly that are refused, by the name that users and tools know. */
export type ForbiddenFeature =
  | 'threads'
  | 'memory64'
  | 'multi-memory'
  | 'exception-handling'
  | 'tail-call'
  | 'gc'
  | 'typed-function-references'
  | 'relaxed-simd'
  | 'extended-const'
  | 'custom-page-sizes'
  | 'wide-arithmetic'
  | 'stack-switching'
  | 'stringref'
  | 'component-model'
  | 'unknown-section'
  | 'unknown-type'
  | 'unknown-operation'

/** Value types by their byte in the binary format. */
export const ValueType = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
} as const

/** The error that names a refused feature and where it was met. */
export function forbiddenFeature(feature: ForbiddenFeature, offset: number, what: string): SandboxError {
  return new SandboxError(
    'SANDBOX_FORBIDDEN_FEATURE',
    `module uses ${feature} (${what} at byte ${offset}), which is not allowed`,
    {
      details: { feature, offset, what },
    },
  )
}

/** Passes an allowed value type byte through. @throws SandboxError SANDBOX_FORBIDDEN_FEATURE */
export function checkValueType(byte: number, offset: number): number {
  if (byte >= ValueType.v128 && byte <= ValueType.i32) return byte
  if (byte === ValueType.funcref || byte === ValueType.externref) return byte
  const what = `value type 0x${byte.toString(16)}`
  if (byte === 0x63 || byte === 0x64) throw forbiddenFeature('typed-function-references', offset, what)
  if (byte === 0x69 || byte === 0x74) throw forbiddenFeature('exception-handling', offset, what)
  if (byte === 0x68 || byte === 0x75) throw forbiddenFeature('stack-switching', offset, what)
  if (byte >= 0x65 && byte <= 0x73) throw forbiddenFeature('gc', offset, what)
  throw forbiddenFeature('unknown-type', offset, what)
}

/** Passes a reference type byte through. @throws SandboxError SANDBOX_FORBIDDEN_FEATURE */
export function checkReferenceType(byte: number, offset: number): number {
  // A heap type in more than one byte, or the index of a type.
  if (byte < 0x40 || byte >= 0x80)
    throw forbiddenFeature('typed-function-references', offset, `heap type 0x${byte.toString(16)}`)
  const type = checkValueType(byte, offset)
  if (type === ValueType.funcref || type === ValueType.externref) return type
  throw new SandboxError(
    'SANDBOX_MALFORMED',
    `not a valid module: 0x${byte.toString(16)} is no reference type at byte ${offset}`,
    {
      details: { offset, what: 'reference type' },
    },
  )
}

/** @throws SandboxError SANDBOX_FORBIDDEN_FEATURE when the type section entry is not a plain function type */
export function checkTypeForm(byte: number, offset: number): void {
  if (byte === 0x60) return
  const what = `type form 0x${byte.toString(16)}`
  if (byte === 0x5d) throw forbiddenFeature('stack-switching', offset, what)
  if (byte >= 0x4c && byte <= 0x5f) throw forbiddenFeature('gc', offset, what)
  throw forbiddenFeature('unknown-type', offset, what)
}

/** Limits flags of a memory or table. @throws SandboxError SANDBOX_FORBIDDEN_FEATURE for all but 0 and 1 */
export function checkLimitsFlags(flags: number, offset: number): void {
  if (flags <= 1) return
  const what = `limits flags 0x${flags.toString(16)}`
  if ((flags & 0x08) !== 0) throw forbiddenFeature('custom-page-sizes', offset, what)
  if ((flags & 0x04) !== 0) throw forbiddenFeature('memory64', offset, what)
  if ((flags & 0x02) !== 0) throw forbiddenFeature('threads', offset, what)
  throw forbiddenFeature('unknown-type', offset, what)
}

/** @throws SandboxError SANDBOX_FORBIDDEN_FEATURE for any memory but the first */
export function checkMemoryIndex(index: number, offset: number): void {
  if (index !== 0) throw forbiddenFeature('multi-memory', offset, `memory index ${index}`)
}

/** Names the feature that a refused operation belongs to. `prefix` is 0 for one-byte opcodes. */
export function forbiddenOperation(prefix: number, code: number, offset: number): SandboxError {
  const what = prefix === 0 ? `opcode 0x${code.toString(16)}` : `opcode 0x${prefix.toString(16)} ${code}`
  return forbiddenFeature(featureOfOperation(prefix, code), offset, what)
}

function featureOfOperation(prefix: number, code: number): ForbiddenFeature {
  if (prefix === 0xfb) return code >= 0x80 ? 'stringref' : 'gc'
  if (prefix === 0xfc) return code >= 19 && code <= 22 ? 'wide-arithmetic' : 'unknown-operation'
  if (prefix === 0xfd) return code >= 0x100 ? 'relaxed-simd' : 'unknown-operation'
  if (prefix === 0xfe) return 'threads'
  if ((code >= 0x06 && code <= 0x0a) || code === 0x18 || code === 0x19 || code === 0x1f) return 'exception-handling'
  if (code === 0x12 || code === 0x13 || code === 0x15) return 'tail-call'
  if (code === 0x14 || (code >= 0xd4 && code <= 0xd6)) return 'typed-function-references'
  if (code === 0xd3) return 'gc'
  if (code >= 0xe0 && code <= 0xe6) return 'stack-switching'
  return 'unknown-operation'
}
