import { type Logger, messageOf } from '@stead/core'
import { concatBytes, equalBytes } from '@stead/protocol'
import type { TreeKey } from '../tree/tree-key.ts'
import type { TreeEntry } from '../tree/tree-node.ts'
import { drop, type GarbageTerms, hold } from './holdings.ts'
import { readStored } from './read-stored.ts'
import { idOfKey, tableRange } from './row-keys.ts'
import { objectRowSchema, packRowSchema } from './rows.ts'
import type { SealedTree } from './sealed-tree.ts'
import { rowOfStored, storedOfRow } from './stored.ts'

/** Packs that are looked at in one sweep: the rest has its turn in the next one. */
const PACKS_MAX = 1000
/** Objects that are written again at once, and their bytes. */
const [OBJECTS_AT_ONCE, BYTES_AT_ONCE] = [64, 4_194_304]

type RepackTerms = Pick<GarbageTerms, 'graceMs'> & { readonly logger: Logger }

/** A part of the objects that are to be written again. */
interface Batch {
  readonly entries: readonly TreeEntry[]
  /** Where the next one begins; undefined on the last one. */
  readonly next: TreeKey | undefined
}

/**
 * Writes small objects again that share a segment of which less than half is held any more. Versions and times stay as
 * they are. Parts of uploads stay where they are until their object goes. @returns how many
 */
export async function repackObjects(tree: SealedTree, terms: RepackTerms): Promise<number> {
  const packs = await sparsePacks(tree)
  if (packs.size === 0) return 0
  let count = 0
  let next: TreeKey | undefined = tableRange('objects').from
  while (next !== undefined) {
    const batch: Batch = await nextBatch(tree, packs, next)
    const written = await Promise.all(batch.entries.map((entry) => repack(tree, entry, terms)))
    count += written.filter(Boolean).length
    next = batch.next
  }
  return count
}

async function sparsePacks(tree: SealedTree): Promise<ReadonlySet<TreeKey>> {
  return await tree.read(async (rows) => {
    const packs = new Set<TreeKey>()
    const { from, before } = tableRange('packs')
    for await (const { key, value } of rows.scan(from, before)) {
      const { holders, liveBytes, lengthBytes } = packRowSchema.decodeMessage(value)
      if (holders > 0 && liveBytes * 2 < lengthBytes) packs.add(idOfKey(key))
      if (packs.size === PACKS_MAX) break
    }
    return packs
  })
}

async function nextBatch(tree: SealedTree, packs: ReadonlySet<TreeKey>, from: TreeKey): Promise<Batch> {
  return await tree.read(async (rows) => {
    const entries: TreeEntry[] = []
    let bytes = 0
    for await (const { key, value } of rows.scan(from, tableRange('objects').before)) {
      const row = objectRowSchema.decodeMessage(value)
      const stored = storedOfRow(row.stored)
      if (stored.kind !== 'pack' || !packs.has(stored.pack)) continue
      if (entries.length === OBJECTS_AT_ONCE || bytes + row.lengthBytes > BYTES_AT_ONCE) return { entries, next: key }
      // A copy: the page that it lies in need not stay in memory.
      entries.push({ key, value: Uint8Array.from(value) })
      bytes += row.lengthBytes
    }
    return { entries, next: undefined }
  })
}

/** @returns false when the object was replaced meanwhile */
async function repack(tree: SealedTree, entry: TreeEntry, terms: RepackTerms): Promise<boolean> {
  const row = objectRowSchema.decodeMessage(entry.value)
  const { lengthBytes } = row
  const before = storedOfRow(row.stored)
  const parts: Uint8Array[] = []
  try {
    for await (const part of readStored(tree, before, { fromByte: 0, toByte: lengthBytes })) parts.push(part)
  } catch (error) {
    // It was deleted meanwhile, or cannot be read now: neither keeps the others from their turn.
    terms.logger.warn('a small object could not be written again', { error: messageOf(error) })
    return false
  }
  return await tree.write(
    async (rows, packed) => {
      const now = await rows.get(entry.key)
      if (packed === undefined || now === undefined || !equalBytes(now, entry.value)) return false
      await hold(rows, { stored: packed, lengthBytes })
      rows.put(entry.key, objectRowSchema.encodeMessage({ ...row, stored: rowOfStored(packed) }))
      await drop(rows, { stored: before, lengthBytes }, terms)
      return true
    },
    concatBytes(...parts),
  )
}
