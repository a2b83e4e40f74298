import type { PathSecret } from '../keys/path-secret.ts'
import type { ObjectStoreOptions } from '../options.ts'
import type { ShareSecrets } from '../shares/share-secrets.ts'
import { NodeMemory } from '../tree/node-memory.ts'
import type { RootPointers } from './root-pointer.ts'
import { SealedTree, type SealedTreeComponents } from './sealed-tree.ts'

/** What is written down of a tree where it is named. */
export interface TreeOrigin {
  /** Who keeps its pointer at first. */
  readonly keepers?: Uint8Array | undefined
  /** Whether it has had a root: true when one was acknowledged, false when it was just named. @default nobody knows */
  readonly hasRoot?: boolean | undefined
}

/** What {@link SealedTrees} open trees with. */
export interface SealedTreesComponents extends Omit<SealedTreeComponents, 'pointer' | 'seenSequence' | 'memory'> {
  readonly pointers: RootPointers
  /** What all buckets follow from. */
  readonly secret: PathSecret
}

/** The trees of a store, each opened once; all of them remember nodes in one memory. */
export class SealedTrees {
  readonly #components: SealedTreesComponents
  readonly #options: ObjectStoreOptions
  readonly #memory: NodeMemory
  /** By the steps of their paths. */
  readonly #open = new Map<string, SealedTree>()

  constructor(components: SealedTreesComponents, options: ObjectStoreOptions) {
    this.#components = components
    this.#options = options
    this.#memory = new NodeMemory(options.cacheBytesMax)
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    for (const tree of this.#open.values()) await tree.stop()
  }

  /** The tree whose secret lies at a path below that of the store; without steps the one that lists the buckets. */
  ofPath(path: readonly string[], origin: TreeOrigin = {}): SealedTree {
    const name = path.join('/')
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const secret = path.length === 0 ? this.#components.secret : this.#components.secret.below(...path)
    // Whoever is given the secret of a bucket or a folder must not learn how its owner pays.
    const payer = path.length === 0 ? this.#components.payer : undefined
    return this.#opened(name, { secret, payer }, { ...origin, seed: secret.key('pointer') })
  }

  /** The tree of a share. */
  ofShare(name: string, { pages, pointerSeed }: ShareSecrets, origin: TreeOrigin): SealedTree {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    return this.#opened(name, { secret: pages, payer: undefined }, { ...origin, seed: pointerSeed })
  }

  #opened(
    name: string,
    parts: Pick<SealedTreeComponents, 'secret' | 'payer'>,
    { seed, keepers, hasRoot }: TreeOrigin & { readonly seed: Uint8Array },
  ): SealedTree {
    const pointer = this.#components.pointers(seed, keepers, hasRoot === false)
    const components = { ...this.#components, ...parts, pointer, seenSequence: hasRoot === true ? 1 : 0 }
    const tree = new SealedTree({ ...components, memory: this.#memory }, this.#options)
    this.#open.set(name, tree)
    return tree
  }
}
