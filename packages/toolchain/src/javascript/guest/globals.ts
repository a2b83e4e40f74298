import { inspect } from './inspect.ts'
import { natives } from './natives.ts'
import { guestStructuredClone } from './structured-clone.ts'
import { GuestTextDecoder, GuestTextEncoder } from './text-coding.ts'

function log(...values: unknown[]): void {
  natives.write(2, natives.encode(`${values.map(inspect).join(' ').toWellFormed()}\n`))
}

function assert(condition?: unknown, ...values: unknown[]): void {
  if (!condition) log('Assertion failed', ...values)
}

/** The largest that getRandomValues of the Web Crypto standard fills. */
const RANDOM_BYTES_MAX = 65_536

function getRandomValues<View extends ArrayBufferView>(view: View): View {
  if (view.byteLength > RANDOM_BYTES_MAX) throw new DOMException('more than 65,536 bytes', 'QuotaExceededError')
  natives.random(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  return view
}

function randomUUID(): string {
  const bytes = getRandomValues(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true })
}

/** Gives the task what programs expect of every JavaScript environment and the engine does not have. */
export function installGlobals(): void {
  // All of the console goes to standard error: standard output is the task's result.
  define('console', { log, info: log, warn: log, error: log, debug: log, trace: log, assert })
  define('crypto', { getRandomValues, randomUUID })
  define('structuredClone', guestStructuredClone)
  define('TextEncoder', GuestTextEncoder)
  define('TextDecoder', GuestTextDecoder)
}
