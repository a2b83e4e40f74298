import { SandboxError } from './errors.ts'

/**
 * Largest modules that are accepted, checked before anything is compiled. They are part of the meter version (the same
 * module is accepted or refused everywhere) and lie below V8's own limits, so that V8 never refuses what we accept.
 */
export const staticLimits = {
  /** 32 MiB: a scripting engine with its library is 2 to 25 MB. */
  moduleBytes: 33_554_432,
  types: 20_000,
  typeParameters: 256,
  typeResults: 64,
  imports: 256,
  functions: 100_000,
  /** Of one function, before metering; V8 ends at 7.6 MB after it. */
  functionBytes: 2_097_152,
  /** Declared locals of one function; clang -O0 makes thousands, V8 ends at 50,000. */
  locals: 20_000,
  /** Of one function: values times branches, see compile-work.ts: about 50 ms. QuickJS's interpreter has 400,000. */
  compileWork: 4_194_304,
  /** Of all functions together: at most 3 s that no fuel pays for. 31 MB of a compiler's code have 220,000,000. */
  moduleCompileWork: 268_435_456,
  /** Of all functions together, see compile-work.ts: at most 3 s before the first call. 31 MB of code have 27,000,000. */
  rewriteWork: 33_554_432,
  /** Of blocks inside each other in one function. */
  nesting: 2_048,
  /** Labels of one br_table. */
  branchTargets: 65_520,
  globals: 50_000,
  exports: 10_000,
  tables: 16,
  /** Entries of one table, also the most that table.grow can reach. */
  tableEntries: 131_072,
  elementSegments: 20_000,
  /** Entries of all element segments together. */
  elements: 262_144,
  dataSegments: 50_000,
  memoryPages: 65_536,
  /** Bytes of one import or export name. */
  nameBytes: 1_024,
} as const

/** Name of one static limit. */
export type StaticLimit = keyof typeof staticLimits

/** @throws SandboxError SANDBOX_MODULE_LIMIT when `have` is more than the named limit */
export function checkStaticLimit(limit: StaticLimit, have: number, offset: number): void {
  const allowed = staticLimits[limit]
  if (have <= allowed) return
  throw new SandboxError(
    'SANDBOX_MODULE_LIMIT',
    `module has ${have} ${words[limit]} at byte ${offset}; at most ${allowed} are allowed`,
    {
      details: { limit, have, allowed, offset },
    },
  )
}

const words: Record<StaticLimit, string> = {
  moduleBytes: 'bytes',
  types: 'types',
  typeParameters: 'parameters in one type',
  typeResults: 'results in one type',
  imports: 'imports',
  functions: 'functions',
  functionBytes: 'bytes in one function',
  locals: 'locals in one function',
  compileWork: 'values times branches in one function',
  moduleCompileWork: 'values times branches in all functions together',
  rewriteWork: 'instructions in all functions together, branches and floats counted several times,',
  nesting: 'nested blocks',
  branchTargets: 'targets in one br_table',
  globals: 'globals',
  exports: 'exports',
  tables: 'tables',
  tableEntries: 'table entries',
  elementSegments: 'element segments',
  elements: 'elements',
  dataSegments: 'data segments',
  memoryPages: 'memory pages',
  nameBytes: 'bytes in one name',
}
