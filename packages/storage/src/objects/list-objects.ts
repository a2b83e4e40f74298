import { endOfPrefix, type TreeKey } from '../tree/tree-key.ts'
import { checkAborted } from './abortable.ts'
import type { ListOptions, ObjectInfo, ObjectPage } from './object-store.ts'
import {
  type FoundVersion,
  infoOf,
  latestVersion,
  NULL_VERSION,
  namedVersion,
  stampOfVersion,
  versionOfEntry,
  versionOfStamp,
} from './object-versions.ts'
import { objectOfKey, prefixRange, versionKey, versionsRange } from './row-keys.ts'
import type { Rows } from './transaction.ts'

/** Objects and common prefixes of one page. */
const LIMIT_MAX = 1000

/** @throws RangeError */
export function checkLimit(limit: number, limitMax: number = LIMIT_MAX): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    throw new RangeError(`a page has 1 to ${limitMax} entries, not ${limit}`)
}

/**
 * One page of a listing. What is rolled up or replaced is stepped over by seeking: a page reads as many rows as it has.
 * @throws RangeError for a limit out of range; CoreError CORE_ABORTED
 */
export async function listObjects(rows: Rows, options: ListOptions): Promise<ObjectPage> {
  checkLimit(options.limit)
  const objects: ObjectInfo[] = []
  const commonPrefixes: string[] = []
  const { before } = prefixRange(options.prefix ?? '')
  let from = await startOf(rows, options)
  let next: ObjectPage['next']
  while (from !== undefined && (before === undefined || from < before)) {
    checkAborted(options.signal)
    const entry = await rows.first(from, before)
    if (entry === undefined) break
    const { key } = objectOfKey(entry.key)
    const isLatest = options.versions !== true || (await latestVersion(rows, key))?.rowKey === entry.key
    const found = versionOfEntry(entry, isLatest)
    const rolled = commonPrefixOf(key, options)
    // A common prefix appears only when something under it does.
    if (options.versions !== true && found.row.isDeleted) {
      from = stepOver(entry.key, key, options)
      continue
    }
    if (objects.length + commonPrefixes.length === options.limit) return { objects, commonPrefixes, next }
    if (rolled === undefined) objects.push(infoOf(key, found))
    else commonPrefixes.push(rolled)
    next = nextAfter(rolled ?? key, rolled === undefined && options.versions === true ? found : undefined)
    from = rolled === undefined ? stepOver(entry.key, key, options) : endOfRoll(rolled)
  }
  return { objects, commonPrefixes, next: undefined }
}

/** Where the next row is: after the version, or after all versions of its object. */
function stepOver(rowKey: TreeKey, key: string, { versions }: ListOptions): TreeKey | undefined {
  return versions === true ? `${rowKey}\u0000` : versionsRange(key).before
}

function endOfRoll(prefix: string): TreeKey | undefined {
  return endOfPrefix(prefixRange(prefix).from)
}

function nextAfter(after: string, found: FoundVersion | undefined): NonNullable<ObjectPage['next']> {
  // Of a null version its place is told, which stays when the version goes.
  return found === undefined ? { after } : { after, afterVersion: versionOfStamp(found.stamp) }
}

function commonPrefixOf(key: string, { prefix = '', delimiter = '' }: ListOptions): string | undefined {
  if (delimiter === '') return undefined
  const at = key.indexOf(delimiter, prefix.length)
  return at === -1 ? undefined : key.slice(0, at + delimiter.length)
}

/** The first key that may be listed. */
async function startOf(rows: Rows, options: ListOptions): Promise<TreeKey | undefined> {
  const { after, afterVersion, prefix = '' } = options
  const { from } = prefixRange(prefix)
  if (after === undefined || after === '') return from
  const isRolled = after.startsWith(prefix) && commonPrefixOf(after, options) === after
  let start: TreeKey | undefined
  if (isRolled) start = endOfRoll(after)
  else if (afterVersion !== undefined && options.versions === true) start = await afterPlace(rows, after, afterVersion)
  else start = versionsRange(after).before
  return start === undefined || start > from ? start : from
}

/** Behind a version of an object, which may be gone by now. */
async function afterPlace(rows: Rows, key: string, version: string): Promise<TreeKey | undefined> {
  const stamp = version === NULL_VERSION ? (await namedVersion(rows, key, version))?.stamp : stampOfVersion(version)
  // A version that there never was: its object is listed from its first one on.
  return stamp === undefined ? versionsRange(key).from : `${versionKey(key, stamp)}\u0000`
}
