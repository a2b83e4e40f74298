import { isSteadError, type LogFields, type Logger } from '@stead/core'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Trace } from '../engine/trace.ts'

/** What a node says goes into the trace: the hash covers it, and the story of a failure shows what is not for debugging. */
export function simLogger(
  components: { readonly trace: Trace; readonly scheduler: Scheduler },
  who: string,
  onError: (message: string, fields: LogFields) => void,
): Logger {
  const { trace, scheduler } = components
  const of = (own: LogFields): Logger => {
    const say =
      (level: string) =>
      (message: string, fields: LogFields = {}) => {
        const text = `${level} ${message}${textOf({ ...own, ...fields })}`
        if (level === 'debug') trace.note(scheduler.nowMs, who, text)
        else trace.tell(scheduler.nowMs, who, text)
        if (level === 'error') onError(message, { ...own, ...fields })
      }
    return {
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      child: (fields) => of({ ...own, ...fields }),
    }
  }
  return of({})
}

function textOf(fields: LogFields): string {
  return Object.entries(fields)
    .map(([key, value]) => ` ${key}=${printed(value)}`)
    .join('')
}

/** The same in every version of the engine: no stacks, no words of its own errors. */
function printed(value: unknown): string {
  if (isSteadError(value)) return value.code
  if (value instanceof Error) return value.name
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? `[${value.length}]` : '{}'
  return String(value)
}
