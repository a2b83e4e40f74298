import { setTimeout as sleepFor } from 'node:timers/promises'
import type { DaemonClient } from '@stead/sdk'
import type { SharedList, SharedObject } from '@stead/sdk/api'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { type SharedPlace, stillFilling } from './share-link.ts'
import { interrupted } from './transfer-report.ts'

/** How a share that is still being filled is waited for. */
export interface FillingTerms {
  /** Between two looks, in milliseconds. */
  readonly lookMs: number
  /** After so many milliseconds without anything new it is given up. */
  readonly giveUpMs: number
}

/** What people wait for. */
export const fillingTerms: FillingTerms = { lookMs: 2000, giveUpMs: 60_000 }

/**
 * All objects under a folder of a share, each once it is shown, and again when it changed meanwhile. While the share
 * is filled it is looked at again, which the person is told.
 * @throws CliError CLI_SHARE_FILLING when nothing new is shown for long, CLI_INTERRUPTED
 */
export async function* objectsAsShown(
  client: Pick<DaemonClient, 'listShared'>,
  { terminal }: CommandContext,
  {
    place: { link, path },
    terms,
    signal,
  }: { readonly place: SharedPlace; readonly terms: FillingTerms; readonly signal: AbortSignal },
): AsyncGenerator<SharedObject> {
  const pageAfter = (after: string): Promise<SharedList> =>
    client.listShared({ link, folder: path, isRecursive: true, after })
  const etags = new Map<string, string>()
  let newAtMs = performance.now()
  let isTold = false
  for (;;) {
    let isWhole: boolean | undefined
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: SharedList = await pageAfter(after)
      // What is filled in while later pages are listed may lie on the first.
      isWhole ??= page.isFilled
      for (const object of page.objects) {
        const { key, etag } = object
        if (etags.get(key) === etag) continue
        yield object
        if (!isWhole) etags.set(key, etag)
        newAtMs = performance.now()
      }
      after = page.next
    }
    if (isWhole === true) return
    if (performance.now() - newAtMs >= terms.giveUpMs)
      throw new CliError('CLI_SHARE_FILLING', `${stillFilling(etags.size)}, and nothing new came for a while`)
    if (!isTold) terminal.message(`${stillFilling(etags.size)}; waiting for the rest`)
    isTold = true
    await sleepFor(terms.lookMs, undefined, { signal }).catch(() => {
      throw interrupted({ kind: 'down', partsAt: undefined })
    })
  }
}
