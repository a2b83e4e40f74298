import { type Dirent, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry } from './local-files.ts'
import type { Obstacle, SafeFolder } from './safe-folder.ts'

/** What is deleted in a folder: at first what is in the way of what comes, and the rest at last. */
export interface DeletionOrder<Each extends Entry> {
  /** Names below the folder; those of folders end with `/`, and come after what is in them. */
  readonly first: readonly string[]
  readonly last: readonly Each[]
}

/**
 * Which of what a source does not have must go before its files can come: a file where a folder must be, and a folder where
 * a file must be, if all in it is to go. Links, devices, and what is left out stay: then what they are in the way of is refused.
 * @param wanted what is to come, by its names below the folder
 * @param extra all that is to go
 */
export function deletionOrder<Each extends Entry>(
  folder: SafeFolder,
  wanted: readonly Entry[],
  extra: readonly Each[],
): DeletionOrder<Each> {
  const going = new Set(extra.map(({ name }) => name))
  const first = new Set<string>()
  for (const { name } of wanted) {
    const obstacle = folder.obstacleOf(name)
    const isNew = obstacle !== undefined && !first.has(obstacle.name) && !first.has(`${obstacle.name}/`)
    if (isNew) for (const each of namesOf(folder, obstacle, going)) first.add(each)
  }
  return { first: [...first], last: extra.filter(({ name }) => !first.has(name)) }
}

function namesOf(folder: SafeFolder, { name, kind }: Obstacle, going: ReadonlySet<string>): readonly string[] {
  if (kind === 'file') return going.has(name) ? [name] : []
  const below = kind === 'folder' ? namesBelow(folder.root, `${name}/`) : undefined
  return below?.every((each) => each.endsWith('/') || going.has(each)) === true ? below : []
}

/** All in a folder, and then the folder; undefined where some of it cannot be read. */
function namesBelow(root: string, prefix: string): readonly string[] | undefined {
  const names: string[] = []
  for (const entry of entriesOf(join(root, prefix)) ?? [undefined]) {
    const below = entry?.isDirectory() === true ? namesBelow(root, `${prefix}${entry.name}/`) : undefined
    if (entry === undefined || (entry.isDirectory() && below === undefined)) return undefined
    names.push(...(below ?? [`${prefix}${entry.name}`]))
  }
  return [...names, prefix]
}

function entriesOf(path: string): readonly Dirent[] | undefined {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch {
    // Whoever wants to write there is told why that is not possible.
    return undefined
  }
}
