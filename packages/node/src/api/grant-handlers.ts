import type { UnixMs } from '@stead/core'
import { hexToBytes } from '@stead/protocol'
import type { GrantedObject, GrantMade, GrantView, WriteLinkView } from '@stead/sdk/api'
import {
  formatWriteLink,
  type GivenDescription,
  type GrantInfo,
  GrantWriter,
  narrowWriteLink,
  type OpenedGrant,
  parseWriteLink,
  type WriteLink,
} from '@stead/storage'
import { nativeMd5 } from '../adapters/native-md5.ts'
import type { BuyingStorage } from '../daemon/buying-storage.ts'
import type { SteadNode } from '../daemon/stead-node.ts'
import type { Handlers } from './handlers.ts'
import { defined } from './object-view.ts'

type GrantRoutes = 'grantWrite' | 'listGrants' | 'getGrant' | 'endGrant' | 'narrowGrant' | 'lookGranted' | 'putGranted'

const UPLOAD_BYTES = 16

/** What others may write here, and what this node writes with links of others. A link is written down nowhere. */
export function grantHandlers(node: SteadNode): Pick<Handlers, GrantRoutes> {
  const { foundation } = node
  const open = (): Promise<BuyingStorage> => node.trade.payer.storage.open()
  const writer = new GrantWriter({
    ...foundation,
    md5: nativeMd5,
    own: async (payload) => await (await open()).grants.answer({ peer: foundation.network.self, payload }),
  })
  const made = ({ info, link }: OpenedGrant): GrantMade => {
    return { ...viewOf(info), link: formatWriteLink({ ...link, owner: foundation.network.self }) }
  }
  return {
    grantWrite: async ({ body: { bucket, prefix, ...terms } }) => {
      return made(await (await open()).objects.grants.grant(bucket, prefix, terms))
    },
    listGrants: async () => {
      const { objects } = await open()
      const grants: GrantView[] = []
      for (const { name } of await objects.buckets()) grants.push(...(await objects.grants.list(name)).map(viewOf))
      return { grants }
    },
    getGrant: async ({ body }) => made(await (await open()).objects.grants.open(body.bucket, body.id)),
    endGrant: async ({ body }) => {
      await (await open()).objects.grants.end(body.bucket, body.id)
      return undefined
    },
    narrowGrant: async ({ body: { link, ...to } }) => linkView(narrowWriteLink(parseWriteLink(link), to)),
    lookGranted: async ({ body: { link, path = '', upload }, signal }) => {
      return await writer.look(parseWriteLink(link), { path, upload: hexToBytes(upload), signal })
    },
    putGranted: async ({ query: { link, path = '', upload, changedAt, ...rest }, body, signal }) => {
      const description: GivenDescription = {
        ...{ ...rest, path, signal },
        upload: upload === undefined ? foundation.random.bytes(UPLOAD_BYTES) : hexToBytes(upload),
        ...defined({ changedAt: changedAt as UnixMs | undefined }),
      }
      return givenView(await writer.give(parseWriteLink(link), description, body))
    },
  }
}

function givenView({ lengthBytes, etag, modifiedAt, resumedBytes }: GrantedObject): GrantedObject {
  return { lengthBytes, etag, modifiedAt, resumedBytes }
}

function linkView(link: WriteLink): WriteLinkView {
  const { name, isObject, mayReplace, expiresAt } = link
  return { link: formatWriteLink(link), name, isObject, mayReplace, ...defined({ expiresAt }) }
}

function viewOf({ expiresAt, ...info }: GrantInfo): GrantView {
  return { ...info, ...defined({ expiresAt }) }
}
