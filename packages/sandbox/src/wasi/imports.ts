import { amountCosts } from '../cost-table.ts'
import type { HostFunction } from '../webassembly.ts'
import { descriptorCalls } from './calls/descriptor-calls.ts'
import { directoryCalls } from './calls/directory-calls.ts'
import { fileCalls } from './calls/file-calls.ts'
import { pathCalls } from './calls/path-calls.ts'
import { pollCalls } from './calls/poll-call.ts'
import { processCalls } from './calls/process-calls.ts'
import type { WasiCalls } from './calls/wasi-calls.ts'
import { Errno, WasiFault } from './errno.ts'
import type { WasiHost } from './host.ts'

const allCalls: WasiCalls = {
  ...processCalls,
  ...descriptorCalls,
  ...fileCalls,
  ...directoryCalls,
  ...pathCalls,
  ...pollCalls,
}

/** What a call that fails costs more, in calls: throwing takes 0.4 us. */
const FAILURE_CALLS = 4

/**
 * The WASI functions that a module imports, bound to one call's host. Each charges for itself first, and answers the
 * guest with an error number for whatever the guest did wrong.
 * @param host set by the runner once the instance (and so its memory) exists; no function runs before that
 */
export function wasiImports(names: readonly string[], host: () => WasiHost): Record<string, HostFunction> {
  const imports: Record<string, HostFunction> = {}
  for (const name of names) {
    const call = allCalls[name]
    if (call === undefined) throw new RangeError(`WASI function ${name} has a type but no implementation`)
    imports[name] = (...parameters: never[]): number => {
      const current = host()
      current.gauge.charge(amountCosts.hostCall)
      try {
        call(current, ...parameters)
        return Errno.success
      } catch (error) {
        if (!(error instanceof WasiFault)) throw error
        current.gauge.charge(FAILURE_CALLS * amountCosts.hostCall)
        return error.errno
      }
    }
  }
  return imports
}
