import { EMPTY_BLOCK } from '../binary/function-reader.ts'
import type { FunctionType, ModuleView } from '../binary/module-view.ts'

const NO_TYPE: FunctionType = { parameters: [], results: [] }
const ONE_RESULT: FunctionType = { parameters: [], results: [0] }

/** The parameters and results of a block, from its encoded type. Only for modules that have been validated. */
export function blockTypeOf(view: ModuleView, encoded: number): FunctionType {
  if (encoded === EMPTY_BLOCK) return NO_TYPE
  return encoded < 0 ? ONE_RESULT : typeAt(view, encoded)
}

/** The type with this index. Only for modules that have been validated. */
export function typeAt(view: ModuleView, typeIndex: number): FunctionType {
  const type = view.types[typeIndex]
  if (type === undefined) throw new RangeError(`type ${typeIndex} of ${view.types.length} in a validated module`)
  return type
}

/** The type of the function with this index, imported ones counted first. Only for validated modules. */
export function functionTypeAt(view: ModuleView, functionIndex: number): FunctionType {
  return typeAt(view, view.functionTypes[functionIndex] ?? -1)
}
