import type { SharedObject as SharedObjectView, ShareLinkView, ShareMade, ShareView } from '@stead/sdk/api'
import {
  formatShareLink,
  narrowLink,
  type OpenedShare,
  parseShareLink,
  type ShareDesk,
  type SharedObject,
  type ShareInfo,
} from '@stead/storage'
import type { BuyingStorage } from '../daemon/buying-storage.ts'
import type { SharedReading } from '../daemon/shared-reading.ts'
import type { SteadNode } from '../daemon/stead-node.ts'
import type { Handlers } from './handlers.ts'
import { inRange } from './in-range.ts'
import { checkMatch } from './object-view.ts'

type ShareRoutes = 'share' | 'listShares' | 'getShare' | 'unshare' | 'narrowShare' | 'listShared' | 'getShared'

const LIMIT = 1000

/** What reads what links show. */
type LinkReading = Pick<SharedReading, 'in'>

/**
 * What this node shares, and what others share with it. A link is said to whoever asks, and written down nowhere.
 * @param openReading opened when the first link is read, and once. @default over the network of the node
 */
export function shareHandlers(
  node: SteadNode,
  openReading: () => Promise<LinkReading> = () => networkReading(node),
): Pick<Handlers, ShareRoutes> {
  const open = (): Promise<BuyingStorage> => node.trade.payer.storage.open()
  let opened: Promise<LinkReading> | undefined
  const reading = async (): Promise<LinkReading> => {
    opened ??= openReading()
    return await opened
  }
  const made = ({ info, grant }: OpenedShare): ShareMade => {
    const link = formatShareLink({ ...grant, owner: node.foundation.network.self })
    return { ...viewOf(info), link }
  }
  return {
    share: async ({ body }) => {
      const { objects } = await open()
      return made(await objects.shares.share(body.bucket, body.prefix, body.expiresAt))
    },
    listShares: async () => {
      const { objects } = await open()
      const shares: ShareView[] = []
      for (const { name } of await objects.buckets()) shares.push(...(await objects.shares.list(name)).map(viewOf))
      return { shares }
    },
    getShare: async ({ body }) => {
      const { objects } = await open()
      return made(await objects.shares.open(body.bucket, body.id))
    },
    unshare: async ({ body }) => {
      const { objects } = await open()
      await objects.shares.unshare(body.bucket, body.id)
      return undefined
    },
    narrowShare: async ({ body: { link: text, ...to } }): Promise<ShareLinkView> => {
      const link = narrowLink(parseShareLink(text), to)
      return { link: formatShareLink(link), name: link.name, isObject: link.folder !== undefined }
    },
    listShared: async ({ body: { link, limit = LIMIT, ...rest } }) => {
      const listing = { ...rest, limit: Math.min(Math.max(limit, 1), LIMIT) }
      const page = await (await reading()).in(link, (folder) => folder.list(listing))
      const objects = page.objects.map(shownObject)
      const { folders: commonPrefixes, isFilled, next } = page
      return { objects, commonPrefixes, isFilled, ...(next === undefined ? {} : { next }) }
    },
    getShared: async ({ body: { link, path = '', fromByte = 0, toByte, ifMatch }, signal }) => {
      const range = fromByte > 0 || toByte !== undefined ? { fromByte, toByte } : undefined
      const found = await (await reading()).in(link, (folder) => inRange(() => folder.get(path, range, signal)))
      checkMatch(found.object, ifMatch)
      return { object: shownObject(found.object), lengthBytes: found.toByte - found.fromByte, body: found.body }
    },
  }
}

async function networkReading(node: SteadNode): Promise<LinkReading> {
  const { SharedReading: Reading } = await import('../daemon/shared-reading.ts')
  const own: ShareDesk = {
    places: async (segment) => await (await node.trade.payer.storage.open()).consumer.segments.places(segment),
  }
  return await Reading.open(node.foundation, own)
}

function viewOf({ expiresAt, ...info }: ShareInfo): ShareView {
  return { ...info, ...(expiresAt === undefined ? {} : { expiresAt }) }
}

function shownObject({ contentType, ...object }: SharedObject): SharedObjectView {
  return { ...object, ...(contentType === undefined ? {} : { contentType }) }
}
