/** What the sandbox says of a module or a call on every machine alike; its other errors are of the machine that it is on. */
const aboutTask: ReadonlySet<string> = new Set([
  'SANDBOX_MALFORMED',
  'SANDBOX_FORBIDDEN_FEATURE',
  'SANDBOX_FORBIDDEN_IMPORT',
  'SANDBOX_MODULE_LIMIT',
  'SANDBOX_NO_ENTRY',
  'SANDBOX_BAD_CALL',
])

/** True for the code of a sandbox error that a task would meet on any node, so that it is no use to try another. */
export function isAboutTask(code: string): boolean {
  return aboutTask.has(code)
}
