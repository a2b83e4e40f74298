import { StorageError } from '../errors.ts'
import type { SlotMessage } from '../messages.ts'
import type { SetChange, SetPiece } from './piece-set.ts'

/** A change as it travels. */
export function slotMessageOf({ slot, piece }: SetChange): SlotMessage {
  return piece === undefined ? { slot } : { slot, ...piece }
}

/** @throws StorageError STORAGE_UNSUPPORTED for one that says half of a piece */
export function changeOf({ slot, piece, root, lengthBytes }: SlotMessage): SetChange {
  if (piece === undefined) return { slot, piece: undefined }
  if (root === undefined || lengthBytes === undefined || lengthBytes === 0)
    throw new StorageError('STORAGE_UNSUPPORTED', `slot ${slot} says half of a piece`)
  const whole: SetPiece = { piece, root, lengthBytes }
  return { slot, piece: whole }
}
