import { existsSync, readFileSync } from 'node:fs'
import { messageOf, nameDistance } from '@stead/core'
import { NodeError } from '../errors.ts'
import type { Environment } from './directories.ts'
import type { NodeConfig, Setting } from './settings.ts'

/** Where a value came from; a later one of this list wins. */
export type SettingOrigin = 'default' | 'file' | 'environment' | 'flag'

/** One setting as it stands. */
export interface SettingValue {
  readonly key: string
  readonly value: unknown
  readonly origin: SettingOrigin
  /** The file, variable or flag; empty for a default. */
  readonly source: string
}

/** A complete configuration and how it came about. */
export interface LoadedConfig {
  readonly config: NodeConfig
  readonly values: readonly SettingValue[]
}

/** Where to look for values. */
export interface ConfigSources {
  readonly file: string
  readonly environment: Environment
  /** Values of flags by setting's key: text, list of text, or a boolean. */
  readonly flags: Readonly<Record<string, unknown>>
}

/**
 * Puts the configuration together: flag over environment over file over default.
 * @throws NodeError NODE_CONFIG_INVALID (unknown setting, wrong value), NODE_CONFIG_UNREADABLE
 */
export function loadConfig(settings: readonly Setting[], sources: ConfigSources): LoadedConfig {
  const fromFile = readConfigFile(settings, sources.file)
  checkEnvironment(settings, sources.environment)
  const values = settings.map((setting) => resolveSetting(setting, sources, fromFile))
  const config: Record<string, Record<string, unknown>> = {}
  for (const { key, value } of values) {
    const [section = '', name = ''] = key.split('.')
    config[section] ??= {}
    Object.assign(config[section], { [name]: value })
  }
  for (const section of Object.values(config)) Object.freeze(section)
  return { config: Object.freeze(config) as unknown as NodeConfig, values }
}

function resolveSetting(setting: Setting, sources: ConfigSources, file: ReadonlyMap<string, unknown>): SettingValue {
  const { key } = setting
  const flag = sources.flags[key]
  if (flag !== undefined) {
    const source = `--${setting.flagName}`
    return {
      key,
      value: checked(setting, typeof flag === 'boolean' ? flag : parsed(setting, flag), source),
      origin: 'flag',
      source,
    }
  }
  const variable = sources.environment[setting.environment]
  if (variable !== undefined && variable !== '') {
    const source = setting.environment
    return { key, value: checked(setting, parsed(setting, variable), source), origin: 'environment', source }
  }
  if (file.has(key)) {
    return { key, value: checked(setting, file.get(key), sources.file), origin: 'file', source: sources.file }
  }
  return { key, value: setting.defaultValue, origin: 'default', source: '' }
}

/** Text of a flag or variable as the setting's own type; what does not parse is left for the check to name. */
function parsed(setting: Setting, value: unknown): unknown {
  if (setting.kind === 'list') return Array.isArray(value) ? value : String(value).split(',').filter(Boolean)
  const textValue = String(value)
  if (setting.kind === 'number') return /^-?\d+$/.test(textValue) ? Number(textValue) : textValue
  if (setting.kind === 'flag') return { true: true, '1': true, false: false, '0': false }[textValue] ?? textValue
  return textValue
}

function checked(setting: Setting, value: unknown, source: string): unknown {
  const result = setting.schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new NodeError('NODE_CONFIG_INVALID', `${setting.key} (${source}): ${issue?.message ?? 'not allowed'}`, {
    details: { key: setting.key, source, have: JSON.stringify(value) },
    next: `Correct it; what it means: ${setting.help}`,
  })
}

function readConfigFile(settings: readonly Setting[], path: string): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  if (!existsSync(path)) return found
  const document = readJsonObject(path)
  const known = new Set(settings.map((setting) => setting.key))
  for (const [section, content] of Object.entries(document)) {
    if (section === '$schema') continue
    if (typeof content !== 'object' || content === null || Array.isArray(content)) unknownSetting(section, path, known)
    for (const [name, value] of Object.entries(content as object)) {
      const key = `${section}.${name}`
      if (!known.has(key)) unknownSetting(key, path, known)
      found.set(key, value)
    }
  }
  return found
}

/** A file that holds one JSON object. @throws NodeError NODE_CONFIG_UNREADABLE */
export function readJsonObject(path: string): object {
  let document: unknown
  try {
    document = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new NodeError('NODE_CONFIG_UNREADABLE', `${path}: ${messageOf(cause)}`, { details: { path }, cause })
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document
  throw new NodeError('NODE_CONFIG_UNREADABLE', `${path} is not a JSON object`, { details: { path } })
}

/** Variables that other parts of the command read. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['STEAD_DATA_DIR'])

/** A misspelt variable would otherwise be dropped in silence. */
function checkEnvironment(settings: readonly Setting[], environment: Environment): void {
  const known = new Set(settings.map((setting) => setting.environment))
  for (const name of Object.keys(environment)) {
    if (name.startsWith('STEAD_') && !known.has(name) && !OTHER_VARIABLES.has(name)) {
      unknownSetting(name, 'environment', known)
    }
  }
}

function unknownSetting(name: string, source: string, known: ReadonlySet<string>): never {
  const nearest = [...known].filter((candidate) => nameDistance(candidate, name) <= 3).slice(0, 3)
  throw new NodeError('NODE_CONFIG_INVALID', `${name} (${source}) is not a setting`, {
    details: { have: name, source, nearest },
    next: nearest.length > 0 ? `Did you mean ${nearest.join(' or ')}?` : 'See all of them: stead config show',
  })
}
