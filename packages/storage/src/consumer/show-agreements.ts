import type { Address, Network } from '@stead/core'
import type { SignedAgreement } from '../agreement/agreement.ts'
import { AGREEMENTS_PROTOCOL, shownAskSchema, shownReplySchema } from '../messages.ts'

const MESSAGE_BYTES_MAX = 1024
const ASKS_PER_PEER_MAX = 4
const HANDLER_TIMEOUT_MS = 5000

/**
 * Shows whoever asks what a payer agreed on with a node. An auditor that a node tells that it keeps nothing asks for this:
 * what both signed is there whether the node likes it or not, and holds nothing that the node would not show as well.
 */
export function showAgreements(
  network: Pick<Network, 'handle'>,
  signedWith: (node: Address) => SignedAgreement | undefined,
): void {
  const limits = {
    messageBytesMax: MESSAGE_BYTES_MAX,
    inFlightPerPeerMax: ASKS_PER_PEER_MAX,
    handlerTimeoutMs: HANDLER_TIMEOUT_MS,
  }
  network.handle(AGREEMENTS_PROTOCOL, limits, async ({ payload }) => {
    const agreement = signedWith(shownAskSchema.decodeMessage(payload).node)
    return shownReplySchema.encodeMessage(agreement === undefined ? {} : { agreement })
  })
}
