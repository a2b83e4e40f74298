import type { TaskHandler } from '../../task-handler.ts'
import { installGlobals } from './globals.ts'
import { describeError, inspect } from './inspect.ts'
import { natives } from './natives.ts'

/** The engine throws null where there is no memory left for an error. */
const NO_MEMORY = ' (most often: out of memory)'

type Ending = { readonly output: Uint8Array } | { readonly thrown: unknown } | undefined

// Before the task's own modules, which are evaluated after this one.
installGlobals()

let handler: TaskHandler | undefined
let ending: Ending

/** Takes the task's exports; the build refuses a task without a handler. */
export function serve(exports: { readonly default?: unknown }): void {
  if (typeof exports.default !== 'function')
    throw new TypeError('the task has no `export default function (input, context) { … }`')
  handler = exports.default as TaskHandler
}

function fail(thrown: unknown): void {
  ending = { thrown }
}

function settle(result: unknown): void {
  if (typeof result === 'string') ending = { output: natives.encode(result.toWellFormed()) }
  else if (result instanceof Uint8Array) ending = { output: result }
  else fail(new TypeError(`the handler must return a Uint8Array or a string, not ${kindOf(result)}`))
}

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  return value.constructor?.name ?? 'an object'
}

function taskArguments(): string[] {
  return natives.decode(natives.args()).split('\0').slice(1, -1)
}

natives.start = () => {
  try {
    const result: unknown = handler?.(natives.input(), { args: taskArguments() })
    if (result instanceof Promise) result.then(settle, fail)
    else settle(result)
  } catch (error) {
    fail(error)
  }
}

natives.finish = () => {
  if (ending === undefined) fail(new TypeError('the handler awaits a promise that nothing settles'))
  if (ending !== undefined && 'output' in ending) {
    natives.write(1, ending.output)
    return 0
  }
  const thrown = ending?.thrown
  const text =
    thrown instanceof Error ? describeError(thrown) : `thrown: ${inspect(thrown)}${thrown === null ? NO_MEMORY : ''}`
  natives.write(2, natives.encode(`${text.toWellFormed()}\n`))
  return 1
}
