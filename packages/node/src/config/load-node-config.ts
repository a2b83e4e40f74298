import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Environment, NodeDirectories } from './directories.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { listSettings, type Setting } from './settings.ts'

/** The configuration file's name in its folder. */
export const CONFIG_FILE_NAME = 'config.json'

/** Where a node's configuration comes from. */
export interface NodeConfigSources {
  readonly directories: NodeDirectories
  readonly environment: Environment
  /** Values of flags by setting's key. */
  readonly flags: Readonly<Record<string, unknown>>
}

/** All settings of a node on this machine, with their defaults. */
export function listNodeSettings(): readonly Setting[] {
  return listSettings(Math.max(1, availableParallelism() - 1))
}

/** A node's configuration: flag over environment over file over default. @throws NodeError NODE_CONFIG_INVALID, NODE_CONFIG_UNREADABLE */
export function loadNodeConfig(sources: NodeConfigSources): LoadedConfig {
  const { directories, environment, flags } = sources
  return loadConfig(listNodeSettings(), { file: join(directories.configDir, CONFIG_FILE_NAME), environment, flags })
}
