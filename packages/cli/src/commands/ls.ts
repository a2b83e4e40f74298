import type { DaemonClient } from '@stead/sdk'
import type { SharedList, SharedObject } from '@stead/sdk/api'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { describeHalfSent, type HalfSent, halfSentBelow } from '../objects/half-sent.ts'
import { namingBuckets } from '../objects/known-buckets.ts'
import { describeVersions, versionPages } from '../objects/list-versions.ts'
import { addressKey, formatBytes, type ObjectUrl, parseObjectUrl } from '../objects/object-url.ts'
import { isShareLink, parseSharedPlace, stillFilling } from '../objects/share-link.ts'
import { type Pages, sharedPages } from '../objects/shared-pages.ts'
import { shownName } from '../terminal/shown-name.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenList extends GivenMember {
  readonly recursive?: boolean
  readonly uploads?: boolean
  readonly versions?: boolean
}

const HELP = `
Behind a link stands the whole name of a folder or an object: <link>/folder, <link>/folder/file.
A share that is still being filled lists what is shown so far, and says so on standard error.
A long file is sent in parts. What was not sent to its end is no object yet, but its parts are kept and paid for until the
same stead put ends it, or it is given up: stead rm --uploads. --uploads lists all that is below, also what is being sent now.
Where a bucket keeps versions, --versions lists all that are below, the newest of an object first, and the delete markers
that hide objects, each as stead get and stead rm take it: stead://bucket/key?version=<version>.
`

/** `stead ls`: what is kept. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .argument('[prefix]', 'stead://bucket/prefix, or a link to a share; without one the buckets are listed')
    .option('-r, --recursive', 'all that is below, and not the folders')
    .option('--uploads', 'what is half-sent instead: how much of it is there, and since when')
    .addOption(new Option('--versions', 'all versions and delete markers below').conflicts('uploads'))
    .addHelpText('after', HELP)
    .action(async (prefix: string | undefined, given: GivenList) => {
      const client = clientFor(context, given)
      await namingBuckets(client, async () => {
        if (given.uploads === true) await listHalfSent(client, prefix, context)
        else if (given.versions === true) await listVersions(client, prefix, context)
        else if (prefix === undefined) await listBuckets(client, context)
        else await listObjects(client, context, { prefix, given })
      })
    })
}

async function listBuckets(client: DaemonClient, { terminal }: CommandContext): Promise<void> {
  const { buckets } = await client.listBuckets()
  if (terminal.isJson) terminal.out(toJson({ buckets }))
  else if (buckets.length > 0) terminal.out(buckets.map(({ name }) => `stead://${name}/`).join('\n'))
  else terminal.message('no buckets yet; keep something: stead put <file> stead://my-bucket/')
}

async function listObjects(
  client: DaemonClient,
  { terminal }: CommandContext,
  { prefix, given }: { readonly prefix: string; readonly given: GivenList },
): Promise<void> {
  const pageAfter = isShareLink(prefix)
    ? sharedPages(client, parseSharedPlace(prefix), given.recursive === true)
    : objectPages(client, prefix, given)
  let [isFilled, found] = [true, 0]
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
    const page = await pageAfter(after)
    after = page.next
    const here = page.objects.length + page.commonPrefixes.length
    isFilled &&= page.isFilled ?? true
    found += here
    if (terminal.isJson) terminal.out(toJson(page))
    else if (here > 0) terminal.out(describe(page, isShareLink(prefix) ? (key) => key : addressKey))
  }
  if (!isFilled) terminal.message(stillFilling(found))
  else if (found === 0)
    terminal.message(isShareLink(prefix) ? 'the link shows nothing there' : `nothing is under ${shownName(prefix)}`)
}

async function listVersions(
  client: DaemonClient,
  prefix: string | undefined,
  { terminal }: CommandContext,
): Promise<void> {
  if (prefix === undefined || isShareLink(prefix))
    throw new CliError(
      'CLI_USAGE',
      `${prefix === undefined ? 'versions are of a bucket' : 'a link shows no versions'}`,
      {
        next: 'Say of what: stead ls --versions stead://bucket/prefix',
      },
    )
  const place = parseObjectUrl(prefix)
  let found = 0
  for await (const page of versionPages(client, place)) {
    found += page.versions.length
    if (terminal.isJson) terminal.out(toJson(page))
    else if (page.versions.length > 0) terminal.out(describeVersions(place.bucket, page.versions))
  }
  if (found === 0) terminal.message(`nothing is under ${shownName(prefix)}`)
}

async function listHalfSent(
  client: DaemonClient,
  prefix: string | undefined,
  { terminal }: CommandContext,
): Promise<void> {
  if (prefix !== undefined && isShareLink(prefix))
    throw new CliError('CLI_USAGE', 'a link shows nothing that is half-sent: give stead://bucket/prefix')
  const places = prefix === undefined ? await allBuckets(client) : [parseObjectUrl(prefix)]
  const uploads: HalfSent[] = []
  for (const { bucket, key } of places) uploads.push(...(await halfSentBelow(client, bucket, key)))
  if (terminal.isJson) terminal.out(toJson({ uploads }))
  else if (uploads.length > 0) terminal.out(describeHalfSent(uploads))
  else terminal.message(`nothing is half-sent${prefix === undefined ? '' : ` under ${shownName(prefix)}`}`)
}

async function allBuckets(client: DaemonClient): Promise<readonly ObjectUrl[]> {
  const { buckets } = await client.listBuckets()
  return buckets.map(({ name }) => ({ bucket: name, key: '' }))
}

function objectPages(client: DaemonClient, prefix: string, { recursive }: GivenList): Pages {
  const { bucket, key } = parseObjectUrl(prefix)
  const delimiter = recursive === true ? {} : { delimiter: '/' }
  return (after) => client.listObjects({ bucket, prefix: key, ...delimiter, ...(after === undefined ? {} : { after }) })
}

/** @param named a key as it stands in an address */
function describe(
  { objects, commonPrefixes }: Pick<SharedList, 'objects' | 'commonPrefixes'>,
  named: (key: string) => string,
): string {
  const folders = commonPrefixes.map((prefix) => shownName(named(prefix)))
  if (objects.length === 0) return folders.join('\n')
  const table = renderTable<SharedObject>(
    [
      { title: 'SIZE', value: ({ lengthBytes }) => formatBytes(lengthBytes), isNumber: true },
      { title: 'MODIFIED', value: ({ modifiedAt }) => new Date(modifiedAt).toISOString() },
      { title: 'KEY', value: ({ key }) => shownName(named(key)) },
    ],
    objects,
  )
  return folders.length === 0 ? table : `${folders.join('\n')}\n${table}`
}
