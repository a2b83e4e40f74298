import { existsSync } from 'node:fs'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { nodeDirectories, readApiFile } from '@stead/node/files'
import { DaemonClient, SdkError } from '@stead/sdk'
import type { CommandContext } from './command-context.ts'
import { DEV_DIRECTORY_NAME, devLayout, findDevDirectory, readDevState } from './dev/dev-layout.ts'

/**
 * The folder of the daemon that a command talks to: the one given; a local network's payer where the given folder, or
 * one above the working directory, holds a local network; else the user's own node.
 */
export function daemonStateDir(context: Pick<CommandContext, 'dataDir' | 'workingDirectory' | 'environment'>): string {
  const { dataDir, environment, workingDirectory } = context
  if (dataDir !== undefined) {
    return readDevState(dataDir) === undefined ? dataDir : devLayout(dataDir).payerDir
  }
  const own = nodeDirectories(undefined, environment).stateDir
  const dev = findDevDirectory(workingDirectory)
  // A node of one's own that runs goes before a network that somebody once tried in this project.
  if (dev === undefined || (readApiFile(own) !== undefined && readApiFile(devLayout(dev).payerDir) === undefined))
    return own
  return devLayout(dev).payerDir
}

/** A client of the daemon that runs in a folder. */
export function daemonClient(stateDir: string): DaemonClient {
  return new DaemonClient({
    connection: async () => {
      const access = readApiFile(stateDir)
      if (access !== undefined) return access
      const why = existsSync(stateDir) ? 'no node runs there now' : 'there is no such folder'
      throw new SdkError('API_NO_DAEMON', `no api.json in ${stateDir}: ${why}`, { details: { directory: stateDir } })
    },
    fetch: globalThis.fetch,
    clock: {
      sleep: async (delayMs, signal) => {
        await sleepFor(delayMs, undefined, signal === undefined ? {} : { signal })
      },
    },
  })
}

/** A client of the daemon that a command talks to. */
export function clientFor(context: CommandContext): DaemonClient {
  return daemonClient(daemonStateDir(context))
}

/** Where `stead dev` keeps its network when no folder is given: `.stead` in the working directory. */
export function devDirectory(context: Pick<CommandContext, 'dataDir' | 'workingDirectory'>): string {
  return context.dataDir ?? `${context.workingDirectory}/${DEV_DIRECTORY_NAME}`
}
