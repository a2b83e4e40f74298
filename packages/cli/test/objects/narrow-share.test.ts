import type { UnixMs } from '@stead/core'
import { nobleSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { SdkError } from '@stead/sdk'
import { formatShareLink, narrowLink, parseShareLink } from '@stead/storage'
import { expect, it } from 'vitest'
import { narrowShare } from '../../src/objects/narrow-share.ts'

type Client = Parameters<typeof narrowShare>[0]

const HOUR_MS = 3_600_000
const owner = nobleSecp256k1.publicKey(new Uint8Array(32).fill(9))

/** A link to a folder, which ends so long from now. */
function linkFor(forMs?: number): string {
  const expiresAt = forMs === undefined ? {} : { expiresAt: (Date.now() + forMs) as UnixMs }
  const secret = new Uint8Array(32).fill(1)
  const facts = { version: 1, name: 'trip/', sequence: 1, keepers: owner, owner: peerIdOfPublicKey(owner) } as const
  return formatShareLink({ ...facts, pages: secret, secret, pointer: owner, ...expiresAt })
}

/** A node that shows objects of these names, behind whichever link. */
function nodeWith(...names: readonly string[]): Client {
  return {
    narrowShare: async ({ link: text, ...to }) => {
      const link = narrowLink(parseShareLink(text), to)
      return { link: formatShareLink(link), name: link.name, isObject: link.folder !== undefined }
    },
    listShared: async ({ link, folder = '' }) => {
      const { folder: isObject, name } = parseShareLink(link)
      const keys = names.filter((each) => (isObject === undefined ? each.startsWith(folder) : each === name))
      const facts = { lengthBytes: 1, modifiedAt: 0 as UnixMs, etag: 'e' }
      return { objects: keys.map((key) => ({ key, ...facts })), commonPrefixes: [], isFilled: true }
    },
  }
}

async function said(client: Client, link: string, path: string, forMs?: number): Promise<readonly string[]> {
  const lines: string[] = []
  const expiresAt = forMs === undefined ? {} : { expiresAt: (Date.now() + forMs) as UnixMs }
  await narrowShare(client, { message: (text) => void lines.push(text) }, { link, path, ...expiresAt })
  return lines
}

it('a narrowed link is said with what it shows and when it ends, which is the earlier of two times', async () => {
  const node = nodeWith('deep/a')
  expect(await said(node, linkFor(), 'deep/')).toEqual([
    'whoever has this link reads deep/ until its owner takes the share back',
  ])
  const link = linkFor(HOUR_MS)
  const end = new Date(parseShareLink(link).expiresAt ?? 0).toISOString()
  expect(await said(node, link, 'deep/', 24 * HOUR_MS)).toEqual([`whoever has this link reads deep/ until ${end}`])
  expect(await said(node, link, '')).toEqual([`whoever has this link reads what the whole link shows until ${end}`])
  const [earlier = ''] = await said(node, link, 'deep/', HOUR_MS / 2)
  expect(earlier).not.toContain(end)
})

it('a link that is over is not narrowed', async () => {
  const over = said(nodeWith('deep/a'), linkFor(-1000), 'deep/', HOUR_MS)
  await expect(over).rejects.toMatchObject({ code: 'STORAGE_SHARE_EXPIRED' })
})

it('a folder without its / is warned of, where the node can say that it is one', async () => {
  const warned = [expect.anything(), expect.stringContaining('there is no object deep: a folder ends with /')]
  expect(await said(nodeWith('deep/a'), linkFor(), 'deep')).toEqual(warned)
  for (const names of [['deep', 'deep/a'], ['other']])
    expect(await said(nodeWith(...names), linkFor(), 'deep')).toHaveLength(1)
  const away: Client = {
    ...nodeWith(),
    listShared: async () => {
      throw new SdkError('API_INTERRUPTED', 'away')
    },
  }
  expect(await said(away, linkFor(), 'deep')).toHaveLength(1)
})
