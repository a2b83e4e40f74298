/**
 * How Node.js is started for a daemon. Its young generation, two spaces of this many MiB at most instead of 16, is most of
 * what a start and every burst of work add to its memory, and stays for a while (docs/adr/0009-memory.md).
 */
export const DAEMON_FLAGS = ['--max-semi-space-size=8']

/** Whether the arguments of a command start a daemon in this process. */
export function isDaemon(args) {
  return args[0] === 'up'
}
