import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { writePrivateFile } from '@stead/node/files'

/** Where a local network keeps what; all of it below one folder. */
export interface DevLayout {
  readonly root: string
  /** The supervisor's lock. */
  readonly lockDir: string
  readonly chainDir: string
  readonly addressBook: string
  readonly deployerKey: string
  /** {@link DevState}. */
  readonly stateFile: string
  readonly payerDir: string
  providerDir(number: number): string
}

/** What a local network is, beside its members' own folders; survives restarts so that addresses stay. */
export interface DevState {
  readonly version: 1
  /** How many providers. */
  readonly providers: number
  readonly rpcUrl: string
  /** Members by name (`payer`, `provider-1`): the multiaddrs that they listened on last. */
  readonly listen: Readonly<Record<string, readonly string[]>>
}

/** The folder's name in a project. */
export const DEV_DIRECTORY_NAME = '.stead'

/** The layout of a local network below `root`. */
export function devLayout(root: string): DevLayout {
  const absolute = resolve(root)
  return {
    root: absolute,
    lockDir: join(absolute, 'supervisor'),
    chainDir: join(absolute, 'chain'),
    addressBook: join(absolute, 'address-book.json'),
    deployerKey: join(absolute, 'keys', 'deployer.key'),
    stateFile: join(absolute, 'network.json'),
    payerDir: join(absolute, 'payer'),
    providerDir: (number) => join(absolute, `provider-${number}`),
  }
}

/** The state of the local network in a folder; undefined when there is none. */
export function readDevState(root: string): DevState | undefined {
  const path = devLayout(root).stateFile
  if (!existsSync(path)) return undefined
  try {
    const state = JSON.parse(readFileSync(path, 'utf8')) as Partial<DevState>
    if (state.version !== 1 || typeof state.providers !== 'number' || typeof state.rpcUrl !== 'string') return undefined
    return { version: 1, providers: state.providers, rpcUrl: state.rpcUrl, listen: state.listen ?? {} }
  } catch {
    // Damaged by a crash of the machine: ports are chosen anew, keys and chain are in files of their own.
    return undefined
  }
}

/** Keeps the state. */
export function writeDevState(root: string, state: DevState): void {
  writePrivateFile(devLayout(root).stateFile, `${JSON.stringify(state, undefined, 2)}\n`)
}

/** The nearest folder from `directory` upwards whose `.stead` holds a local network. */
export function findDevDirectory(directory: string): string | undefined {
  for (let current = resolve(directory); ; current = dirname(current)) {
    const candidate = join(current, DEV_DIRECTORY_NAME)
    if (existsSync(devLayout(candidate).stateFile)) return candidate
    if (dirname(current) === current) return undefined
  }
}
