import type { LeavingStatus } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientOf, type GivenMember, toldNodePlace } from '../node-place.ts'
import { formatBytes } from '../objects/object-url.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenLeave extends GivenMember {
  readonly cancel?: boolean
}

/** `stead leave`: the node takes nothing new, and payers move what it keeps while it is there; again shows how far it is. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'operator')
    .option('--cancel', 'stay after all: take pieces again')
    .action(async (given: GivenLeave) => {
      const client = clientOf(toldNodePlace('operator', given, context))
      const status = await client.leaveStorage({ leave: given.cancel !== true })
      const { terminal } = context
      if (terminal.isJson) return terminal.out(toJson(status))
      terminal.out(
        status.leaving === undefined ? 'the node stays, and takes pieces again' : leavingText(status.leaving),
      )
    })
}

/** How far a node is with handing over, and what its operator does next. */
export function leavingText(leaving: LeavingStatus): string {
  const { piecesAtFirst, bytesAtFirst, piecesLeft, bytesLeft, agreementsLeft, leftMs, answerableUntil } = leaving
  if (answerableUntil !== undefined)
    return `all is handed over and paid. Without stake, stop the node when you like; with stake, take it back now (stead unbond) and leave the node up until ${new Date(answerableUntil).toISOString()}: until then it can be asked on chain about old agreements`
  const rest = leftMs === undefined ? '' : `, about ${Math.ceil(leftMs / 60_000)} minutes more`
  return `leaving: ${piecesLeft} of ${piecesAtFirst} pieces left, ${formatBytes(bytesLeft)} of ${formatBytes(bytesAtFirst)}, in ${agreementsLeft} agreements${rest}; payers move them when they next pay, within an hour if they are up. Leave the node running`
}
