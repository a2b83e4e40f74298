import { type Address, type Clock, hasCode } from '@stead/core'
import type { BoughtNode } from './bought-node.ts'
import type { SegmentProfile } from './segment-profile.ts'
import type { StorageNodes } from './storage-nodes.ts'

/** How a segment lies: its profile, and the bytes of each piece. */
interface Layout extends SegmentProfile {
  readonly pieceBytes: number
}

/** Keeps a segment on nodes, and tells of each that did not take its piece. @throws StorageError STORAGE_TOO_FEW_PIECES */
type Attempt<Result> = (chosen: readonly BoughtNode[], onFailed: (node: Address) => void) => Promise<Result>

/** So long it is tried again when nodes fail that were chosen, and longer as long as there are enough that did not. */
const AGAIN_MS = 30_000
/** How long nodes are sought that have not failed, before one that has is tried again. */
const OTHERS_WAIT_MS = 2_000

/**
 * Keeps a segment on nodes that are chosen for it, and on others when some of them fail: one that is silent takes longer to
 * fail than a person waits before trying again by hand.
 * @throws StorageError STORAGE_TOO_FEW_NODES, and STORAGE_TOO_FEW_PIECES as the first attempt; as {@link StorageNodes.choose}
 */
export async function onChosenNodes<Result>(
  { nodes, clock }: { readonly nodes: StorageNodes; readonly clock: Clock },
  { pieces: count, enough: least, pieceBytes }: Layout,
  attempt: Attempt<Result>,
): Promise<Result> {
  const need = { version: 1, bytes: pieceBytes, pieceBytes } as const
  const endMs = clock.monotonicMs() + AGAIN_MS
  const failed = new Set<Address>()
  const othersThanFailed = async (): Promise<readonly BoughtNode[] | undefined> => {
    try {
      return await nodes.choose(need, { count, least, except: failed, waitMs: OTHERS_WAIT_MS })
    } catch (error) {
      if (hasCode(error, 'STORAGE_TOO_FEW_NODES')) return undefined
      throw error
    }
  }
  let chosen = await nodes.choose(need, { count, least })
  for (let cause: unknown; ; ) {
    try {
      return await attempt(chosen, (node) => void failed.add(node))
    } catch (error) {
      cause ??= error
      if (!hasCode(error, 'STORAGE_TOO_FEW_PIECES')) throw cause
    }
    const others = await othersThanFailed()
    if (others === undefined && clock.monotonicMs() >= endMs) throw cause
    chosen = others ?? (await nodes.choose(need, { count, least }))
  }
}
