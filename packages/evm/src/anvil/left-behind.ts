import { readFileSync } from 'node:fs'
import type { Clock } from '@stead/core'
import { dataAnswer, type Hex, recordAnswer } from '../answer.ts'
import { ChainRpc } from '../chain-rpc.ts'
import { JsonRpc } from '../json-rpc.ts'
import type { RunRecord, StateFiles } from './state-file.ts'

/** How long a process may take to end after it was asked to, before it is killed. */
export const END_TIMEOUT_MS = 5000
const LOOK_PAUSE_MS = 20
const REQUEST_TIMEOUT_MS = 10_000

/** What dealing with a chain that outlived its owner needs. */
export interface LeftBehindComponents {
  readonly clock: Clock
  readonly files: StateFiles
}

/** A connection to a local chain. */
export function connectLocal(clock: Clock, port: number): JsonRpc {
  return new JsonRpc({ clock }, { rpcUrl: `http://127.0.0.1:${port}`, requestTimeoutMs: REQUEST_TIMEOUT_MS })
}

/** The random id that a chain's process chose at its start. @throws ChainError CHAIN_UNREACHABLE, CHAIN_BAD_ANSWER */
export async function instanceOf(rpc: ChainRpc): Promise<string> {
  const metadata = recordAnswer(await rpc.development('anvil_metadata', []), 'anvil_metadata')
  return String(metadata.instanceId)
}

/** The whole state of a chain, packed. @throws ChainError CHAIN_UNREACHABLE, CHAIN_BAD_ANSWER */
export async function dumpState(rpc: ChainRpc): Promise<Hex> {
  return dataAnswer(await rpc.development('anvil_dumpState', []), 'anvil_dumpState')
}

/**
 * Runs `work` with the chain of a record, unless nobody or another chain answers at its port.
 * @throws what `work` throws
 */
export async function withSurvivor(
  record: RunRecord,
  clock: Clock,
  work: (rpc: ChainRpc) => Promise<void>,
): Promise<void> {
  const jsonRpc = connectLocal(clock, record.port)
  try {
    const rpc = new ChainRpc(jsonRpc)
    const instanceId = await instanceOf(rpc).catch(() => undefined)
    if (instanceId === record.instanceId) await work(rpc)
  } finally {
    jsonRpc.stop()
  }
}

/**
 * Saves and ends a chain whose owner has just gone.
 * @throws ChainError, or what the disk says, when the state could not be saved; the process is ended all the same
 */
export async function endOrphan(pid: number, { clock, files }: LeftBehindComponents): Promise<void> {
  try {
    const record = await files.readRecord()
    if (record?.pid !== pid) return
    await withSurvivor(record, clock, async (rpc) => files.saveState(await dumpState(rpc)))
  } finally {
    // Its record stays: the next owner's may be there by now, and one of a chain that is gone names nobody.
    await endProcess(pid, clock)
  }
}

/** Asks a process to end, and kills it when it does not within a bound. */
export async function endProcess(pid: number, clock: Clock): Promise<void> {
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGTERM')
  await untilGone(pid, clock, END_TIMEOUT_MS)
  if (isAlive(pid)) process.kill(pid, 'SIGKILL')
}

/** Waits until a process has ended, within a bound. */
export async function untilGone(pid: number, clock: Clock, timeoutMs: number): Promise<void> {
  const startedMs = clock.monotonicMs()
  while (isAlive(pid) && clock.monotonicMs() - startedMs < timeoutMs) await clock.sleep(LOOK_PAUSE_MS)
}

/** True while a process with this id runs; one that ended and that nobody has collected yet is gone, too. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isUncollected(pid)
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM'
  }
}

/** Linux keeps the number of a killed process until its parent asks; in a container that may be never. */
function isUncollected(pid: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
  } catch {
    // Gone between the two questions.
    return true
  }
}
