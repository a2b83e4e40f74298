import { existsSync } from 'node:fs'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { nodeDirectories, readApiFile } from '@stead/node/files'
import { DaemonClient, SdkError } from '@stead/sdk'
import type { CommandContext } from './command-context.ts'
import { DEV_DIRECTORY_NAME, type DevState, devLayout, findDevDirectory, readDevState } from './dev/dev-layout.ts'

type Place = Pick<CommandContext, 'dataDir' | 'workingDirectory' | 'environment'>

/** A local network that a command means. */
export interface DevPlace {
  readonly root: string
  readonly state: DevState
}

/**
 * The local network that a command means: the one in the given folder; else the one in this folder or above, unless
 * only the user's own node runs.
 */
export function devNetworkOf({ dataDir, environment, workingDirectory }: Place): DevPlace | undefined {
  const root = dataDir ?? findDevDirectory(workingDirectory)
  const state = root === undefined ? undefined : readDevState(root)
  if (root === undefined || state === undefined) return undefined
  if (dataDir !== undefined) return { root, state }
  const runs = (stateDir: string): boolean => readApiFile(stateDir) !== undefined
  const onlyOwnRuns = runs(nodeDirectories(undefined, environment).stateDir) && !runs(devLayout(root).payerDir)
  return onlyOwnRuns ? undefined : { root, state }
}

/** The folder of the daemon that a command talks to: a local network's payer, or the user's own node. */
function daemonStateDir(place: Place): string {
  const dev = devNetworkOf(place)
  if (dev !== undefined) return devLayout(dev.root).payerDir
  return nodeDirectories(place.dataDir, place.environment).stateDir
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
