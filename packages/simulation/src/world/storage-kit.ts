import {
  createErasureKernel,
  createFrameCipher,
  type ErasureKernel,
  type FrameCipher,
  loadPairHasher,
  type PairHasher,
  type SegmentProfile,
} from '@stead/storage'

/** What seals, codes and hashes segments; all nodes of a world share it, since it remembers nothing. */
export class StorageKit {
  readonly cipher: FrameCipher = createFrameCipher()
  readonly kernel: ErasureKernel = createErasureKernel()
  readonly hasher: PairHasher
  readonly profile: SegmentProfile

  private constructor(hasher: PairHasher, profile: SegmentProfile) {
    this.hasher = hasher
    this.profile = profile
  }

  /** Loads what is compiled, before simulated time begins. */
  static async load(profile: SegmentProfile): Promise<StorageKit> {
    return new StorageKit(await loadPairHasher(), profile)
  }
}
