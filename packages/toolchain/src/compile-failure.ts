import { isAbsolute, relative } from 'node:path'
import { SdkError } from '@stead/sdk/job'

/** One thing that a compiler found wrong. */
export interface CompileFault {
  readonly what: string
  readonly file?: string
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
}

/** The error of a job whose source does not compile, each fault on a line with its place. */
export function compileFailure(
  directory: string,
  faults: readonly CompileFault[],
  options: { readonly cause?: unknown; readonly next?: string } = {},
): SdkError {
  const lines = faults.map(({ what, file, line, column }) => {
    if (file === undefined) return what
    return `${[shownPath(directory, file), line, column].filter((part) => part !== undefined).join(':')}: ${what}`
  })
  const [first] = faults
  return new SdkError('JOB_BUILD_FAILED', `${directory} does not compile: ${lines.join('\n')}`, {
    details: { file: first?.file, line: first?.line, column: first?.column },
    ...options,
  })
}

/** A path as people write it: relative to the job's folder when it lies in there. */
export function shownPath(directory: string, file: string): string {
  const inside = relative(directory, file)
  return inside.startsWith('..') || isAbsolute(inside) ? file : inside
}
