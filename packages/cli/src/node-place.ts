import { join, relative } from 'node:path'
import { type NodeDirectories, nodeDirectories } from '@stead/node/files'
import type { DaemonClient } from '@stead/sdk'
import { type Command, Option } from 'commander'
import type { CommandContext } from './command-context.ts'
import { type DevPlace, daemonClient, devNetworkOf, membersOf } from './daemon-access.ts'
import { CliError } from './errors.ts'

/** For whom a command acts: who owns a node that earns, or who pays for jobs. */
export type Side = 'operator' | 'payer'

/** The member of a local network that a command means when nobody says which. */
const USUAL_MEMBER: Readonly<Record<Side, string>> = { operator: 'provider-1', payer: 'payer' }

/** Which node a command means, as the command line says it. */
export interface GivenMember {
  readonly node?: string
}

/** The node that a command means. */
export interface NodePlace {
  readonly directories: NodeDirectories
  /** Its name in its local network; undefined for a node of one's own. */
  readonly member: string | undefined
}

/** Adds `--node`. */
export function addMemberOption(command: Command, side: Side): Command {
  const usual = USUAL_MEMBER[side]
  return command.addOption(
    new Option('--node <name>', `which member of a local network: payer, provider-1, … (default there: ${usual})`),
  )
}

/**
 * The node that a command means: a member of the local network, else the user's own. Payers do not earn and providers
 * do not pay, so that it depends on what the command is about.
 * @throws CliError CLI_USAGE for a member that there is not
 */
export function nodePlace(side: Side, { node }: GivenMember, context: CommandContext): NodePlace {
  const network = devNetworkOf(context)
  if (network === undefined) {
    if (node !== undefined) throw noNetwork(node)
    return { directories: nodeDirectories(context.dataDir, context.environment), member: undefined }
  }
  const member = memberIn(network, side, node)
  return { directories: nodeDirectories(join(network.root, member), {}), member }
}

/** The same, and tells a person which member it is where only the network was named: it is about somebody's money. */
export function toldNodePlace(side: Side, given: GivenMember, context: CommandContext): NodePlace {
  const place = nodePlace(side, given, context)
  const network = devNetworkOf(context)
  if (network === undefined || network.member !== undefined) return place
  const isChoice = given.node === undefined && side === 'operator' && network.state.providers > 1
  const others = isChoice ? '; another one: --node provider-2' : ''
  context.terminal.message(`${place.member} of the local network in ${shortPath(network.root, context)}${others}`)
  return place
}

/** Another member of the local network that a command is in; undefined outside of one. */
export function neighbourOf(member: string, context: CommandContext): NodePlace | undefined {
  const network = devNetworkOf(context)
  if (network === undefined) return undefined
  return { directories: nodeDirectories(join(network.root, member), {}), member }
}

/** A command for the same node, for a person to run next. */
export function commandFor({ member }: NodePlace, command: string): string {
  return member === undefined ? command : `${command} --node ${member}`
}

/** A client of a node's daemon. */
export function clientOf({ directories }: NodePlace): DaemonClient {
  return daemonClient(directories.stateDir)
}

/** A client of the daemon of a command that is not about an operator's money: on a local network the payer's. */
export function clientFor(context: CommandContext, given: GivenMember = {}): DaemonClient {
  const tell = given.node === undefined ? nodePlace : toldNodePlace
  return clientOf(tell('payer', given, context))
}

/** A folder below the working directory as a person would name it. */
function shortPath(path: string, { workingDirectory }: CommandContext): string {
  const short = relative(workingDirectory, path)
  return short === '' || short.startsWith('..') ? path : short
}

function memberIn(network: DevPlace, side: Side, wanted: string | undefined): string {
  const { root, member, state } = network
  if (member !== undefined) {
    if (wanted === undefined || wanted === member) return member
    throw new CliError('CLI_USAGE', `--data-dir names ${member}, --node names ${wanted}`, {
      next: `Name one of them: --data-dir ${root} --node ${wanted}`,
    })
  }
  const name = wanted ?? USUAL_MEMBER[side]
  if (membersOf(network).includes(name)) return name
  const last = state.providers === 1 ? 'provider-1' : `provider-1 .. provider-${state.providers}`
  throw new CliError('CLI_USAGE', `the local network in ${root} has no ${name}; it has payer, ${last}`, {
    next: 'Name one of them: --node provider-1',
  })
}

function noNetwork(node: string): CliError {
  return new CliError('CLI_USAGE', `--node ${node} is a member of a local network, and there is none here`, {
    next: "Name the folder of the node: --data-dir <path>; without it the command means this user's own node",
  })
}
