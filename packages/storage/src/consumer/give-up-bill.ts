import { type Hash, isSteadError } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { equalBytes } from '@stead/protocol'
import {
  type Agreement,
  agreementIdOf,
  agreementSchema,
  dueAt,
  nextAgreement,
  openAgreement,
} from '../agreement/agreement.ts'
import { amountOf } from '../meter.ts'
import type { BoughtAgreement } from './bought-agreement.ts'
import type { RecoveryParts } from './recover-agreement.ts'
import { remoteCodeOf } from './remote-code.ts'

/**
 * A bill that was signed when the node gave more credit than it ever will now stands in the way of all that follows: it
 * is signed anew in parts. Where the node signed it too, a revision has all that due again, if its disk kept the bill off its
 * books; otherwise it was told that it is not paid, and the bill is given up.
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
    else if (equalBytes(signed.document, pending.document)) {
      const isRestored = await restoreBill(ask, bought, { channel: channel.id, theirs, restoredByteSeconds: quantity })
      if (!isRestored) await bought.adopt(theirs, signed, [])
    }
  } catch (error) {
    if (!isSteadError(error)) throw error
    logger.info('a bill that is too large for its channel stays', { agreement: bought.id })
  }
}

/** Signs a revision after the node's newest in which its bill is due again; false when the node has it on its books. @throws CoreError as request, as Store.write */
async function restoreBill(
  ask: RecoveryParts['ask'],
  bought: BoughtAgreement,
  {
    channel,
    theirs,
    restoredByteSeconds,
  }: { readonly channel: Hash; readonly theirs: Agreement; readonly restoredByteSeconds: bigint },
): Promise<boolean> {
  const { atSecond } = theirs
  const next = nextAgreement(theirs, { atSecond, set: bought.set.root, billedByteSeconds: 0n, restoredByteSeconds })
  const pending = await bought.sign(channel, next, { changes: [], isBilled: false })
  const { document, payerSignature } = pending
  try {
    const { agreement } = await ask({ revise: { channel, document, payerSignature, changes: [] } })
    await bought.adopt(next, bought.bothSigned(next, pending, agreement), [])
    return true
  } catch (error) {
    if (remoteCodeOf(error) === 'STORAGE_AGREEMENT_DIFFERS') return false
    throw error
  }
}
