import type { DaemonClient } from '@stead/sdk'
import type { VersionList, VersionView } from '@stead/sdk/api'
import { renderTable } from '../terminal/table.ts'
import { formatBytes, type ObjectUrl, shownObjectUrl } from './object-url.ts'

/** All versions and delete markers under a prefix, a page at a time: in the order of their keys, newest first within one. */
export async function* versionPages(
  client: Pick<DaemonClient, 'listVersions'>,
  { bucket, key: prefix }: ObjectUrl,
): AsyncGenerator<VersionList, void> {
  for (let place: Partial<NonNullable<VersionList['next']>> | undefined = {}; place !== undefined; ) {
    const page: VersionList = await client.listVersions({ bucket, prefix, ...place })
    yield page
    place = page.next
  }
}

/** Versions as a table. */
export function describeVersions(bucket: string, versions: readonly VersionView[]): string {
  return renderTable<VersionView>(
    [
      {
        title: 'SIZE',
        value: ({ isDeleted, lengthBytes }) => (isDeleted ? '' : formatBytes(lengthBytes)),
        isNumber: true,
      },
      { title: 'MODIFIED', value: ({ modifiedAt }) => new Date(modifiedAt).toISOString() },
      { title: 'STATE', value: stateOf },
      { title: 'VERSION', value: ({ key, version }) => `${shownObjectUrl({ bucket, key })}?version=${version}` },
    ],
    versions,
  )
}

function stateOf({ isLatest, isDeleted }: VersionView): string {
  if (isDeleted) return isLatest ? 'delete marker, latest' : 'delete marker'
  return isLatest ? 'latest' : 'earlier'
}
