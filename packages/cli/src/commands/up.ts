import { listNodeSettings, loadNodeConfig, runDaemon, type Setting, tellParentFailure } from '@stead/node'
import { nodeDirectories } from '@stead/node/files'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead up`: a node in the foreground. */
export function define(command: Command, context: CommandContext): void {
  const settings = listNodeSettings()
  for (const setting of settings) command.addOption(optionOf(setting))
  command
    .addHelpText('after', '\nStops with Ctrl-C: work in hand ends or is handed back; a second Ctrl-C stops at once.')
    .action(async (options: Record<string, unknown>) => {
      try {
        await up(settings, options, context)
      } catch (error) {
        tellParentFailure(error)
        throw error
      }
    })
}

async function up(
  settings: readonly Setting[],
  options: Record<string, unknown>,
  context: CommandContext,
): Promise<void> {
  const directories = nodeDirectories(context.dataDir, context.environment)
  const flags = Object.fromEntries(settings.map((setting) => [setting.key, givenValue(setting, options)]))
  const { config } = loadNodeConfig({ directories, environment: context.environment, flags })
  const end = await runDaemon({
    config,
    directories,
    onReady: (ready) => {
      if (context.terminal.isJson) context.terminal.out(toJson({ ready }))
    },
  })
  if (end === 'interrupted') context.exitWith(exitCodes.interrupted)
}

/** A setting as an option of the command line. */
export function optionOf(setting: Setting): Option {
  const { flagName, kind, help, defaultValue } = setting
  const value = kind === 'flag' ? '' : kind === 'list' ? ' <value>' : kind === 'number' ? ' <number>' : ' <text>'
  const shown = defaultValue === undefined || defaultValue === '' ? '' : ` (default: ${JSON.stringify(defaultValue)})`
  // On by default: only switching it off makes sense.
  const name = kind === 'flag' && defaultValue === true ? `no-${flagName}` : flagName
  const option = new Option(`--${name}${value}`, `${help}${kind === 'flag' ? '' : shown}`)
  if (kind === 'list') {
    option.argParser((next: string, before: string[] | undefined) => [...(before ?? []), next])
  }
  return option
}

/** What the command line says of a setting; a `--no-…` flag that was not given looks like `true`. */
function givenValue(setting: Setting, options: Record<string, unknown>): unknown {
  const attribute = setting.flagName.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const value = options[attribute]
  return setting.kind === 'flag' && value === setting.defaultValue ? undefined : value
}
