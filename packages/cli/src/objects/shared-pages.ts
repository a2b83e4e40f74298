import type { DaemonClient } from '@stead/sdk'
import type { SharedList } from '@stead/sdk/api'
import { prefixOf } from './object-url.ts'
import type { SharedPlace } from './share-link.ts'

/** What is asked of a node to list what a link shows. */
type Lister = Pick<DaemonClient, 'narrowShare' | 'listShared'>

/** A page of a listing, after the name that the page before ended with. A bucket shows all it has; a share may still be filled. */
export type Pages = (after: string | undefined) => Promise<Omit<SharedList, 'isFilled'> & Partial<SharedList>>

/**
 * What a link shows at a place: the object of that name, and what is in the folder of that name.
 * @throws as {@link DaemonClient.listShared}
 */
export function sharedPages(client: Lister, { link, path }: SharedPlace, isRecursive: boolean): Pages {
  const listing = { link, folder: prefixOf(path), isRecursive }
  return async (after) => {
    if (after !== undefined) return await client.listShared({ ...listing, after })
    if (path === '' || path.endsWith('/')) return await client.listShared(listing)
    const object = await sharedObjectPage(client, { link, path })
    const below = await client.listShared(listing)
    return { ...below, objects: [...object.objects, ...below.objects], isFilled: object.isFilled && below.isFilled }
  }
}

/** The object at a place, under its whole name; no object where there is none. */
export async function sharedObjectPage(
  client: Lister,
  { link, path }: SharedPlace,
  options: { readonly signal?: AbortSignal } = {},
): Promise<SharedList> {
  const narrowed = await client.narrowShare({ link, path }, options)
  const page = await client.listShared({ link: narrowed.link, limit: 1 }, options)
  return { ...page, objects: page.objects.map((object) => ({ ...object, key: path })) }
}
