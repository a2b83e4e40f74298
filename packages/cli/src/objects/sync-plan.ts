import type { Entry } from './local-files.ts'

/** What makes a target like its source. */
export interface SyncPlan<Source extends Entry, Target extends Entry> {
  readonly transfers: readonly Source[]
  /** In the target and not in the source. */
  readonly extra: readonly Target[]
  readonly same: number
}

/** Times are kept in milliseconds, and disks round as they like. */
const TIME_TOLERANCE_MS = 2

/**
 * Compares by length and whether it is a program, then by time, then by content where that can be done without moving it.
 * @param hasSameContent asked for two of one length whose times differ
 */
export async function planSync<Source extends Entry, Target extends Entry>(
  source: AsyncIterable<Source> | Iterable<Source>,
  target: AsyncIterable<Target> | Iterable<Target>,
  hasSameContent: (source: Source, target: Target) => Promise<boolean>,
): Promise<SyncPlan<Source, Target>> {
  const there = new Map<string, Target>()
  for await (const entry of target) there.set(entry.name, entry)
  const transfers: Source[] = []
  let same = 0
  for await (const entry of source) {
    const known = there.get(entry.name)
    there.delete(entry.name)
    if (known !== undefined && (await isSame(entry, known, hasSameContent))) same++
    else transfers.push(entry)
  }
  return { transfers, extra: [...there.values()], same }
}

/** Where both say whether they can be run. */
function isOtherKind({ isExecutable: left }: Entry, { isExecutable: right }: Entry): boolean {
  return left !== undefined && right !== undefined && left !== right
}

async function isSame<Source extends Entry, Target extends Entry>(
  source: Source,
  target: Target,
  hasSameContent: (source: Source, target: Target) => Promise<boolean>,
): Promise<boolean> {
  if (source.lengthBytes !== target.lengthBytes || isOtherKind(source, target)) return false
  if (Math.abs(source.changedAtMs - target.changedAtMs) <= TIME_TOLERANCE_MS) return true
  return await hasSameContent(source, target)
}
