import type { SteadNode } from '@stead/node/daemon'
import { epochNumber, openProbeLog, signProbeLog } from '@stead/rewards'

/**
 * Publishes a second probe log for an epoch whose first one is out: another signed payload in the same slot. False while
 * there is no first one.
 */
export async function publishSecondLog(node: SteadNode, epoch: number): Promise<boolean> {
  const { epochs, foundation } = node
  const { signer, secp256k1 } = foundation
  if (epochs === undefined) return false
  const own = epochs.board.of(epochNumber(epoch), 'log').find((notice) => notice.node === signer.address)
  const first = own?.document === undefined ? undefined : await epochs.shelf.get(own.document)
  if (first === undefined) return false
  const { log } = openProbeLog(secp256k1, first)
  const second = signProbeLog(signer, { ...log, reports: [] })
  const document = await epochs.shelf.put(second, log.epoch)
  await epochs.board.publish({ version: 1, kind: 'log', epoch: log.epoch, node: signer.address, document })
  return true
}
