/**
 * How Node.js is started for a daemon. Its young generation, two spaces of this many MiB at most instead of 16, is most of
 * what a start and every burst of work add to its memory, and stays for a while. Its old generation is collected when it
 * has grown by this many percent, and not only when it is more than twice as large (docs/adr/0009-memory.md).
 */
export const DAEMON_FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=30']

/**
 * What a daemon's environment says besides, unless its operator does: so many of glibc's pools of memory, in place of eight
 * for each core.
 */
const DAEMON_VARIABLES = { MALLOC_ARENA_MAX: '2' }

/** The environment of a daemon. */
export function daemonEnvironment(environment) {
  return { ...DAEMON_VARIABLES, ...environment }
}

/** Whether a process has what a daemon is started with. */
export function isStartedAsDaemon({ execArgv, env }) {
  return (
    DAEMON_FLAGS.every((flag) => execArgv.includes(flag)) &&
    Object.keys(DAEMON_VARIABLES).every((name) => env[name] !== undefined)
  )
}

/** Whether the arguments of a command start a daemon in this process. */
export function isDaemon(args) {
  return args[0] === 'up'
}
