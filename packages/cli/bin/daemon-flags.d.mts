/** How Node.js is started for a daemon. */
export const DAEMON_FLAGS: readonly string[]
/** Whether the arguments of a command start a daemon in this process. */
export function isDaemon(args: readonly string[]): boolean
