import { join } from 'node:path'
import type { MarketProvider } from '@stead/market'
import { loadPairHasher, PieceLog, pieceLogOptionsSchema, StorageProvider } from '@stead/storage'
import { FolderDisk } from '../adapters/folder-disk.ts'
import type { NodeConfig } from '../config/settings.ts'
import type { Foundation } from './foundation.ts'
import type { StopStack } from './stop-stack.ts'

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
