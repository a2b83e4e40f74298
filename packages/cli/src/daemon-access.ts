import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { nodeDirectories, readApiFile } from '@stead/node/files'
import { DaemonClient, SdkError } from '@stead/sdk'
import type { CommandContext } from './command-context.ts'
import { DEV_DIRECTORY_NAME, type DevState, devLayout, findDevDirectory, readDevState } from './dev/dev-layout.ts'
import { commandIn } from './terminal/command-text.ts'

type Place = Pick<CommandContext, 'dataDir' | 'workingDirectory' | 'environment'>

/** A local network that a command means. */
export interface DevPlace {
  /** Absolute. */
  readonly root: string
  readonly state: DevState
  /** The member whose own folder `--data-dir` names; undefined when it names the network, or nothing does. */
  readonly member: string | undefined
}

/**
 * The local network that a command means: the one in the given folder, or the one that the given folder is a member of;
 * else the one in this folder or above, unless only the user's own node runs.
 */
export function devNetworkOf({ dataDir, environment, workingDirectory }: Place): DevPlace | undefined {
  if (dataDir !== undefined) return networkIn(dataDir) ?? networkOfMember(resolve(workingDirectory, dataDir))
  const root = findDevDirectory(workingDirectory)
  if (root === undefined) return undefined
  const runs = (stateDir: string): boolean => readApiFile(stateDir) !== undefined
  const onlyOwnRuns = runs(nodeDirectories(undefined, environment).stateDir) && !runs(devLayout(root).payerDir)
  return onlyOwnRuns ? undefined : networkIn(root)
}

function networkIn(folder: string): DevPlace | undefined {
  const root = resolve(folder)
  const state = readDevState(root)
  return state === undefined ? undefined : { root, state, member: undefined }
}

function networkOfMember(folder: string): DevPlace | undefined {
  const [network, member] = [networkIn(dirname(folder)), basename(folder)]
  return network !== undefined && membersOf(network).includes(member) ? { ...network, member } : undefined
}

/** The names of a local network's members. */
export function membersOf({ state }: Pick<DevPlace, 'state'>): readonly string[] {
  return ['payer', ...Array.from({ length: state.providers }, (_, index) => `provider-${index + 1}`)]
}

/** A client of the daemon that runs in a folder. */
export function daemonClient(stateDir: string): DaemonClient {
  return new DaemonClient({
    connection: async () => {
      const access = readApiFile(stateDir)
      if (access !== undefined) return { ...access, ...startOf(stateDir) }
      throw noDaemon(stateDir)
    },
    fetch: globalThis.fetch,
    clock: {
      sleep: async (delayMs, signal) => {
        await sleepFor(delayMs, undefined, signal === undefined ? {} : { signal })
      },
    },
  })
}

/** What a command says that needs a daemon where none runs. */
export function noDaemon(stateDir: string): SdkError {
  const why = existsSync(stateDir) ? 'no node runs there now' : 'there is no such folder'
  return new SdkError('API_NO_DAEMON', `no api.json in ${stateDir}: ${why}`, {
    details: { directory: stateDir },
    ...startOf(stateDir),
  })
}

/** How the node of a folder is started, as the next step; without a word for the usual folder, which needs no name. */
function startOf(stateDir: string): { readonly next?: string } {
  if (stateDir === nodeDirectories(undefined, process.env).stateDir) return {}
  const network = networkOfMember(stateDir)
  if (network === undefined) return { next: `Start one there: ${commandIn(stateDir, 'stead up')}` }
  const { root, state } = network
  return { next: `Start its network: ${commandIn(root, `stead dev --nodes ${state.providers}`)}` }
}

/** Where `stead dev` keeps its network when no folder is given: `.stead` in the working directory. */
export function devDirectory(context: Pick<CommandContext, 'dataDir' | 'workingDirectory'>): string {
  return context.dataDir ?? `${context.workingDirectory}/${DEV_DIRECTORY_NAME}`
}
