import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hasCode } from '@stead/core'
import { auditBill } from '../audit/audit-bill.ts'
import { type AuditVerdict, auditVerdictText } from '../audit/audit-verdict.ts'
import { supervisorLogger } from '../commands/dev.ts'
import { daemonClient } from '../daemon-access.ts'
import { DevNetwork } from '../dev/dev-network.ts'
import { CliError } from '../errors.ts'
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts'
import { createInterruption } from '../interruption.ts'
import { type JobOutcome, jobFailure } from '../job/job-outcome.ts'
import { loadPackage } from '../job/load-package.ts'
import { endWithoutOutput } from '../terminal/output-failure.ts'
import { printError } from '../terminal/print-error.ts'
import { createTerminal, type Terminal, toJson } from '../terminal/terminal.ts'
import { runMainJob } from './main-job.ts'
import { type SettledJob, settleJob } from './settlement.ts'
import { startEpochs } from './start-epochs.ts'
import { describeStart } from './start-report.ts'
import { STORAGE_PROVIDERS, startStorage } from './start-storage.ts'

const PROVIDERS = 5
/** Each takes less than half a minute. */
const EPOCHS_MAX = 100

/** How `npm start` is called. */
interface StartOptions {
  readonly once: boolean
  readonly json: boolean
  /** How many epochs are played; undefined: the main job. */
  readonly epochs: number | undefined
  /** Objects are kept, nodes killed, objects read and repaired; false: the main job. */
  readonly storage: boolean
  readonly directory: string
  readonly isDefaultDirectory: boolean
}

const USAGE = `npm start [-- --once] [--epochs <n> | --storage] [--json] [--data-dir <path>]

A local network and a real job on it: found, checked, paid, settled, audited.
  --epochs <n>       instead: n short epochs (1 .. ${EPOCHS_MAX}) with operators who keep to the rules and others who do not,
                     who earned what and why; on a chain of its own below .stead/epochs
  --storage          instead: an object on ${STORAGE_PROVIDERS} nodes; four of those that keep it are killed, it is read, repaired
                     and billed; in a folder of its own, .stead/storage
  --once             leave after settlement; otherwise the network stays until Ctrl-C
  --json             one JSON object on standard output (npm start --silent keeps npm's own lines off it)
  --data-dir <path>  where the network keeps its keys, chain and data (default: .stead)`

/** `npm start`: a local network, the main job on it, its books and their audit; the network stays until Ctrl-C. */
export async function runStart(args: readonly string[], root: string): Promise<ExitCode> {
  const terminal = createTerminal({ isJson: args.includes('--json'), onOutputFailure: endWithoutOutput })
  if (args.includes('--help') || args.includes('-h')) {
    terminal.out(USAGE)
    return exitCodes.ok
  }
  try {
    const options = optionsOf(args, root)
    const { epochs, once, directory, isDefaultDirectory } = options
    if (options.storage) {
      const place = isDefaultDirectory ? join(directory, 'storage') : directory
      return await startStorage({ terminal, signal: createInterruption(terminal)() }, { once, directory: place })
    }
    if (epochs === undefined) return await start(options, { terminal, root })
    const place = isDefaultDirectory ? join(directory, 'epochs') : directory
    const signal = createInterruption(terminal)()
    return await startEpochs(
      { terminal, root, signal },
      { epochs, once, directory: place, isOwnDirectory: isDefaultDirectory },
    )
  } catch (error) {
    return printError(terminal, error)
  }
}

function optionsOf(args: readonly string[], root: string): StartOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean' },
        json: { type: 'boolean' },
        epochs: { type: 'string' },
        storage: { type: 'boolean' },
        'data-dir': { type: 'string' },
      },
    })
    if (values.epochs !== undefined && values.storage === true)
      throw new TypeError('--epochs and --storage are two different plays: choose one')
    return {
      epochs: values.epochs === undefined ? undefined : epochsOf(values.epochs),
      storage: values.storage ?? false,
      once: values.once ?? false,
      json: values.json ?? false,
      directory: values['data-dir'] ?? join(root, '.stead'),
      isDefaultDirectory: values['data-dir'] === undefined,
    }
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const next = 'npm start -- --help'
    throw new CliError('CLI_USAGE', message, { next })
  }
}

/** @throws TypeError for no number of epochs */
function epochsOf(text: string): number {
  const epochs = Number(text)
  if (Number.isInteger(epochs) && epochs >= 1 && epochs <= EPOCHS_MAX) return epochs
  throw new TypeError(`--epochs is 1 .. ${EPOCHS_MAX}, not ${JSON.stringify(text.slice(0, 40))}`)
}

interface Surroundings {
  readonly terminal: Terminal
  readonly root: string
}

async function start(options: StartOptions, { terminal, root }: Surroundings): Promise<ExitCode> {
  const signal = createInterruption(terminal)()
  const failed = Promise.withResolvers<never>()
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true })
  })
  const network = new DevNetwork(
    {
      logger: supervisorLogger(),
      events: { onNotice: (text) => terminal.message(text), onFailure: (error) => failed.reject(error) },
    },
    { directory: options.directory, providers: PROVIDERS },
  )
  await network.claim()
  terminal.message(`starting a chain, ${PROVIDERS} providers and a payer in ${network.layout.root} …`)
  try {
    const loading = loadPackage(join(root, 'examples', 'signal-search'))
    const up = await Promise.race([network.start(), failed.promise, interrupted])
    if (up === 'interrupted') return exitCodes.interrupted
    const run = runAndSettle(network, { terminal, signal, options }, await loading)
    const exitCode = await Promise.race([run, failed.promise])
    if (options.once) return exitCode
    terminal.message('\nThe network goes on. Try: npx stead status; Ctrl-C stops it, npm start later goes on with it.')
    await Promise.race([interrupted, failed.promise])
    return exitCode
  } catch (error) {
    if (!hasCode(error, 'CLI_INTERRUPTED')) throw error
    const next = 'Go on with it: npm start'
    throw new CliError('CLI_INTERRUPTED', 'interrupted; the network stops and the job is kept', { next })
  } finally {
    terminal.message('stopping …')
    await network.stop()
  }
}

async function runAndSettle(
  network: DevNetwork,
  surroundings: { readonly terminal: Terminal; readonly signal: AbortSignal; readonly options: StartOptions },
  loaded: Awaited<ReturnType<typeof loadPackage>>,
): Promise<ExitCode> {
  const { terminal } = surroundings
  const client = daemonClient(network.layout.payerDir)
  const outcome = await runMainJob({ client, operators: PROVIDERS, ...surroundings }, loaded)
  terminal.message('settling …')
  const providers = network.members.filter((member) => member.operator !== undefined)
  const settled = await settleJob({ payer: client, providers }, outcome.job)
  terminal.message('auditing: every billed task is run again here …')
  const { rpcUrl, layout } = network
  const verdict = await auditBill({ fetchBlob: (id) => client.getBlob(id) }, settled.evidence, {
    rpcUrl,
    addressBook: layout.addressBook,
  })
  print(terminal, outcome, { settled, verdict, auditAdvice: auditAdvice(surroundings.options, outcome.job.id) })
  const failure = jobFailure(outcome.job)
  if (failure !== undefined) return exitCodeOf(failure)
  return verdict.kind === 'match' ? exitCodes.ok : exitCodes.auditMismatch
}

/** The one command that recomputes the bill; it asks the payer's node for its receipts, which must be up. */
function auditAdvice(options: StartOptions, job: string): string {
  const folder = options.isDefaultDirectory ? '' : ` --data-dir ${options.directory}`
  const command = `npx stead audit bill ${job}${folder}`
  if (!options.once) return `recompute it: ${command}`
  const start = options.isDefaultDirectory ? 'npm start' : `npm start --${folder}`
  return `recompute it at any time, with the network up (${start}): ${command}`
}

function print(
  terminal: Terminal,
  outcome: JobOutcome,
  after: { readonly settled: SettledJob; readonly verdict: AuditVerdict; readonly auditAdvice: string },
): void {
  const { settled, verdict } = after
  if (!terminal.isJson) {
    terminal.out(describeStart(outcome, after))
    return
  }
  const { tasks: _tasks, running: _running, ...tasks } = outcome.job.counts
  terminal.out(
    toJson({
      job: outcome.job.id,
      findings: outcome.report.findings,
      complete: outcome.report.complete,
      tasks,
      costMicroUsd: outcome.job.costMicroUsd,
      nodes: settled.nodes,
      settlement: settled.settlement,
      audit: auditVerdictText(verdict),
    }),
  )
}
