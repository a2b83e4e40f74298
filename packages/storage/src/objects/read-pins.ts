import type { TreeKey } from '../tree/tree-key.ts'

/** What is being read in this process, and must stay until it has been. */
export class ReadPins {
  readonly #roots = new Map<number, number>()
  readonly #bytes = new Map<TreeKey, number>()
  #retired: { readonly sequence: number; readonly reference: Uint8Array }[] = []

  /** Keeps the pages of a root. @returns what ends it */
  pinRoot(sequence: number): () => void {
    return pin(this.#roots, sequence)
  }

  /** Keeps a content or a pack. @returns what ends it */
  pinBytes(id: TreeKey): () => void {
    return pin(this.#bytes, id)
  }

  /** Whether a content or a pack is being read. */
  hasBytes(id: TreeKey): boolean {
    return this.#bytes.has(id)
  }

  /** Notes segments that this root and later ones do not reach. */
  retire(sequence: number, references: readonly Uint8Array[]): void {
    this.#retired.push(...references.map((reference) => ({ sequence, reference })))
  }

  /** Segments that nobody here reaches any more; each is given once. */
  takeRetired(): readonly Uint8Array[] {
    if (this.#retired.length === 0) return []
    const oldest = Math.min(...this.#roots.keys())
    const free = this.#retired.filter(({ sequence }) => sequence <= oldest)
    if (free.length > 0) this.#retired = this.#retired.filter(({ sequence }) => sequence > oldest)
    return free.map(({ reference }) => reference)
  }
}

function pin<Name>(counts: Map<Name, number>, name: Name): () => void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
  return () => {
    const left = (counts.get(name) ?? 0) - 1
    if (left > 0) counts.set(name, left)
    else counts.delete(name)
  }
}
