import { formatMicroUsd, type Logger } from '@stead/core'
import { createLogger } from '@stead/node'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { devDirectory } from '../daemon-access.ts'
import { DevNetwork } from '../dev/dev-network.ts'
import { GIFT_DOLLARS_MICRO_USD } from '../dev/local-chain.ts'
import { CliError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

const PROVIDERS_DEFAULT = 5
const PROVIDERS_MAX = 50

/** `stead dev`: a chain, providers and a payer on this machine. */
export function define(command: Command, context: CommandContext): void {
  command
    .addOption(new Option('--nodes <n>', 'how many providers').default(String(PROVIDERS_DEFAULT)))
    .addOption(new Option('--once', 'stop again as soon as the network is up'))
    .addHelpText(
      'after',
      '\nA member that dies is started again after 0.5, 1, 2, 4, 8 s; one that dies six times in a row is given up.' +
        '\nThe same folder again is the same network: same chain, keys and unfinished jobs.',
    )
    .action((options: { readonly nodes: string; readonly once?: boolean }) => dev(options, context))
}

/** A logger for the supervisor: only what a person must know. */
export function supervisorLogger(): Logger {
  return createLogger({
    level: 'error',
    format: 'text',
    write: (line) => void process.stderr.write(line),
    now: () => Date.now(),
  })
}

async function dev(
  options: { readonly nodes: string; readonly once?: boolean },
  context: CommandContext,
): Promise<void> {
  const { terminal } = context
  const signal = context.interruption()
  const providers = providersOf(options.nodes)
  const failed = Promise.withResolvers<never>()
  const network = new DevNetwork(
    {
      logger: supervisorLogger(),
      events: { onNotice: (text) => terminal.message(text), onFailure: (error) => failed.reject(error) },
    },
    { directory: devDirectory(context), providers },
  )
  await network.claim()
  terminal.message(`starting a chain, ${providers} providers and a payer in ${network.layout.root} …`)
  const interrupted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  try {
    await Promise.race([network.start(), failed.promise, interrupted])
    if (!signal.aborted) describe(network, context)
    if (options.once !== true) await Promise.race([interrupted, failed.promise])
  } finally {
    terminal.message('stopping …')
    await network.stop()
  }
  if (signal.aborted) context.exitWith(exitCodes.interrupted)
}

/** How many providers were asked for. @throws CliError CLI_USAGE */
function providersOf(text: string): number {
  const providers = Number(text)
  if (Number.isInteger(providers) && providers >= 1 && providers <= PROVIDERS_MAX) return providers
  throw new CliError('CLI_USAGE', `--nodes must be 1 .. ${PROVIDERS_MAX}, not ${JSON.stringify(text)}`)
}

function describe(network: DevNetwork, { terminal }: CommandContext): void {
  if (terminal.isJson) {
    const { rpcUrl, layout, members } = network
    terminal.out(toJson({ directory: layout.root, rpcUrl, addressBook: layout.addressBook, members }))
    return
  }
  const table = renderTable(
    [
      { title: 'MEMBER', value: (member) => member.name },
      { title: 'NODE', value: (member) => member.node },
      { title: 'PAID TO', value: (member) => member.operator ?? '(pays)' },
      { title: 'PROCESS', value: (member) => String(network.processOf(member.name)?.pid ?? '-'), isNumber: true },
    ],
    network.members,
  )
  terminal.out(
    `${table}\n\nchain ${network.rpcUrl}, payer has ${formatMicroUsd(GIFT_DOLLARS_MICRO_USD)} of test money\n\n` +
      'Try, in another terminal:\n' +
      '  npx stead run examples/signal-search\n' +
      '  npx stead status\n' +
      '  npx stead receipts\n' +
      '  npx stead earnings --jobs\n' +
      '  npx stead put README.md stead://mine/ && npx stead ls stead://mine\n' +
      '  eval "$(npx stead s3)"   # then any S3 client on this machine\n' +
      'Ctrl-C stops everything; the same command later goes on where it was.',
  )
}
