/** How Node.js is started for a daemon. */
export const DAEMON_FLAGS: readonly string[]
/** The environment of a daemon. */
export function daemonEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined>
/** Whether a process has what a daemon is started with. */
export function isStartedAsDaemon(process: {
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}): boolean
/** Whether the arguments of a command start a daemon in this process. */
export function isDaemon(args: readonly string[]): boolean
