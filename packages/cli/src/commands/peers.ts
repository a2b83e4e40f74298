import type { PeerStatus } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead peers`: who is connected, and how near. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer').action(async (given: GivenMember) => {
    const { peers } = await clientFor(context, given).listPeers()
    if (context.terminal.isJson) return context.terminal.out(toJson({ peers }))
    if (peers.length === 0) {
      return context.terminal.message(
        'no peer is connected; name a live one: stead up --bootstrap <multiaddr with /p2p/>',
      )
    }
    context.terminal.out(tableOf(peers))
  })
}

function tableOf(peers: readonly PeerStatus[]): string {
  return renderTable(
    [
      { title: 'PEER', value: (each) => each.peer },
      { title: 'NODE', value: (each) => each.node ?? '-' },
      { title: 'RTT MS', value: (each) => each.rttMs?.toFixed(2) ?? '-', isNumber: true },
      { title: 'ADDRESS', value: (each) => each.addresses[0] ?? '-' },
    ],
    peers,
  )
}
