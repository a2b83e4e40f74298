import type { CallInput, Limits, ModuleKind } from './call.ts'
import { SandboxError } from './errors.ts'
import { isFilePath } from './wasi/file-system.ts'
import { fileQuotas } from './wasi/quota.ts'

/** Ranges of a call's parts; wider values are SANDBOX_BAD_CALL. */
export const callLimits = {
  fuel: 4_611_686_018_427_387_904n,
  memoryPages: 65_536,
  /** 1 GiB. */
  outputBytes: 1_073_741_824,
  /** Nine hours. */
  timeMs: 32_400_000,
  /** Input, stdin and files together: 1 GiB. */
  inputBytes: 1_073_741_824,
  args: 4_096,
  argsBytes: 1_048_576,
  /** Year 2262, the last that fits 64 bits of nanoseconds. */
  declaredTimeMs: 9_223_372_036_854,
} as const

function bad(what: string, details: Record<string, string | number | bigint>): SandboxError {
  return new SandboxError('SANDBOX_BAD_CALL', what, { details })
}

function checkRange(name: string, have: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(have) && have >= least && have <= most) return
  throw bad(`${name} must be an integer of ${least} .. ${most}, not ${have}`, { name, have, least, most })
}

/**
 * Checks a call before any work is done for it.
 * @throws SandboxError SANDBOX_BAD_CALL, SANDBOX_NO_ENTRY
 */
export function checkCall(kinds: readonly ModuleKind[], call: CallInput, limits: Limits): void {
  if (!kinds.includes(call.kind))
    throw new SandboxError(
      'SANDBOX_NO_ENTRY',
      `module cannot be called as a ${call.kind}, only as a ${kinds.join(' or ')}`,
      {
        details: { wanted: call.kind, kinds },
      },
    )
  // A number compares like a bigint, and cannot be written like one.
  if (typeof limits.fuel !== 'bigint' || limits.fuel < 1n || limits.fuel > callLimits.fuel)
    throw bad(`fuel must be a bigint of 1 .. ${callLimits.fuel}, not ${typeof limits.fuel} ${limits.fuel}`, {
      name: 'fuel',
      have: limits.fuel,
    })
  checkRange('memoryPages', limits.memoryPages, [1, callLimits.memoryPages])
  checkRange('outputBytes', limits.outputBytes, [0, callLimits.outputBytes])
  checkRange('timeMs', limits.timeMs, [1, callLimits.timeMs])
  checkRange('seed bytes', call.seed.length, [32, 32])
  checkRange('declaredTimeMs', call.declaredTimeMs, [0, callLimits.declaredTimeMs])
  checkArguments(call.args)
  checkFiles(call.files)
  let inputBytes = call.input.length + call.stdin.length
  for (const content of call.files.values()) inputBytes += content.length
  checkRange('input bytes', inputBytes, [0, callLimits.inputBytes])
}

function checkArguments(args: readonly string[]): void {
  checkRange('number of arguments', args.length, [0, callLimits.args])
  let bytes = 0
  for (const text of args) {
    if (text.includes('\0') || !text.isWellFormed())
      throw bad('an argument has a NUL or a lone surrogate', { name: 'args' })
    bytes += text.length * 3 + 1
  }
  checkRange('bytes of arguments', bytes, [0, callLimits.argsBytes])
}

function checkFiles(files: ReadonlyMap<string, Uint8Array>): void {
  checkRange('number of files', files.size, [0, fileQuotas.nodes])
  const directories = new Set<string>()
  for (const path of files.keys()) {
    if (!isFilePath(path))
      throw bad(`not a relative path without . and ..: ${JSON.stringify(path.slice(0, 200))}`, { name: 'files' })
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) directories.add(path.slice(0, at))
    checkRange('number of files and directories', files.size + directories.size, [0, fileQuotas.nodes])
  }
  for (const path of files.keys())
    if (directories.has(path)) throw bad(`${JSON.stringify(path)} is both a file and a directory`, { name: 'files' })
}
