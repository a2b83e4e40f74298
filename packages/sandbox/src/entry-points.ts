import type { FunctionType, ModuleView } from './binary/module-view.ts'
import type { ModuleKind } from './call.ts'
import { SandboxError } from './errors.ts'
import { wasiSignatures } from './wasi/signatures.ts'
import { ValueType } from './whitelist.ts'

/** Import module of WASI preview 1. */
export const WASI_MODULE = 'wasi_snapshot_preview1'

/** Names that the runner enters or reads; every other export of a guest is dropped. */
export const entryNames = {
  memory: 'memory',
  command: '_start',
  initialize: '_initialize',
  allocate: 'stead_alloc',
  run: 'stead_run',
} as const

/** {@link entryNames} as a set. */
export const keptExports: ReadonlySet<string> = new Set<string>(Object.values(entryNames))

const entrySignatures: Readonly<Record<string, string>> = {
  [entryNames.command]: ':',
  [entryNames.initialize]: ':',
  [entryNames.allocate]: 'i:i',
  [entryNames.run]: 'ii:I',
}

/** What a module asks of its host and offers to it. */
export interface GuestInterface {
  readonly kinds: readonly ModuleKind[]
  /** Imported functions of WASI preview 1, by name. */
  readonly wasiImports: readonly string[]
  /** True when it imports AssemblyScript's `env.abort`. */
  readonly importsAbort: boolean
}

/**
 * Checks imports and entry points.
 * @throws SandboxError SANDBOX_FORBIDDEN_IMPORT, SANDBOX_NO_ENTRY
 */
export function readGuestInterface(view: ModuleView): GuestInterface {
  const imports = readGuestImports(view)
  const functionFaults = entryFaults(view, [entryNames.allocate, entryNames.run], true)
  if (imports.wasiImports.length > 0)
    functionFaults.push(`it imports ${WASI_MODULE}.${imports.wasiImports[0]}, which functions cannot`)
  const commandFaults = entryFaults(view, [entryNames.command], imports.wasiImports.length > 0)
  const kinds: ModuleKind[] = []
  if (commandFaults.length === 0) kinds.push('command')
  if (functionFaults.length === 0) kinds.push('function')
  if (kinds.length > 0) return { kinds, ...imports }
  throw new SandboxError(
    'SANDBOX_NO_ENTRY',
    `module has no entry point: no command because ${commandFaults.join(', ')}; no function because ${functionFaults.join(', ')}`,
    { details: { command: commandFaults, function: functionFaults } },
  )
}

function readGuestImports(view: ModuleView): Omit<GuestInterface, 'kinds'> {
  const wasiImports = new Set<string>()
  let importsAbort = false
  for (const { module, name, typeIndex, offset } of view.imports) {
    const isAbort = module === 'env' && name === 'abort'
    const known = module === WASI_MODULE && Object.hasOwn(wasiSignatures, name) ? wasiSignatures[name] : undefined
    const expected = isAbort ? 'iiii:' : known
    const details = { module, name, kind: 'function', offset }
    if (expected === undefined)
      throw new SandboxError(
        'SANDBOX_FORBIDDEN_IMPORT',
        `module imports ${module}.${name}, which the sandbox does not offer`,
        {
          details,
        },
      )
    const have = signatureOf(view.types[typeIndex])
    if (have !== expected)
      throw new SandboxError(
        'SANDBOX_FORBIDDEN_IMPORT',
        `module imports ${module}.${name} with the type ${have}; its type is ${expected}`,
        {
          details: { ...details, have, expected },
        },
      )
    if (isAbort) importsAbort = true
    else wasiImports.add(name)
  }
  return { wasiImports: [...wasiImports], importsAbort }
}

function entryFaults(view: ModuleView, functions: readonly string[], needsMemory: boolean): string[] {
  const faults: string[] = []
  const check = (name: string, isRequired: boolean): void => {
    const entry = view.exports.find((candidate) => candidate.name === name)
    if (entry === undefined) {
      if (isRequired) faults.push(`it does not export ${name}`)
      return
    }
    const wanted = name === entryNames.memory ? 'memory' : 'function'
    if (entry.kind !== wanted) faults.push(`its export ${name} is a ${entry.kind}`)
    else if (wanted === 'function') {
      const have = signatureOf(view.types[view.functionTypes[entry.index] ?? -1])
      const expected = entrySignatures[name]
      if (have !== expected) faults.push(`its export ${name} has the type ${have} instead of ${expected}`)
    }
  }
  for (const name of functions) check(name, true)
  check(entryNames.initialize, false)
  check(entryNames.memory, needsMemory)
  return faults
}

/** A function type in the short spelling of the signature tables, for example `ii:I`. */
function signatureOf(type: FunctionType | undefined): string {
  if (type === undefined) return '?'
  const letters: Readonly<Record<number, string>> = {
    [ValueType.i32]: 'i',
    [ValueType.i64]: 'I',
    [ValueType.f32]: 'f',
    [ValueType.f64]: 'F',
    [ValueType.v128]: 'v',
  }
  const spell = (types: readonly number[]): string => types.map((byte) => letters[byte] ?? 'r').join('')
  return `${spell(type.parameters)}:${spell(type.results)}`
}
