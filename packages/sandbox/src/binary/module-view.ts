/** A function type: parameter and result value types by their binary bytes. */
export interface FunctionType {
  readonly parameters: readonly number[]
  readonly results: readonly number[]
}

/** An imported function; nothing else can be imported. */
export interface FunctionImport {
  readonly module: string
  readonly name: string
  readonly typeIndex: number
  readonly offset: number
}

/** Limits of a table (entries) or memory (pages). */
export interface Range {
  readonly min: number
  readonly max: number | undefined
}

/** A table. */
export interface TableType extends Range {
  readonly referenceType: number
}

/** What an export names. */
export type ExportKind = 'function' | 'table' | 'memory' | 'global'

/** An export. */
export interface ModuleExport {
  readonly name: string
  readonly kind: ExportKind
  readonly index: number
}

/** Where a section's content lies in the binary, and where its entries begin (after the count). */
export interface SectionRange {
  readonly start: number
  readonly end: number
  readonly entriesStart: number
  readonly count: number
}

/** Where a function's body lies: `start` is its local declarations, `end` is after the final `end`. */
export interface BodyRange {
  readonly start: number
  readonly end: number
}

/** The decoded frame of a module; instructions stay in the binary and are decoded body by body. */
export interface ModuleView {
  readonly bytes: Uint8Array
  /** Non-custom sections by id. */
  readonly sections: ReadonlyMap<number, SectionRange>
  readonly types: readonly FunctionType[]
  readonly imports: readonly FunctionImport[]
  /** Type index of each function, imported ones first. */
  readonly functionTypes: readonly number[]
  readonly tables: readonly TableType[]
  readonly memory: Range | undefined
  readonly globalCount: number
  readonly exports: readonly ModuleExport[]
  readonly startFunction: number | undefined
  /** Bytes that active data segments copy and entries that active element segments set, at instantiation. */
  readonly activeDataBytes: number
  readonly activeElements: number
  /** Functions that element segments and globals refer to: with those that `ref.func` names, all that tables can hold. */
  readonly referencedFunctions: readonly number[]
  readonly bodies: readonly BodyRange[]
}

/** Section ids. */
export const Section = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const

/** The order in which sections appear in a module. */
export const sectionOrder: readonly number[] = [
  Section.type,
  Section.import,
  Section.function,
  Section.table,
  Section.memory,
  Section.global,
  Section.export,
  Section.start,
  Section.element,
  Section.dataCount,
  Section.code,
  Section.data,
]
