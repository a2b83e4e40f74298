import { join } from 'node:path'
import { messageOf, TOKEN_UNITS } from '@stead/core'
import type { MarketProvider } from '@stead/market'
import {
  answerShares,
  createErasureKernel,
  createFrameCipher,
  FRAME_PLAIN_BYTES,
  GIVEN_PART_BYTES_MAX,
  GRANTS_LIMITS,
  GRANTS_PROTOCOL,
  GrantDesk,
  loadPairHasher,
  PieceLog,
  pieceLogOptionsSchema,
  type RecoveredStorage,
  registerKeyOf,
  SEGMENT_PROFILES,
  type SegmentProfile,
  SHARES_LIMITS,
  SHARES_PROTOCOL,
  StorageConsumer,
  StorageProvider,
  TreeObjectStore,
} from '@stead/storage'
import { FolderDisk } from '../adapters/folder-disk.ts'
import { nativeMd5 } from '../adapters/native-md5.ts'
import { nodeKeyPath } from '../config/directories.ts'
import type { NodeConfig } from '../config/settings.ts'
import { loadKey } from '../identity/key-file.ts'
import type { BuyingStorage, StorageBuyerComponents } from './buying-storage.ts'
import { DailySweep } from './daily-sweep.ts'
import type { Foundation } from './foundation.ts'
import { requireUnpaidSeconds } from './possession-side.ts'
import type { StopStack } from './stop-stack.ts'
import { warnOfFunds } from './storage-funds.ts'
import { catalogueOf, hasLostBooks, isMadeHere, noteLostBooks, secretOf } from './storage-phrase.ts'

const GIB = 2 ** 30

/** Opens the logs of pieces and sells room in them; each part is on the stop stack as soon as it is up. */
export async function openStorageProvider(
  components: { readonly foundation: Foundation; readonly market: MarketProvider; readonly stops: StopStack },
  config: NodeConfig,
): Promise<StorageProvider> {
  const { foundation, market, stops } = components
  const { shareGib, keepFreeGib, priceMicroUsdPerTibHour, unpaidSeconds } = config.storage
  await requireUnpaidSeconds(foundation, config)
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
    { priceMicroUsdPerTibHour: BigInt(priceMicroUsdPerTibHour), unpaidSecondsMax: unpaidSeconds },
  )
  await storage.start()
  stops.push('storage provider', () => storage.stop())
  return storage
}

const SECOND_MS = 1000
/** Frames of a segment for each data piece: a piece has a mebibyte, and goes in one message. */
const FRAMES_PER_PIECE = 16
/** Eight mebibytes: what is being sent and its pieces take 32 MiB of memory at most. */
const SEGMENT_FRAMES_MAX = 128

/** Bytes of an object that are sealed, coded and sent at once. */
function segmentBytesOf({ dataPieces }: SegmentProfile): number {
  return Math.min(dataPieces * FRAMES_PER_PIECE, SEGMENT_FRAMES_MAX) * FRAME_PLAIN_BYTES
}

/** As many whole segments as so many bytes have room for, or so many bytes. */
function wholeSegments(segmentBytes: number, bytesMax: number): number {
  return segmentBytes > bytesMax ? bytesMax : Math.floor(bytesMax / segmentBytes) * segmentBytes
}

/** Opens what keeps objects on the network; the recovery phrase is made at the first time. */
export async function openBuyingStorage(
  components: StorageBuyerComponents,
  config: NodeConfig,
): Promise<BuyingStorage> {
  const { foundation, market, offers } = components
  const { profile, spread, priceMaxMicroUsdPerTibHour, settleSeconds, lostAfterSeconds } = config.storage
  const { challengeOn, challengesPerMonth, challengeTokensPerMonth } = config.storage
  const { store, dataDir, chain, addressBook, secp256k1, signer } = foundation
  const secret = await secretOf(foundation)
  const catalogue = catalogueOf(secp256k1, secret)
  const consumer = new StorageConsumer(
    {
      ...foundation,
      market,
      offers,
      identity: foundation.chain.identity,
      hasher: await loadPairHasher(),
      cipher: createFrameCipher(),
      kernel: createErasureKernel(),
      court: { adjudicator: await chain.possession(addressBook), chain },
      mayBegin: async (register) => register !== catalogue || (await isMadeHere(store, catalogue)),
      hasLostBooks: await hasLostBooks(store),
    },
    {
      hasDistinctSubnets: spread,
      priceMaxMicroUsdPerTibHour: BigInt(priceMaxMicroUsdPerTibHour),
      settleEveryMs: settleSeconds * SECOND_MS,
      lostAfterMs: lostAfterSeconds * SECOND_MS,
      challengeOn,
      randomPerMonth: challengesPerMonth,
      depositsMaxTokenUnits: BigInt(challengeTokensPerMonth) * TOKEN_UNITS,
    },
    SEGMENT_PROFILES[profile],
  )
  await consumer.start()
  const segmentBytes = segmentBytesOf(SEGMENT_PROFILES[profile])
  const objects = new TreeObjectStore(
    {
      ...foundation,
      segments: consumer.segments,
      pointers: consumer.pointers.open,
      keepers: consumer.pointers.keepers,
      payer: { payer: signer.address, privateKey: loadKey(nodeKeyPath(dataDir), secp256k1) },
      pointerNameOf: (seed) => registerKeyOf(secp256k1, seed),
      secret,
    },
    { segmentBytes },
  )
  foundation.network.handle(SHARES_PROTOCOL, SHARES_LIMITS, (request) =>
    answerShares(request, { places: (segment) => consumer.segments.places(segment) }),
  )
  const partBytes = wholeSegments(segmentBytes, GIVEN_PART_BYTES_MAX)
  const grants = new GrantDesk({ ...foundation, intake: objects.grants.intake, md5: nativeMd5 }, partBytes)
  foundation.network.handle(GRANTS_PROTOCOL, GRANTS_LIMITS, (request) => grants.answer(request))
  objects.shares.start()
  const recover = async (): Promise<RecoveredStorage> => {
    const references: Uint8Array[] = []
    // What the roots lie in may be where only agreements know of.
    await consumer.recall()
    await objects.forEachSegment((reference) => void references.push(reference))
    const recovered = await consumer.recover(references)
    if (recovered.silentNodes === 0) await noteLostBooks(store, false)
    return recovered
  }
  const sweeper = new DailySweep(foundation, async () => {
    // Nodes that were away when the books were made again may be there now.
    if (await hasLostBooks(store)) await recover()
    const swept = await objects.collect()
    await warnOfFunds({ ...foundation, market, consumer }).catch((error: unknown) =>
      foundation.logger.warn('it is not known how long the money for storage is enough', { error: messageOf(error) }),
    )
    return swept
  })
  sweeper.start()
  return {
    consumer,
    objects,
    grants,
    recover,
    stop: async () => {
      // What reads and writes wait for would keep them, and this, for a minute.
      consumer.reach.stop()
      await sweeper.stop()
      await objects.stop()
      await consumer.stop()
    },
  }
}
