import { type Address, hasCode } from '@stead/core'
import { BLOCK_BYTES } from '@stead/storage'
import type { SimNode } from '../world/sim-node.ts'
import { unpaidSecondsMax } from '../world/storage-terms.ts'
import type { WitnessedAgreement, WitnessedPiece } from '../world/witnessed-agreement.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** A node signs nothing more after the time in which somebody must pay, and keeps what it signed last for as long again. */
function endedAfterMs({ options }: World): number {
  return 2 * unpaidSecondsMax(options.faultMinutes) * 1000 + 240_000
}

/** Agreements of a node by the name that a node has for a piece. */
export function agreementsOf(world: World, node: SimNode): readonly WitnessedAgreement[] {
  const { address } = node.plan.signer
  return world.parts.storageWitness.agreements.filter((agreement) => agreement.node === address)
}

/** Whether a node's disk has a piece, every bit of it. */
export async function isKept({ provider }: SimNode, { logName, lengthBytes }: WitnessedPiece): Promise<boolean> {
  const { pieces } = provider?.storage ?? {}
  if (pieces === undefined) return false
  try {
    await pieces.readRange(logName, 0, Math.ceil(lengthBytes / BLOCK_BYTES))
    return true
  } catch (error) {
    if (hasCode(error, 'STORAGE_PIECE_UNKNOWN') || hasCode(error, 'STORAGE_PIECE_DAMAGED')) return false
    throw error
  }
}

/** A node lets nobody pay who left too much unpaid: crashes and hedges of a long run may add up to that. */
async function isRefused({ provider }: SimNode, payer: Address): Promise<boolean> {
  return (await provider?.market.refuses(payer)) === true
}

/** A node has ended an agreement, for want of payment. */
export async function hasEnded({ store }: SimNode, { id }: WitnessedAgreement): Promise<boolean> {
  return (await store.get('storage-ended', id.slice(2))) !== undefined
}

/** What honest nodes signed for is on their disks, all that was given up is not, and what they say of it is so. */
export async function checkKeptPieces(world: World, violations: Violations): Promise<void> {
  const nowMs = world.parts.scheduler.nowMs
  const payers = new Set(world.payers.map(({ plan }) => plan.signer.address))
  for (const node of world.providers) {
    const { name } = node.plan
    const { pieces } = node.provider?.storage ?? {}
    if (pieces === undefined) continue
    for (const agreement of agreementsOf(world, node)) {
      const isEnded = await hasEnded(node, agreement)
      const isHonest = payers.has(agreement.payer)
      violations.check(
        !isEnded ||
          !isHonest ||
          agreement.pieces.size === 0 ||
          world.care?.wasGivenUp(agreement.payer) === true ||
          (await isRefused(node, agreement.payer)),
        'payers-pay',
        () => `${name} ended the agreement of an honest payer, which had not paid for too long`,
        [name],
      )
      const isUnpaid = nowMs - agreement.paidUpMs > endedAfterMs(world) && agreement.pieces.size > 0
      violations.check(
        isEnded || !isUnpaid,
        'no-room-for-nothing',
        () => `${name} keeps ${agreement.pieces.size} pieces that nobody has paid for since ${agreement.paidUpMs} ms`,
        [name],
      )
      const agreed = isEnded ? [] : [...agreement.pieces.values()]
      for (const piece of agreed) {
        const isThere = node.rottenPieces > 0 || (await isKept(node, piece))
        violations.check(
          isThere,
          'pieces-kept',
          () => `${name} signed for the piece ${piece.piece} (${piece.logName}), which is not on its disk`,
          [name],
        )
      }
      if (node.rottenPieces === 0)
        violations.checkNone('pieces-kept', agreement.saidLost, (piece) => ({
          what: `${name} says that it lost the piece ${piece}, and nothing rotted on its disk`,
          who: [name],
        }))
      const names = new Set(agreed.map(({ logName }) => logName))
      for (const sent of agreement.sent)
        violations.check(
          names.has(sent) || (await pieces.find(sent)) === undefined,
          'pieces-gone',
          () => `${name} still has the piece ${sent}, which nobody agrees on`,
          [name],
        )
    }
    await checkDisk(node, violations)
  }
}

/** What a node says that it uses is what its files have. */
async function checkDisk(node: SimNode, violations: Violations): Promise<void> {
  const { name } = node.plan
  const { pieces } = node.provider?.storage ?? {}
  if (pieces === undefined) return
  const { liveBytes, trashBytes } = pieces.usage()
  let onDisk = 0
  for (const bytes of node.disk.files.values()) onDisk += bytes.length
  violations.check(
    onDisk === liveBytes + trashBytes,
    'disk-adds-up',
    () => `${name} says ${liveBytes} bytes of pieces and ${trashBytes} of trash, its files have ${onDisk}`,
    [name],
  )
}
