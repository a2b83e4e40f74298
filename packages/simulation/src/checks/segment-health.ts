import { decodeReference, type PlacedSegment, pieceNameOf } from '@stead/storage'
import type { SimNode } from '../world/sim-node.ts'
import type { WitnessedPiece } from '../world/witnessed-agreement.ts'
import type { World } from '../world/world.ts'
import { isKept } from './kept-pieces.ts'
import type { KeepingPayer } from './storage-checks.ts'

/** How a payer's segments stand by what is on the disks of honest nodes. */
export interface SegmentHealth {
  /** So few pieces are left of them that nobody can read them. */
  readonly lost: number
  /** Readable, and fewer nodes have pieces of them than there should be. */
  readonly thin: number
}

/** What honest nodes signed for, by the node and the payer's name for the piece. */
interface SignedPieces {
  readonly signed: ReadonlyMap<string, { readonly node: SimNode; readonly piece: WitnessedPiece }>
  readonly honest: ReadonlySet<string>
}

/** Looks at the disks: which pieces of a payer's segments are where its rows say. */
export async function segmentHealth(world: World, { node, storage }: KeepingPayer): Promise<SegmentHealth> {
  const signed = signedPieces(world, node)
  let [lost, thin] = [0, 0]
  for await (const segment of storage.consumer.segments.all()) {
    const { dataPieces, pieces } = segment.profile
    const { good, unknown } = await goodPieces(signed, segment)
    if (good < dataPieces) lost++
    else if (good + unknown < Math.min(pieces, world.providers.length)) thin++
  }
  return { lost, thin }
}

function signedPieces(world: World, { plan: { signer } }: SimNode): SignedPieces {
  const nodes = new Map(world.providers.map((node) => [node.plan.signer.address, node] as const))
  const signed = new Map<string, { readonly node: SimNode; readonly piece: WitnessedPiece }>()
  for (const { node: address, payer, pieces } of world.parts.storageWitness.agreements) {
    const node = nodes.get(address)
    if (node === undefined || payer !== signer.address) continue
    for (const piece of pieces.values()) signed.set(`${address} ${piece.piece}`, { node, piece })
  }
  return { signed, honest: new Set(nodes.keys()) }
}

/** Pieces on the disks of honest nodes, and those that are at others, or at nodes on which bits flipped. */
async function goodPieces(
  { signed, honest }: SignedPieces,
  { reference, placed }: PlacedSegment,
): Promise<{ readonly good: number; readonly unknown: number }> {
  const { segment } = decodeReference(reference)
  let [good, unknown] = [0, 0]
  for (const { node, number } of placed) {
    const found = signed.get(`${node} ${pieceNameOf(segment, number)}`)
    if (found !== undefined && (await isKept(found.node, found.piece))) good++
    else if (!honest.has(node) || (found?.node.rottenPieces ?? 0) > 0) unknown++
  }
  return { good, unknown }
}
