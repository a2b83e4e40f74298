import { loadNodeConfig } from '@stead/node'
import { nodeDirectories } from '@stead/node/files'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead config show`: each setting, its value and where it came from. */
export function define(command: Command, context: CommandContext): void {
  command
    .command('show')
    .description('print each setting, its value and where it came from')
    .action(() => show(context))
}

function show(context: CommandContext): void {
  const directories = nodeDirectories(context.dataDir, context.environment)
  const { values } = loadNodeConfig({ directories, environment: context.environment, flags: {} })
  if (context.terminal.isJson) {
    context.terminal.out(toJson({ directories, settings: values }))
    return
  }
  const table = renderTable(
    [
      { title: 'SETTING', value: (row) => row.key },
      { title: 'VALUE', value: (row) => (row.value === undefined ? '(not set)' : JSON.stringify(row.value)) },
      { title: 'FROM', value: (row) => (row.source === '' ? row.origin : `${row.origin}: ${row.source}`) },
    ],
    values,
  )
  context.terminal.out(table)
}
