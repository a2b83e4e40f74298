/** What a process of ours is to run. */
export interface ProcessToRun {
  /** The file that runs a command line: `src/main.ts` or `dist/main.js`. */
  readonly main: string
  /** `--conditions=…` options of Node.js. */
  readonly conditions: readonly string[]
  /** The command line, without node and script. */
  readonly args: readonly string[]
  readonly environment: NodeJS.ProcessEnv
}

/** How to run it. */
export interface NodeCommand {
  readonly nodeArguments: string[]
  readonly environment: NodeJS.ProcessEnv
}

/** Where compiled code is kept. */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string

/** Whether these arguments start a daemon, which lives long. */
export function isDaemon(args: readonly string[]): boolean

/** Arguments for Node.js and the environment, to run a command line in a process of its own. */
export function nodeCommand(options: ProcessToRun): NodeCommand
