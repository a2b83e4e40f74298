import { listNodeSettings, loadNodeConfig, type NodeConfig, type Setting, type SettingValue } from '@stead/node'
import { type NodeDirectories, nodeDirectories } from '@stead/node/files'
import { type Command, Option } from 'commander'
import type { CommandContext } from './command-context.ts'

/** How a node is to be run. */
export interface NodePlan {
  readonly config: NodeConfig
  readonly directories: NodeDirectories
}

/** A plan, and which part of it the command line said. */
export interface GivenPlan extends NodePlan {
  readonly given: readonly SettingValue[]
}

/** Adds an option for each setting of a node. */
export function addNodeSettings(command: Command): Command {
  for (const setting of listNodeSettings()) command.addOption(optionOf(setting))
  return command
}

/** The node's configuration from flags, environment, file and defaults. @throws NodeError NODE_CONFIG_… */
export function nodePlanOf(
  options: Readonly<Record<string, unknown>>,
  place: Pick<CommandContext, 'dataDir' | 'environment'>,
): GivenPlan {
  const { dataDir, environment } = place
  const directories = nodeDirectories(dataDir, environment)
  const flags = Object.fromEntries(listNodeSettings().map((setting) => [setting.key, givenValue(setting, options)]))
  const { config, values } = loadNodeConfig({ directories, environment, flags })
  return { config, directories, given: values.filter(({ origin }) => origin === 'flag') }
}

/** A setting as an option of the command line. */
function optionOf(setting: Setting): Option {
  const { flagName, kind, help, defaultValue } = setting
  const value = kind === 'flag' ? '' : kind === 'list' ? ' <value>' : kind === 'number' ? ' <number>' : ' <text>'
  const shown = defaultValue === undefined || defaultValue === '' ? '' : ` (default: ${JSON.stringify(defaultValue)})`
  // On by default: only switching it off makes sense.
  const name = kind === 'flag' && defaultValue === true ? `no-${flagName}` : flagName
  const text = name === flagName ? help : `Do not ${help.charAt(0).toLowerCase()}${help.slice(1)}`
  const option = new Option(`--${name}${value}`, `${text}${kind === 'flag' ? '' : shown}`)
  if (kind === 'list') {
    option.argParser((next: string, before: string[] | undefined) => [...(before ?? []), next])
  }
  return option
}

/** What the command line says of a setting; a `--no-…` flag that was not given looks like `true`. */
function givenValue(setting: Setting, options: Readonly<Record<string, unknown>>): unknown {
  const attribute = setting.flagName.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const value = options[attribute]
  return setting.kind === 'flag' && value === setting.defaultValue ? undefined : value
}
