import { setTimeout as sleepFor } from 'node:timers/promises'
import { isSteadError } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { StorageWaitView } from '@stead/sdk/api'
import { CLEAR_LINE, type Terminal } from '../terminal/terminal.ts'

/** Whoever gets what it wants at once is told nothing, in milliseconds. */
const LOOK_MS = 2000

/** What is told with. */
export interface WaitTeller {
  readonly client: Pick<DaemonClient, 'listStorageWaits'>
  readonly terminal: Pick<Terminal, 'message' | 'isInteractive'>
  /** @default 2 seconds */
  readonly lookMs?: number
}

/**
 * Does work that reads objects, and says for which nodes the daemon waits meanwhile, whenever that has changed.
 * @throws what the work throws
 */
export async function tellingWaits<Value>(teller: WaitTeller, work: () => Promise<Value>): Promise<Value> {
  const done = new AbortController()
  const telling = tell(teller, done.signal)
  try {
    return await work()
  } finally {
    done.abort()
    await telling
  }
}

async function tell({ client, terminal, lookMs = LOOK_MS }: WaitTeller, signal: AbortSignal): Promise<void> {
  let told: string | undefined
  while (await isStillWanted(lookMs, signal)) {
    const text = await waitNow(client, signal)
    if (text !== undefined && text !== told) terminal.message(`${terminal.isInteractive ? CLEAR_LINE : ''}${text}`)
    told = text
  }
}

async function isStillWanted(afterMs: number, signal: AbortSignal): Promise<boolean> {
  return await sleepFor(afterMs, true, { signal }).catch(() => false)
}

/** @returns undefined where nothing is waited for, or the daemon does not say: then the work itself ends with what is wrong */
async function waitNow(client: WaitTeller['client'], signal: AbortSignal): Promise<string | undefined> {
  try {
    const { waits } = await client.listStorageWaits({ signal })
    const [longest] = [...waits].sort((left, right) => right.waitedMs - left.waitedMs)
    return longest === undefined ? undefined : waitText(longest)
  } catch (error) {
    if (!isSteadError(error) && !signal.aborted) throw error
    return undefined
  }
}

/** What a wait is for, for a person. */
function waitText({ awayNodes, nodes, havePieces, needPieces }: StorageWaitView): string {
  return `waiting for ${awayNodes} of ${nodes} nodes to answer; ${havePieces} of ${needPieces} pieces are here …`
}
