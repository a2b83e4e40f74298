import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link SimulationError}. */
export type SimulationErrorCode = 'SIMULATION_BAD_ARGUMENT'

/** What each code of this package means. */
export const simulationErrorCatalog: ErrorCatalog<SimulationErrorCode> = {
  SIMULATION_BAD_ARGUMENT: {
    kind: 'user',
    retryable: false,
    meaning: 'The command line of the simulator is not one that it understands.',
    next: 'Read what is allowed: `npm run sim -- --help`.',
  },
}

/** A simulation that cannot be begun. */
export class SimulationError extends SteadError<SimulationErrorCode> {
  constructor(code: SimulationErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(simulationErrorCatalog, code, message, options)
  }
}
