import type { UnixMs } from '@stead/core'
import { nobleSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { SdkError } from '@stead/sdk'
import { formatShareLink, narrowLink, parseShareLink } from '@stead/storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { narrowShare } from '../../src/objects/narrow-share.ts'
import { ObjectCommands } from './object-commands.ts'

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
  expect(await said(nodeWith('deep', 'deep/a'), linkFor(), 'deep')).toHaveLength(1)
  const away: Client = {
    ...nodeWith(),
    listShared: async () => {
      throw new SdkError('API_INTERRUPTED', 'away')
    },
  }
  for (const path of ['deep', 'deep/']) expect(await said(away, linkFor(), path)).toHaveLength(1)
})

describe('a link to a part', () => {
  const commands = new ObjectCommands()
  let link = ''

  beforeAll(async () => {
    await commands.start()
    await commands.keep('mine', 'photos/2.jpg', 'photos/sub/in', 'photos/empty/')
    link = (await commands.run(['share', 'stead://mine/photos/'])).out
  })
  afterAll(() => commands.stop())

  it('is warned of where nothing is there, or something else', async () => {
    for (const [path, warning] of [
      ['nothing', 'nothing is there yet under nothing: is that the object you meant?'],
      ['nothing/', 'nothing is there yet under nothing/: is that the folder you meant?'],
      ['empty/', 'nothing is there yet under empty/: is that the folder you meant?'],
      ['2.jpg/', 'there is no folder 2.jpg/: an object has no / at its end (stead share <link>/<object>)'],
      ['sub', 'there is no object sub: a folder ends with / (stead share <link>/<folder>/)'],
      ['sub/', undefined],
      ['2.jpg', undefined],
      ['', undefined],
    ] as const) {
      const { code, message } = await commands.run(['share', `${link}/${path}`])
      expect([path, code, message.split('\n').slice(1)]).toEqual([path, 0, warning === undefined ? [] : [warning]])
    }
  })

  it('of one object is none, and bucket names have nothing to do with it', async () => {
    for (const share of [`${link}/2.jpg`, '--write --limit 1GB stead://mine/one']) {
      const only = (await commands.run(['share', ...share.split(' ')])).out
      const { code, message } = await commands.run(['share', `${only}/x`])
      expect([code, message]).toEqual([1, expect.stringContaining('the link is to one object')])
      expect(message).toContain('next: Give the link as it is, with nothing behind it.')
      expect(message).not.toContain(only)
    }
  })

  it('is not doubted while the share is still being filled', async () => {
    const filling: Client = {
      ...nodeWith(),
      listShared: async () => ({ objects: [], commonPrefixes: [], isFilled: false }),
    }
    for (const path of ['deep', 'deep/']) expect(await said(filling, linkFor(), path)).toHaveLength(1)
  })
})
