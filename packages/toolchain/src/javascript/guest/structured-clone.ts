/** structuredClone of the HTML standard for what a task can have: no transfer, no platform objects. */
export function guestStructuredClone<Value>(value: Value): Value {
  return clone(value, new Map()) as Value
}

const ERRORS: ReadonlyMap<string, ErrorConstructor> = new Map(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map((type) => [
    type.name,
    type as ErrorConstructor,
  ]),
)

function refuse(value: unknown): never {
  const what =
    typeof value === 'symbol' ? 'a symbol' : typeof value === 'function' ? 'a function' : 'an object of its kind'
  throw new DOMException(`${what} cannot be cloned`, 'DataCloneError')
}

function clone(value: unknown, seen: Map<object, object>): unknown {
  if (typeof value === 'symbol' || typeof value === 'function') refuse(value)
  if (typeof value !== 'object' || value === null) return value
  const before = seen.get(value)
  if (before !== undefined) return before
  const keep = <Copy extends object>(copy: Copy): Copy => {
    seen.set(value, copy)
    return copy
  }
  if (value instanceof Date) return keep(new Date(value.getTime()))
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags))
  if (value instanceof ArrayBuffer) return keep(value.slice(0))
  if (ArrayBuffer.isView(value)) return keep(cloneView(value, seen))
  if (value instanceof Map) {
    const copy = keep(new Map())
    for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen))
    return copy
  }
  if (value instanceof Set) {
    const copy = keep(new Set())
    for (const item of [...value]) copy.add(clone(item, seen))
    return copy
  }
  if (value instanceof Error) return cloneError(value, seen, keep)
  if (isBoxed(value)) return keep(Object(value.valueOf()) as object)
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef)
    refuse(value)
  const copy: Record<string, unknown> = keep(Array.isArray(value) ? (new Array(value.length) as never) : {})
  for (const [key, item] of Object.entries(value)) {
    Object.defineProperty(copy, key, { value: clone(item, seen), writable: true, enumerable: true, configurable: true })
  }
  return copy
}

function isBoxed(value: object): boolean {
  return value instanceof Number || value instanceof String || value instanceof Boolean || value instanceof BigInt
}

function cloneView(value: ArrayBufferView, seen: Map<object, object>): ArrayBufferView {
  const buffer = clone(value.buffer, seen) as ArrayBuffer
  if (value instanceof DataView) return new DataView(buffer, value.byteOffset, value.byteLength)
  const View = value.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => ArrayBufferView
  return new View(buffer, value.byteOffset, (value as Uint8Array).length)
}

function cloneError(value: Error, seen: Map<object, object>, keep: <Copy extends object>(copy: Copy) => Copy): Error {
  const copy = keep(new (ERRORS.get(value.name) ?? Error)(value.message))
  for (const name of ['stack', 'cause'] as const) {
    if (!Object.hasOwn(value, name)) continue
    Object.defineProperty(copy, name, { value: clone(value[name], seen), writable: true, configurable: true })
  }
  return copy
}
