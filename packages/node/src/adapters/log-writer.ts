import { isSteadError, type LogFields, type Logger } from '@stead/core'

/** Levels from the chattiest to the most silent. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
/** The least important lines that are written. */
export type LogLevel = (typeof LOG_LEVELS)[number]
/** `json`: one JSON object per line; `text`: one line for a person. */
export const LOG_FORMATS = ['json', 'text'] as const
/** How a line is written. */
export type LogFormat = (typeof LOG_FORMATS)[number]

/** How log lines are written. */
export interface LogWriterOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes one line with its end; standard error in the daemon. */
  readonly write: (line: string) => void
  readonly now: () => number
}

const TEXT_LENGTH_MAX = 4096

/** A logger that writes lines; fields are made printable here, once, so that callers pass what they have. */
export function createLogger(options: LogWriterOptions, bound: LogFields = {}): Logger {
  const threshold = LOG_LEVELS.indexOf(options.level)
  const logAt = (level: Exclude<LogLevel, 'silent'>) => {
    if (LOG_LEVELS.indexOf(level) < threshold) return () => undefined
    const render = options.format === 'json' ? jsonLine : textLine
    return (message: string, fields?: LogFields): void =>
      options.write(render({ level, message, timeMs: options.now(), fields: { ...bound, ...fields } }))
  }
  return {
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
    child: (fields) => createLogger(options, { ...bound, ...fields }),
  }
}

interface LogLine {
  readonly level: string
  readonly message: string
  readonly timeMs: number
  readonly fields: LogFields
}

function jsonLine({ level, message, timeMs, fields }: LogLine): string {
  const line: Record<string, unknown> = { time: new Date(timeMs).toISOString(), level, message }
  for (const [key, value] of Object.entries(fields)) line[key in line ? `field_${key}` : key] = printable(value)
  return `${JSON.stringify(line)}\n`
}

function textLine({ level, message, timeMs, fields }: LogLine): string {
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${textOf(printable(value))}`)
  const time = new Date(timeMs).toISOString().slice(11, 23)
  return `${[time, level.toUpperCase().padEnd(5), message, ...facts].join(' ')}\n`
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value) ?? 'undefined'
  return /^[\x21\x23-\x7e]+$/.test(value) ? value : JSON.stringify(value)
}

/** JSON-safe, bounded and on one line: bigints as digits, errors as their facts, bytes as their length. */
function printable(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'string') return value.slice(0, TEXT_LENGTH_MAX)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Error) return errorFacts(value)
  if (Array.isArray(value)) return value.slice(0, 100).map(printable)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, printable(inner)]))
  }
  return typeof value === 'function' || typeof value === 'symbol' ? String(value) : value
}

function errorFacts(error: Error): unknown {
  if (isSteadError(error)) return { code: error.code, message: error.message, details: printable(error.details) }
  return { name: error.name, message: error.message, stack: error.stack?.slice(0, TEXT_LENGTH_MAX) }
}
