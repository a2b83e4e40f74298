const DEPTH_MAX = 4
const ITEMS_MAX = 100

/** A value as console.log shows it: text as it is, everything else so that a person can read it. */
export function inspect(value: unknown): string {
  return typeof value === 'string' ? value : describe(value, [])
}

function describe(value: unknown, parents: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `[Function ${value.name || '(anonymous)'}]`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (parents.includes(value)) return '[Circular]'
  if (value instanceof Error) return describeError(value, parents)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (parents.length >= DEPTH_MAX) return Array.isArray(value) ? '[Array]' : '[Object]'
  const inner = [...parents, value]
  if (Array.isArray(value)) return list('[', value, (item) => describe(item, inner))
  if (value instanceof Map)
    return `Map(${value.size}) ${list('{', [...value], ([key, item]) => `${describe(key, inner)} => ${describe(item, inner)}`)}`
  if (value instanceof Set) return `Set(${value.size}) ${list('{', [...value], (item) => describe(item, inner))}`
  if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const items = value as Uint8Array
    return `${value.constructor.name}(${items.length}) ${list('[', items, (item) => describe(item, inner))}`
  }
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? '[null prototype]'
  const entries = Object.entries(value)
  const text = list('{', entries, ([key, item]) => `${keyText(key)}: ${describe(item, inner)}`)
  return name === 'Object' ? text : `${name} ${text}`
}

function keyText(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key)
}

/** An error with its stack and causes. */
export function describeError(error: Error, parents: readonly object[] = []): string {
  const stack = typeof error.stack === 'string' ? error.stack.trimEnd() : ''
  const text = stack === '' ? `${error.name}: ${error.message}` : `${error.name}: ${error.message}\n${stack}`
  if (error.cause === undefined || parents.length >= DEPTH_MAX) return text
  return `${text}\ncaused by: ${describe(error.cause, [...parents, error])}`
}

function list<Item>(open: '[' | '{', items: ArrayLike<Item>, describeItem: (item: Item) => string): string {
  const shown = Array.prototype.slice.call(items, 0, ITEMS_MAX) as Item[]
  const words = shown.map(describeItem)
  if (items.length > ITEMS_MAX) words.push(`… ${items.length - ITEMS_MAX} more`)
  if (open === '[') return `[${words.join(', ')}]`
  return words.length === 0 ? '{}' : `{ ${words.join(', ')} }`
}
