import type { DaemonClient } from '@stead/sdk'
import type { VersionView } from '@stead/sdk/api'
import { uploadsBelow } from './half-sent.ts'
import { versionPages } from './list-versions.ts'
import { type ObjectUrl, prefixOf } from './object-url.ts'

/** What is removed: one name, or a folder with the object of its name: `a` means neither `ab` nor `a.txt`. */
export interface Removal extends ObjectUrl {
  readonly isRecursive: boolean
}

/** Deletions at once: enough to hide the way to the node. */
const AT_ONCE = 16

/** Removes the objects that are there; where versions are kept a delete marker hides each. Gives how many. */
export async function removeObjects(client: DaemonClient, removal: Removal): Promise<number> {
  const { bucket, key, isRecursive } = removal
  let deleted = await removeOne(client, removal)
  for (;;) {
    if (!isRecursive) return deleted
    const { objects } = await client.listObjects({ bucket, prefix: prefixOf(key) })
    if (objects.length === 0) return deleted
    await inGroups(objects, (each) => client.deleteObject({ bucket, key: each.key }))
    deleted += objects.length
  }
}

async function removeOne(client: DaemonClient, { bucket, key, isRecursive }: Removal): Promise<number> {
  if (isRecursive && prefixOf(key) === key) return 0
  const { objects } = await client.listObjects({ bucket, prefix: key, limit: 1 })
  if (objects[0]?.key !== key) return 0
  await client.deleteObject({ bucket, key })
  return 1
}

/** Removes every version and delete marker, for good. Gives how many. */
export async function removeVersions(client: DaemonClient, removal: Removal): Promise<number> {
  const { bucket, key, isRecursive } = removal
  let deleted = 0
  const remove = async (of: readonly VersionView[]): Promise<void> => {
    // The oldest first: what is deleted as an object must not come up again when this ends early.
    for (const { key: name, version } of of.toReversed()) {
      await client.deleteObject({ bucket, key: name, version })
      deleted++
    }
  }
  let group: (readonly VersionView[])[] = []
  for await (const versions of versionsByKey(client, bucket, key)) {
    const name = versions[0]?.key ?? ''
    if (name !== key && !(isRecursive && name.startsWith(prefixOf(key)))) continue
    group.push(versions)
    if (group.length < AT_ONCE) continue
    await Promise.all(group.map(remove))
    group = []
  }
  await Promise.all(group.map(remove))
  return deleted
}

/** Removes one version, or a delete marker, for good. Gives what it was; undefined where there is none. */
export async function removeVersion(
  client: DaemonClient,
  { bucket, key }: ObjectUrl,
  version: string,
): Promise<VersionView | undefined> {
  // Of all keys that begin with this one it is the first.
  const first = await versionsByKey(client, bucket, key).next()
  if (first.done === true) return undefined
  const found = first.value.find((each) => each.key === key && each.version === version)
  if (found !== undefined) await client.deleteObject({ bucket, key, version })
  return found
}

async function* versionsByKey(
  client: DaemonClient,
  bucket: string,
  prefix: string,
): AsyncGenerator<readonly VersionView[], void> {
  let gathered: VersionView[] = []
  for await (const { versions } of versionPages(client, { bucket, key: prefix })) {
    for (const each of versions) {
      if (gathered[0] !== undefined && gathered[0].key !== each.key) {
        yield gathered
        gathered = []
      }
      gathered.push(each)
    }
  }
  if (gathered.length > 0) yield gathered
}

/** Gives up what was begun to be sent to a key, or below it: it takes room as well. Gives how many. */
export async function giveUpUploads(client: DaemonClient, { bucket, key, isRecursive }: Removal): Promise<number> {
  const isMeant = (of: string): boolean => of === key || (isRecursive && of.startsWith(prefixOf(key)))
  let given = 0
  for await (const { id, key: of } of uploadsBelow(client, bucket, key)) {
    if (!isMeant(of)) continue
    await client.abortUpload({ bucket, upload: id })
    given++
  }
  return given
}

async function inGroups<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(work))
}
