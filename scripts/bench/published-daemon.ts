import { join } from 'node:path'
import { listNodeSettings } from '@stead/node'
import { DaemonProcess, type DaemonProgram } from '../../packages/cli/src/dev/daemon-process.ts'
import { buildPackages } from '../build.ts'
import { root } from '../run-step.ts'

const READY_TIMEOUT_MS = 60_000

/** `stead up` as an operator has installed it: of built files, in which no types are to be stripped. */
export const PUBLISHED_UP: DaemonProgram = {
  file: join(root, 'packages/cli/bin/enter.mjs'),
  args: ['up'],
  conditions: [],
}

let built: Promise<boolean> | undefined

/** Compiles what would be published, once for all benches of a run. @throws Error when it does not compile */
export async function buildPublished(): Promise<void> {
  built ??= buildPackages()
  if (!(await built)) throw new Error('the packages do not compile')
}

/** What a node is told, by the keys of its settings. */
export type DaemonSettings = Readonly<Record<string, boolean | number | string | readonly string[] | undefined>>

/** Starts a published daemon that listens on loopback only and finds others by what it is told. */
export async function startPublished(name: string, dataDir: string, settings: DaemonSettings): Promise<DaemonProcess> {
  await buildPublished()
  const local = { 'network.listen': ['/ip4/127.0.0.1/tcp/0'], 'network.mdns': false }
  const args = argumentsOf({ ...local, ...settings })
  return await DaemonProcess.start({ name, dataDir, args, program: PUBLISHED_UP, readyTimeoutMs: READY_TIMEOUT_MS })
}

function argumentsOf(settings: DaemonSettings): readonly string[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const setting = listNodeSettings().find((each) => each.key === key)
    if (setting === undefined) throw new Error(`a node has no setting ${key}`)
    const { flagName } = setting
    if (value === undefined || value === setting.defaultValue) return []
    if (typeof value === 'boolean') return value ? [`--${flagName}`] : [`--no-${flagName}`]
    const values = typeof value === 'object' ? value : [value]
    return values.flatMap((each) => [`--${flagName}`, String(each)])
  })
}
