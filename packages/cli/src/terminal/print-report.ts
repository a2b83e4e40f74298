import type { DoctorReport } from '@stead/sdk/api'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { toJson } from './terminal.ts'

/** Prints checks, one a line, what to do below each that is not right; exits 1 when something failed. */
export function printReport(report: DoctorReport, context: CommandContext): void {
  const { terminal } = context
  if (!report.healthy) context.exitWith(exitCodes.error)
  if (terminal.isJson) {
    terminal.out(toJson(report))
    return
  }
  const { good, bad, bold } = terminal.style
  const marks = { ok: good('ok     '), warning: bold('warning'), failed: bad('failed ') }
  for (const { name, state, detail, next } of report.checks) {
    terminal.out(`${marks[state]}  ${name.padEnd(24)} ${detail}`)
    if (next !== undefined) terminal.out(`         next: ${next}`)
  }
}
