import type { PartView } from '../api/uploads.ts'

/** Content whose parts can be compared with those that are there. */
export interface RereadableParts {
  /** Undefined for content that comes once: none of its parts is known before it is read. */
  readonly blob: Blob | undefined
  readonly partBytes: number
}

/** How parts are compared. */
export interface PartComparison {
  readonly signal: AbortSignal | undefined
  /** @default those of the same length are the same */
  readonly isSame: ((part: PartView, bytes: Blob) => Promise<boolean>) | undefined
}

/** Of the parts of an upload those that are what the content has in their place; the others are to be sent again. */
export async function partsThere(
  parts: readonly PartView[],
  { blob, partBytes }: RereadableParts,
  { signal, isSame = async () => true }: PartComparison,
): Promise<readonly PartView[]> {
  if (blob === undefined) return []
  const there: PartView[] = []
  for (const part of parts) {
    signal?.throwIfAborted()
    const bytes = blob.slice((part.number - 1) * partBytes, part.number * partBytes)
    if (bytes.size === part.lengthBytes && (await isSame(part, bytes))) there.push(part)
  }
  return there
}
