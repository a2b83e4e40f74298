import type { Network, PeerId } from '@stead/core'
import { BULK_PROTOCOL, bulkProtocolLimits, type TicketReply, ticketReplySchema } from '../../src/bulk/messages.ts'
import { systemRandom } from './system-ports.ts'

/** Lets a network whose data connections are off answer as it likes when it is asked for a ticket. */
export function answerTickets(network: Network, answer: (asker: PeerId) => Partial<TicketReply>): void {
  network.handle(BULK_PROTOCOL, bulkProtocolLimits, async ({ peer }) =>
    ticketReplySchema.encodeMessage({
      port: 1,
      fingerprint: systemRandom.bytes(32),
      ticketId: systemRandom.bytes(16),
      secret: systemRandom.bytes(32),
      endpoints: [],
      ...answer(peer),
    }),
  )
}
