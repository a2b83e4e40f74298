import { formatTokenUnits } from '@stead/core'
import type { AskedChallengeView, ChallengeList } from '@stead/sdk/api'
import type { Command } from 'commander'
import { addressOf } from '../chain/amounts.ts'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead challenge [node]`: asks a node on chain to prove what it keeps for this one; without one, lists what was asked. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('[node]', 'address of a node with stake that keeps pieces for this one')
    .action(async (node: string | undefined, given: GivenMember) => {
      const client = clientFor(context, given)
      const { terminal } = context
      const asked = node === undefined ? undefined : await client.challengeNode({ node: addressOf(node) })
      const list = await client.listChallenges()
      if (terminal.isJson) return terminal.out(toJson(asked ?? list))
      if (asked !== undefined)
        terminal.message(
          `challenge ${asked.number} is announced; ${formatTokenUnits(list.depositTokenUnits)} are its deposit, which the operator receives for a right answer`,
        )
      terminal.out(describe(list))
    })
}

function describe({ challenges, depositTokenUnits, answerSeconds, budget }: ChallengeList): string {
  const cost = `${formatTokenUnits(depositTokenUnits)} and about 274,000 gas`
  const { outTokenUnits, lostTokenUnits, limitTokenUnits } = budget
  const own = `asked without a command: ${formatTokenUnits(outTokenUnits)} of deposits out, ${formatTokenUnits(lostTokenUnits)} lost in thirty days, ${formatTokenUnits(limitTokenUnits)} at most`
  if (challenges.length === 0)
    return `nobody was asked; a challenge costs ${cost} when it is answered, within ${answerSeconds} seconds: stead challenge <node>\n${own}`
  return `${tableOf(challenges)}\n${own}`
}

function tableOf(challenges: readonly AskedChallengeView[]): string {
  return renderTable<AskedChallengeView>(
    [
      { title: 'CHALLENGE', value: ({ number }) => number?.toString() ?? '-', isNumber: true },
      { title: 'NODE', value: ({ node }) => node },
      { title: 'WHY', value: ({ why }) => why },
      { title: 'STATE', value: ({ state, reason }) => (reason === undefined ? state : `${state} (${reason})`) },
      { title: 'DUE', value: ({ endsAt }) => (endsAt === undefined ? '-' : new Date(endsAt).toISOString()) },
      {
        title: 'TAKEN',
        value: ({ takenTokenUnits }) => (takenTokenUnits === undefined ? '-' : formatTokenUnits(takenTokenUnits)),
        isNumber: true,
      },
      { title: 'GAS', value: ({ gasUsed }) => gasUsed.toString(), isNumber: true },
    ],
    challenges,
  )
}
