import type { TreeKey } from './tree-key.ts'

/** Longest key of an entry. */
export const TREE_KEY_BYTES_MAX = 3072
/** Longest value of an entry: some of them fit into a page. */
export const TREE_VALUE_BYTES_MAX = 12_288
/** Longest reference that a store of segments gives; some of them fit into a page. */
export const SEGMENT_REFERENCE_BYTES_MAX = 4096
/** Bytes of a segment's key, wrapped. */
export const WRAPPED_KEY_BYTES = 40

/** A segment of pages; what is not known before it is kept is filled in then. */
export interface PageSegment {
  /** Ascending with time; no two segments of a tree have the same. */
  readonly number: number
  /** Where it is kept; undefined while it is being filled. */
  reference: Uint8Array | undefined
  /** 40 bytes; none while it is being filled. */
  wrappedKey: Uint8Array
}

/** Where a page lies. */
export interface PagePlace {
  readonly segment: PageSegment
  readonly fromByte: number
  readonly lengthBytes: number
}

/** A page as the page above, or the root, knows it. */
export interface PageRef extends PagePlace {
  /** Lowest number of a segment that this page or one below lies in. */
  readonly oldest: number
}

/** A child of an inner page. */
export interface TreeChild {
  /** No key below is less, but for the first child, which has all that are less. */
  readonly firstKey: TreeKey
  readonly page: PageRef
}

/** A row of a tree. */
export interface TreeEntry {
  readonly key: TreeKey
  /** Must not be changed: it is part of a page that others read. */
  readonly value: Uint8Array
}

/** A page with rows. */
export interface LeafNode {
  readonly kind: 'leaf'
  readonly entries: readonly TreeEntry[]
}

/** A page with pages below. */
export interface InnerNode {
  readonly kind: 'inner'
  readonly children: readonly TreeChild[]
}

/** What a page holds. */
export type TreeNode = LeafNode | InnerNode
