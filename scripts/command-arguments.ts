import { isSteadError } from '@stead/core'

/** What a command ends with when its arguments are wrong. */
export const EXIT_BAD_ARGUMENTS = 2

/**
 * Reads the command line of this process; what is wrong with it is told in one line.
 * @param command how people start it, such as `npm run sim:scale`
 * @returns undefined when something is wrong
 */
export function readArguments<Wanted>(command: string, read: (args: readonly string[]) => Wanted): Wanted | undefined {
  try {
    return read(process.argv.slice(2))
  } catch (error) {
    if (!isSteadError(error)) throw error
    process.stderr.write(`${error.message}; ${command} -- --help tells of all\n`)
    return undefined
  }
}
