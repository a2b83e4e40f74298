// How a Node.js process of ours is started, in one place: by the `stead` command, by a local network for its daemons,
// and so by a service manager too. Plain JavaScript, because any Node.js >= 20 may read it. Why: docs/adr/0009-memory.md.
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The first argument that is neither an option nor the value of --data-dir. */
function commandOf(args) {
  return args.find((argument, index) => !argument.startsWith('-') && args[index - 1] !== '--data-dir')
}

/** Where compiled code is kept: not below /tmp, where others could plant it and where it is lost with a restart. */
export function cacheDirectory(environment) {
  const given = environment.XDG_CACHE_HOME ?? environment.LOCALAPPDATA
  const base = given !== undefined && isAbsolute(given) ? given : join(environment.HOME ?? homedir(), '.cache')
  return join(base, 'stead', 'node-compile-cache')
}

/** Whether these arguments start a daemon, which lives long. */
export function isDaemon(args) {
  return commandOf(args) === 'up'
}

/** Arguments for Node.js and the environment, to run the command line `args` by the file `main`. */
export function nodeCommand({ main, conditions, args, environment }) {
  return {
    nodeArguments: [...conditions, main, ...args],
    environment: {
      // Set here and not by the program: its first file would already load what strips types, 20 MB.
      NODE_COMPILE_CACHE: cacheDirectory(environment),
      // Each thread's own heap keeps what it once used; a node's threads allocate little.
      ...(isDaemon(args) ? { MALLOC_ARENA_MAX: '1' } : {}),
      ...environment,
    },
  }
}
