import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { writePrivateFile } from '../identity/private-file.ts'
import { readJsonObject, type SettingValue } from './load-config.ts'
import { listNodeSettings } from './load-node-config.ts'

/**
 * Keeps settings in a node's configuration file, so that whatever starts the node later finds them. What the file says of
 * other settings stays. Files are named from the root on: the node may be started in any folder.
 * @throws NodeError NODE_CONFIG_UNREADABLE, NODE_DATA_DIR; the errors of the system
 */
export function keepSettings(file: string, values: readonly SettingValue[]): void {
  const paths = new Set(listNodeSettings().flatMap(({ key, isPath }) => (isPath === true ? [key] : [])))
  const document: Record<string, object> = existsSync(file) ? { ...readJsonObject(file) } : {}
  for (const { key, value } of values) {
    const [section = '', name = ''] = key.split('.')
    document[section] = { ...document[section], [name]: paths.has(key) ? absolute(value) : value }
  }
  // For this user alone: addresses of chains may have keys in them.
  writePrivateFile(file, `${JSON.stringify(document, undefined, 2)}\n`, true)
}

function absolute(value: unknown): unknown {
  return Array.isArray(value) ? value.map((each) => resolve(String(each))) : resolve(String(value))
}
