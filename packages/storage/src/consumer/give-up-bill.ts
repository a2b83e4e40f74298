import { isSteadError } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { equalBytes } from '@stead/protocol'
import { agreementIdOf, agreementSchema, dueAt, openAgreement } from '../agreement/agreement.ts'
import { amountOf } from '../meter.ts'
import type { BoughtAgreement } from './bought-agreement.ts'
import type { RecoveryParts } from './recover-agreement.ts'

/**
 * A bill that was signed when the node gave more credit than it ever will now stands in the way of all that follows: it
 * is signed anew in parts, or, where the node signed it too and was told that it is not paid, given up.
 */
export async function giveUpTooLargeBill(
  { secp256k1, logger, ask }: RecoveryParts,
  bought: BoughtAgreement,
  channel: PayerChannel,
): Promise<void> {
  const { pending } = bought
  if (pending?.isBilled !== true || bought.agreement === undefined || channel.state !== 'open') return
  const next = agreementSchema.decodeDocument(pending.document)
  const quantity = dueAt(bought.agreement, next.atSecond) - next.dueByteSeconds
  if (amountOf(next.priceMicroUsdPerTibHour, quantity) <= channel.largestMicroUsd()) return
  try {
    const { agreement: signed } = await ask({ standing: { agreement: bought.id } })
    const theirs = openAgreement(secp256k1, signed)
    if (agreementIdOf(theirs) !== bought.id) return
    if (theirs.revision < next.revision) await bought.withdraw()
    else if (equalBytes(signed.document, pending.document)) await bought.adopt(theirs, signed, [])
  } catch (error) {
    if (!isSteadError(error)) throw error
    logger.info('a bill that is too large for its channel stays', { agreement: bought.id })
  }
}
