import type { Disk } from '@stead/core'
import {
  PathSecret,
  PieceLog,
  pieceLogOptionsSchema,
  StorageConsumer,
  type StorageConsumerComponents,
  StorageProvider,
  type StorageProviderComponents,
  type StorageProviderInput,
  TreeObjectStore,
} from '@stead/storage'
import { ObjectSweep } from './object-sweep.ts'
import type { StorageKit } from './storage-kit.ts'
import {
  BUYING,
  CAPACITY_BYTES,
  FILE_BYTES_MAX,
  GRACE_MS,
  KEEP_UNFINISHED_MS,
  SEGMENT_PLAIN_BYTES,
} from './storage-terms.ts'

/** The selling side of storage in one life of a node. */
export interface LiveStorageProvider {
  readonly pieces: PieceLog
  readonly storage: StorageProvider
}

/** The buying side of storage in one life of a node. */
export interface LiveStorageBuyer {
  readonly consumer: StorageConsumer
  readonly objects: TreeObjectStore
  readonly sweep: ObjectSweep
}

/** Opens the logs of pieces and sells room in them, as the daemon does. @throws CoreError when the disk refuses */
export async function openStorageProvider(
  parts: Omit<StorageProviderComponents, 'pieces'> & { readonly disk: Disk },
  kit: StorageKit,
  options: StorageProviderInput,
): Promise<LiveStorageProvider> {
  const pieces = new PieceLog(
    { ...parts, hasher: kit.hasher },
    pieceLogOptionsSchema.parse({ capacityBytes: CAPACITY_BYTES, keepFreeBytes: 0, fileBytesMax: FILE_BYTES_MAX }),
  )
  await pieces.start()
  const storage = new StorageProvider({ ...parts, pieces }, options)
  await storage.start()
  return { pieces, storage }
}

/** Opens what keeps a payer's objects on nodes, and sweeps them now and then. @throws CoreError when the disk refuses */
export async function openStorageBuyer(
  parts: Omit<StorageConsumerComponents, 'cipher' | 'kernel' | 'hasher'>,
  { cipher, kernel, hasher, profile }: StorageKit,
  secret: Uint8Array,
): Promise<LiveStorageBuyer> {
  const consumer = new StorageConsumer({ ...parts, cipher, kernel, hasher }, BUYING, profile)
  await consumer.start()
  const { segments, pointers } = consumer
  const objects = new TreeObjectStore(
    { ...parts, segments, pointers: pointers.open, keepers: pointers.keepers, secret: new PathSecret(secret) },
    { segmentBytes: SEGMENT_PLAIN_BYTES, graceMs: GRACE_MS, keepUnfinishedMs: KEEP_UNFINISHED_MS },
  )
  const sweep = new ObjectSweep(objects, parts)
  sweep.start()
  return { consumer, objects, sweep }
}

/** Ends what a payer does by itself, and waits for what is under way. */
export async function stopStorageBuyer({ consumer, objects, sweep }: LiveStorageBuyer): Promise<void> {
  await sweep.stop()
  await objects.stop()
  await consumer.stop()
}
