import { pageSegmentSchema } from './root-record.ts'
import { tableRange } from './row-keys.ts'
import { extentRowSchema, packRowSchema } from './rows.ts'
import { NEWEST, type SealedTree } from './sealed-tree.ts'

/** Visits every segment that a tree's newest root refers to, some of them twice. @throws as the tree: then some were left out */
export async function forEachReferenceOf(
  tree: Pick<SealedTree, 'read'>,
  visit: (reference: Uint8Array) => unknown,
): Promise<void> {
  await tree.read(async (rows, { root, written }) => {
    // From one root alone: what it wrote is a row only in the next one.
    if (root !== undefined) visit(root.segment.reference)
    for (const { reference } of written) visit(reference)
    const tables = [
      { ...tableRange('pages'), referenceOf: (value: Uint8Array) => pageSegmentSchema.decodeMessage(value).reference },
      { ...tableRange('packs'), referenceOf: (value: Uint8Array) => packRowSchema.decodeMessage(value).reference },
      {
        ...tableRange('extents'),
        referenceOf: (value: Uint8Array) => extentRowSchema.decodeMessage(value).stored.reference,
      },
    ]
    for (const { from, before, referenceOf } of tables)
      for await (const { value } of rows.scan(from, before)) {
        const reference = referenceOf(value)
        if (reference !== undefined) visit(reference)
      }
  }, NEWEST)
}
