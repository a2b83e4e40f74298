import type { Logger } from '@stead/core'
import { equalBytes, type Secp256k1 } from '@stead/protocol'
import { type Agreement, agreementIdOf, dueAt, openAgreement } from '../agreement/agreement.ts'
import type { SetChange, SetPiece } from '../agreement/piece-set.ts'
import { changeOf } from '../agreement/slot-message.ts'
import { StorageError } from '../errors.ts'
import type { StorageReply, StorageRequest } from '../messages.ts'
import type { BoughtAgreement } from './bought-agreement.ts'

/** What an agreement is recovered with. */
export interface RecoveryParts {
  readonly secp256k1: Secp256k1
  readonly logger: Logger
  /** Asks the agreement's node. */
  readonly ask: (request: StorageRequest) => Promise<StorageReply>
}

/**
 * The node does not know the revision before: it goes on from what both signed last, whoever has that.
 * @throws CoreError as request; StorageError STORAGE_AGREEMENT_DIFFERS, ProtocolError for what both did not sign
 */
export async function recoverAgreement(
  parts: RecoveryParts,
  bought: BoughtAgreement,
  cause: unknown,
): Promise<Agreement> {
  const { secp256k1, logger, ask } = parts
  // Whoever lost its books finds the agreement that it had at the node.
  const before = bought.agreement
  const { agreement: signed } = await ask({ standing: { agreement: bought.id } })
  const theirs = openAgreement(secp256k1, signed)
  if (agreementIdOf(theirs) !== bought.id || theirs.revision < (before?.revision ?? 0))
    throw new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the node answers with an agreement of before, or of others', {
      cause,
    })
  if (theirs.revision === before?.revision) {
    // The node never took it, and never will: what it was about is agreed anew.
    await bought.withdraw()
    return before
  }
  if (before !== undefined && isBillAfter(before, theirs)) {
    const { document, payerSignature } = signed
    await bought.note({ document, payerSignature, changes: [], isBilled: true })
    return before
  }
  logger.warn('an agreement is taken from its node', {
    agreement: bought.id,
    from: before?.revision,
    to: theirs.revision,
  })
  await bought.adopt(theirs, signed, await slotsOf(ask, bought, theirs))
  return theirs
}

/**
 * Whether the node has a revision with this payer's signature that was not signed here: another machine has the key, or
 * the disk was put back to what it was.
 * @throws CoreError as request; ProtocolError for what both did not sign
 */
export async function isSignedElsewhere({ secp256k1, ask }: RecoveryParts, bought: BoughtAgreement): Promise<boolean> {
  const { agreement: signed } = await ask({ standing: { agreement: bought.id } })
  const theirs = openAgreement(secp256k1, signed)
  const { pending, agreement } = bought
  // What is pending here may be signed there, and the answer lost.
  const isOwn = pending !== undefined && equalBytes(pending.document, signed.document)
  return agreementIdOf(theirs) === bought.id && theirs.revision > (agreement?.revision ?? 0) && !isOwn
}

/** Reads what is in all slots from the node, and believes it when it has the root that was signed. */
async function slotsOf(
  ask: RecoveryParts['ask'],
  bought: BoughtAgreement,
  theirs: Agreement,
): Promise<readonly SetChange[]> {
  const found = new Map<number, SetPiece>()
  for (let fromSlot: number | undefined = 0; fromSlot !== undefined; ) {
    const { slots, nextSlot }: StorageReply = await ask({ standing: { agreement: bought.id, fromSlot } })
    for (const { slot, piece } of slots.map(changeOf)) if (piece !== undefined) found.set(slot, piece)
    if (nextSlot !== undefined && nextSlot <= fromSlot)
      throw new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the node tells its slots in no order')
    fromSlot = nextSlot
  }
  const changes: SetChange[] = []
  for (const [slot] of bought.set.entries()) if (!found.has(slot)) changes.push({ slot, piece: undefined })
  for (const [slot, piece] of found) changes.push({ slot, piece })
  if (!equalBytes(bought.set.rootAfter(changes, theirs.slots).root, theirs.root))
    throw new StorageError('STORAGE_AGREEMENT_DIFFERS', 'the slots that the node tells are not those that it signed')
  return changes
}

/** Whether a revision puts what was due after another one on a bill: the payer lost its note of that with its power. */
function isBillAfter(before: Agreement, { revision, atSecond, dueByteSeconds }: Agreement): boolean {
  return revision === before.revision + 1 && atSecond >= before.atSecond && dueByteSeconds < dueAt(before, atSecond)
}
