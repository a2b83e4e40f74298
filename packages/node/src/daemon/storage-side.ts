import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MarketProvider } from '@stead/market'
import {
  createErasureKernel,
  createFrameCipher,
  createRecoveryPhrase,
  loadPairHasher,
  PieceLog,
  pieceLogOptionsSchema,
  rootSecretOf,
  type SegmentProfile,
  StorageConsumer,
  StorageProvider,
  StoreRootPointers,
  TreeObjectStore,
} from '@stead/storage'
import { FolderDisk } from '../adapters/folder-disk.ts'
import type { NodeConfig } from '../config/settings.ts'
import { writePrivateFile } from '../identity/private-file.ts'
import type { BuyingStorage, StorageBuyerComponents } from './buying-storage.ts'
import { DailySweep } from './daily-sweep.ts'
import type { Foundation } from './foundation.ts'
import type { StopStack } from './stop-stack.ts'
import { warnOfFunds } from './storage-funds.ts'

const GIB = 2 ** 30

/** Opens the logs of pieces and sells room in them; each part is on the stop stack as soon as it is up. */
export async function openStorageProvider(
  components: { readonly foundation: Foundation; readonly market: MarketProvider; readonly stops: StopStack },
  config: NodeConfig,
): Promise<StorageProvider> {
  const { foundation, market, stops } = components
  const { shareGib, keepFreeGib, priceMicroUsdPerTibHour } = config.storage
  const pieces = new PieceLog(
    {
      ...foundation,
      disk: FolderDisk.create(join(foundation.dataDir, 'pieces')),
      hasher: await loadPairHasher(),
    },
    pieceLogOptionsSchema.parse({ capacityBytes: shareGib * GIB, keepFreeBytes: keepFreeGib * GIB }),
  )
  await pieces.start()
  stops.push('pieces', () => pieces.stop())
  const storage = new StorageProvider(
    { ...foundation, market, pieces, identity: foundation.chain.identity },
    { priceMicroUsdPerTibHour: BigInt(priceMicroUsdPerTibHour) },
  )
  await storage.start()
  stops.push('storage provider', () => storage.stop())
  return storage
}

/** How many pieces a segment has, of which how many give it back, and how many must be kept at first. */
const PROFILES: Readonly<Record<NodeConfig['storage']['profile'], SegmentProfile>> = {
  '2-of-3': { dataPieces: 2, pieces: 3, enough: 3 },
  '4-of-12': { dataPieces: 4, pieces: 12, enough: 9 },
  '16-of-48': { dataPieces: 16, pieces: 48, enough: 36 },
}
const SECOND_MS = 1000

/** Opens what keeps objects on the network; the recovery phrase is made at the first time. */
export async function openBuyingStorage(
  components: StorageBuyerComponents,
  config: NodeConfig,
): Promise<BuyingStorage> {
  const { foundation, market, offers } = components
  const { profile, spread, priceMaxMicroUsdPerTibHour, settleSeconds, lostAfterSeconds } = config.storage
  const { store, dataDir } = foundation
  const secret = rootSecretOf(phraseIn(join(dataDir, 'storage.phrase'), foundation))
  const consumer = new StorageConsumer(
    {
      ...foundation,
      market,
      offers,
      identity: foundation.chain.identity,
      hasher: await loadPairHasher(),
      cipher: createFrameCipher(),
      kernel: createErasureKernel(),
    },
    {
      hasDistinctSubnets: spread,
      priceMaxMicroUsdPerTibHour: BigInt(priceMaxMicroUsdPerTibHour),
      settleEveryMs: settleSeconds * SECOND_MS,
      lostAfterMs: lostAfterSeconds * SECOND_MS,
    },
    PROFILES[profile],
  )
  await consumer.start()
  const objects = new TreeObjectStore({
    ...foundation,
    segments: consumer.segments,
    pointers: new StoreRootPointers(store).open,
    secret,
  })
  const sweeper = new DailySweep(foundation, async () => {
    const swept = await objects.collect()
    await warnOfFunds({ ...foundation, market, consumer })
    return swept
  })
  sweeper.start()
  return {
    consumer,
    objects,
    stop: async () => {
      await sweeper.stop()
      await objects.stop()
      await consumer.stop()
    },
  }
}

function phraseIn(path: string, { random, logger }: Foundation): string {
  if (existsSync(path)) return readFileSync(path, 'utf8')
  const phrase = createRecoveryPhrase(random)
  writePrivateFile(path, `${phrase}\n`, true)
  logger.warn('a recovery phrase was made: write it down, nobody can read the objects without it', { file: path })
  return phrase
}
