import { setTimeout as sleepFor } from 'node:timers/promises'
import type { EpochLine, EpochList } from '@stead/sdk/api'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { epochOf } from '../epoch/epoch-number.ts'
import { exitCodes } from '../exit-codes.ts'
import { addMemberOption, clientOf, type GivenMember, toldNodePlace } from '../node-place.ts'
import { patiently } from '../patiently.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

const LOOK_MS = 2000
const STATES = `
States: running; gathering: over, probe logs come in or nobody has proposed yet; proposed: its root can be challenged;
challenged: stake decides; mismatch: proposed, and this node computes another root; final: claims are against its root
or a later one; dropped: proposed, and not decided in time. LOGS are the probe logs that are here, MISSING the bonded
nodes of which none is.`

/** `stead epoch`: what the node knows of epochs; propose one, or watch all. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'operator')
    .addHelpText('after', STATES)
    .action((given: GivenMember) => list(given, context))
  const propose = command
    .command('run')
    .description('compute an epoch from its logs, publish it and propose its root, with the deposit of the operator')
    .argument('<epoch>', 'its number')
  // An option before the subcommand's name is the same as one after it.
  addMemberOption(propose, 'operator').action((epoch: string, _: GivenMember, own: Command) =>
    run(epochOf(epoch, 'epoch'), own.optsWithGlobals(), context),
  )
  const watching = command
    .command('watch')
    .description(
      'show what becomes of epochs; a node that was told to watch recomputes each and challenges a wrong one',
    )
    .addOption(new Option('--once', 'only what there is now'))
  addMemberOption(watching, 'operator').action(({ once }: { readonly once?: boolean }, own: Command) =>
    (once === true ? list : watch)(own.optsWithGlobals(), context),
  )
}

async function list(given: GivenMember, context: CommandContext): Promise<void> {
  const known = await clientOf(toldNodePlace('operator', given, context)).listEpochs()
  const { terminal } = context
  if (terminal.isJson) return void terminal.out(toJson(known))
  terminal.message(`epoch ${known.now} runs until ${endOf(known)}`)
  for (const { duty, reason } of known.faults) terminal.message(`does not work now: ${duty}: ${reason}`)
  if (known.epochs.length === 0) return void terminal.message('the node knows of no epoch that is over')
  terminal.out(describe(known))
}

function describe({ epochs, proposal }: EpochList): string {
  return renderTable(
    [
      { title: 'EPOCH', value: (each) => String(each.epoch), isNumber: true },
      { title: 'STATE', value: (each) => each.state },
      { title: 'LOGS', value: (each) => String(each.logs), isNumber: true },
      { title: 'MISSING', value: (each) => String(each.missing.length), isNumber: true },
      { title: 'ROOT', value: (each) => each.root?.slice(0, 18) ?? '-' },
      { title: 'WHY', value: (each) => each.reason ?? openUntil(each, proposal) },
    ],
    epochs,
  )
}

function endOf({ now, terms }: EpochList): string {
  return new Date(terms.genesisAt + (now + 1) * terms.epochSeconds * 1000).toISOString()
}

function openUntil({ epoch }: EpochLine, proposal: EpochList['proposal']): string {
  if (proposal?.epoch !== epoch) return ''
  const end = new Date(proposal.endsAt).toISOString()
  return proposal.challenge === null ? `can be challenged until ${end}` : `to be decided until ${end}`
}

async function run(epoch: number, given: GivenMember, context: CommandContext): Promise<void> {
  const { terminal } = context
  const client = clientOf(toldNodePlace('operator', given, context))
  terminal.message(`computing epoch ${epoch} …`)
  const proposed = await client.runEpoch(epoch)
  if (terminal.isJson) return void terminal.out(toJson(proposed))
  const { attempt, root, evidence, logs } = proposed
  terminal.out(`epoch ${epoch}: proposed as ${attempt}, root ${root}, evidence ${evidence}, ${logs} logs`)
  terminal.message(`anybody can check it: stead audit epoch ${epoch}`)
}

/** One line for each change, until it is interrupted; with --json each line is one object. */
async function watch(given: GivenMember, context: CommandContext): Promise<void> {
  const { terminal } = context
  const signal = context.interruption()
  const client = clientOf(toldNodePlace('operator', given, context))
  const seen = new Map<number, string>()
  while (!signal.aborted) {
    const known = await patiently(() => client.listEpochs({ signal })).catch((error: unknown) => {
      if (signal.aborted) return undefined
      throw error
    })
    for (const each of known?.epochs ?? []) {
      const line = changeText(each)
      if (seen.get(each.epoch) === line) continue
      seen.set(each.epoch, line)
      terminal.out(terminal.isJson ? toJson(each) : line)
    }
    await sleepFor(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
  context.exitWith(exitCodes.interrupted)
}

function changeText({ epoch, state, root, reason, logs, missing }: EpochLine): string {
  const parts = [`${logs} logs`, ...(missing.length === 0 ? [] : [`${missing.length} missing`])]
  if (root !== null) parts.push(`root ${root.slice(0, 18)}`)
  if (reason !== null) parts.push(reason)
  return `epoch ${epoch}: ${state}; ${parts.join(', ')}`
}
