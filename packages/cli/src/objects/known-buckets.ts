import { hasCode, messageOf, nameDistance } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import { StorageError } from '@stead/storage'

const NAMES_SHOWN = 5
/** Letters that a typing error makes, or half of a short name. */
const LETTERS_MAX = 2

/**
 * Does something with objects. Where a bucket is not there, the error says which one may be meant, or which there are.
 * @throws what is thrown there
 */
export async function namingBuckets<Result>(
  client: Pick<DaemonClient, 'listBuckets'>,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!hasCode(error, 'STORAGE_BUCKET_UNKNOWN')) throw error
    const { details } = error
    const names = await client.listBuckets().then(
      ({ buckets }) => buckets.map(({ name }) => name),
      // What went wrong first says more than why there is no list.
      () => undefined,
    )
    if (names === undefined) throw error
    throw new StorageError('STORAGE_BUCKET_UNKNOWN', messageOf(error), {
      details,
      next: nextOf(String(details.name), names),
      cause: error,
    })
  }
}

function nextOf(name: string, names: readonly string[]): string {
  if (names.length === 0) return `There is none yet; this makes it: stead put <file> stead://${name}/`
  const nearest = nearestName(name, names)
  if (nearest !== undefined) return `Did you mean stead://${nearest}? All that there are: stead ls`
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : ''
  return `The buckets: ${names.slice(0, NAMES_SHOWN).join(', ')}${more} (stead ls)`
}

/** The name that was meant, where that is near enough to be a typing error. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const [nearest] = names
    .map((each) => ({ each, letters: nameDistance(name, each) }))
    .filter(({ letters }) => letters <= Math.min(LETTERS_MAX, name.length / 2))
    .toSorted((left, right) => left.letters - right.letters)
  return nearest?.each
}
