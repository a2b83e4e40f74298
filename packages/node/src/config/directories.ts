import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/** Where one node keeps what. All of it is below one folder when `--data-dir` is given. */
export interface NodeDirectories {
  /** `config.json`. */
  readonly configDir: string
  /** Keys and the store: must be kept. */
  readonly dataDir: string
  /** `api.json`, and what describes the running process only. */
  readonly stateDir: string
}

/** The part of the environment that is looked at. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The folders of a node: below `dataDir` when it is given, else by the XDG Base Directory Specification 0.8, whose
 * variables count only when they are absolute.
 */
export function nodeDirectories(dataDir: string | undefined, environment: Environment): NodeDirectories {
  if (dataDir !== undefined) {
    const root = resolve(dataDir)
    return { configDir: root, dataDir: root, stateDir: root }
  }
  const base = (variable: string, fallback: string): string => {
    const value = environment[variable]
    return join(value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback), 'stead')
  }
  return {
    configDir: base('XDG_CONFIG_HOME', '.config'),
    dataDir: base('XDG_DATA_HOME', join('.local', 'share')),
    stateDir: base('XDG_STATE_HOME', join('.local', 'state')),
  }
}

/** Where a node keeps its store, whose lock says that it runs. */
export function storeDirectory(dataDir: string): string {
  return join(dataDir, 'store')
}

/** Where a node keeps its key. */
export function nodeKeyPath(dataDir: string): string {
  return join(dataDir, 'keys', 'node.key')
}
