import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link SimulationError}. */
export type SimulationErrorCode = 'SIMULATION_BAD_ARGUMENT' | 'SIMULATION_STALLED'

/** What each code of this package means. */
export const simulationErrorCatalog: ErrorCatalog<SimulationErrorCode> = {
  SIMULATION_BAD_ARGUMENT: {
    kind: 'user',
    retryable: false,
    meaning: 'The command line of the simulator is not one that it understands.',
    next: 'Read what is allowed: `npm run sim -- --help`.',
  },
  SIMULATION_STALLED: {
    kind: 'system',
    retryable: false,
    meaning: 'A simulated world hangs: it took no step for longer than it may, or waits for what never comes.',
    next: 'Play it again, under a debugger with a larger --stall-seconds: the command is in the message.',
  },
}

/** A simulation that cannot be begun, or comes to no verdict. */
export class SimulationError extends SteadError<SimulationErrorCode> {
  constructor(code: SimulationErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(simulationErrorCatalog, code, message, options)
  }
}
