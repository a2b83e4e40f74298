import { hasCode } from '@stead/core'
import { Command, CommanderError, Option } from 'commander'
import type { CommandContext } from './command-context.ts'
import { type CommandEntry, commandList } from './command-list.ts'
import { CliError, cliErrorCatalog } from './errors.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { createInterruption } from './interruption.ts'
import { endWithoutOutput } from './terminal/output-failure.ts'
import { printError } from './terminal/print-error.ts'
import { createTerminal, type Terminal } from './terminal/terminal.ts'

const DESCRIPTION = 'Stead: share devices, run jobs on them, pay for what was verified.'
const EPILOGUE = `
First steps:
  stead dev                                    a local network with test money
  stead run examples/signal-search             a real job on it
  stead audit bill <job>                       recompute what it cost
  stead audit epoch latest                     recompute who earned what, and why

Exit codes: 0 ok, 1 error, 2 usage, 5 try again, 6 no provider, 7 job failed, 8 limit reached, 9 audit mismatch,
130 interrupted.`

/** Runs one command line (without node and script) and gives its exit code. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  const terminal = createTerminal({ isJson: args.includes('--json'), onOutputFailure: endWithoutOutput })
  let exitCode: ExitCode = exitCodes.ok
  const context: CommandContext = {
    terminal,
    dataDir: optionValue(args, '--data-dir') ?? nonEmpty(process.env.STEAD_DATA_DIR),
    workingDirectory: process.cwd(),
    environment: process.env,
    interruption: createInterruption(terminal),
    exitWith: (code) => {
      exitCode = code
    },
  }
  let program: Command | undefined
  try {
    program = await buildProgram(args, context)
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    return printFailure(terminal, error, helpOf(program, args))
  }
}

async function buildProgram(args: readonly string[], context: CommandContext): Promise<Command> {
  const program = addCommonOptions(new Command('stead'))
    .description(DESCRIPTION)
    .addHelpText('after', EPILOGUE)
    .version('0.1.0', '--version', 'print the version')
  prepare(program)
  const wanted = commandName(args)
  for (const entry of commandList) {
    const command = program.command(entry.name).description(entry.summary)
    prepare(command)
    if (entry.name === wanted) await define(entry, command, context)
  }
  return program
}

async function define(entry: CommandEntry, command: Command, context: CommandContext): Promise<void> {
  const module = await entry.load()
  await module.define(command, context)
  for (const each of [command, ...command.commands]) {
    addCommonOptions(each)
    prepare(each)
  }
}

/** The same for every command; read from the arguments before they are parsed, so that errors are printed right. */
function addCommonOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--data-dir <path>',
        'folder of a node (keys, store, state) or of a local network, instead of the usual one',
      ),
    )
    .addOption(new Option('--json', 'one JSON document on standard output, messages on standard error'))
}

function prepare(command: Command): void {
  command
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .helpOption('-h, --help', 'print this help')
  command.helpCommand(false)
}

/** The first argument that is neither an option nor the value of --data-dir. */
function commandName(args: readonly string[]): string | undefined {
  return args.find((argument, index) => !argument.startsWith('-') && args[index - 1] !== '--data-dir')
}

function optionValue(args: readonly string[], name: string): string | undefined {
  const end = args.indexOf('--')
  const known = end < 0 ? args : args.slice(0, end)
  const joined = known.find((argument) => argument.startsWith(`${name}=`))
  if (joined !== undefined) return nonEmpty(joined.slice(name.length + 1))
  const position = known.indexOf(name)
  return position < 0 ? undefined : nonEmpty(known[position + 1])
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** The help of the command that was meant, as far as its name is right: `stead audit epoch --help`. */
function helpOf(program: Command | undefined, args: readonly string[]): string {
  const names = ['stead']
  const words = args.filter((argument, index) => !argument.startsWith('-') && args[index - 1] !== '--data-dir')
  let command = program
  for (const word of words) {
    command = command?.commands.find((each) => each.name() === word)
    if (command === undefined) break
    names.push(word)
  }
  return `${names.join(' ')} --help`
}

function printFailure(terminal: Terminal, error: unknown, help: string): ExitCode {
  const next = `See what there is: ${help}`
  if (!(error instanceof CommanderError)) {
    // Who refuses a value need not know in which command; a next step of its own says more than any help.
    const isGeneral = hasCode(error, 'CLI_USAGE') && error.next === cliErrorCatalog.CLI_USAGE.next
    if (!isGeneral) return printError(terminal, error)
    const { message, details, cause } = error
    return printError(terminal, new CliError('CLI_USAGE', message, { details, next, cause }))
  }
  // Help and version end the parse by an exception as well.
  if (error.exitCode === 0) return exitCodes.ok
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ')
  const isHelp = error.code === 'commander.help'
  return printError(terminal, new CliError('CLI_USAGE', isHelp ? 'a command is missing' : message, { next }))
}
