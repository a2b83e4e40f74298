import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'
import type { Hex } from '../answer.ts'

const unzip = promisify(gunzip)
/** A devnet's whole state; far above what a day of heavy use makes. */
const STATE_BYTES_MAX = 256 * 1024 * 1024

/** Which process keeps the chain of a folder, so that a survivor of a crash is recognised. */
export interface RunRecord {
  readonly version: 1
  /** The chain's process. */
  readonly pid: number
  /** The process that started it. */
  readonly ownerPid: number
  /** The process that ends the chain when its owner is gone; undefined where there is none. */
  readonly watchPid?: number | undefined
  readonly port: number
  /** Random, chosen by the chain's process; tells it from any other that may have got its port. */
  readonly instanceId: string
}

const runRecordSchema: z.ZodType<RunRecord> = z.strictObject({
  version: z.literal(1),
  pid: z.int().min(1),
  ownerPid: z.int().min(1),
  watchPid: z.int().min(1).optional(),
  port: z.int().min(1).max(65_535),
  instanceId: z.string().max(200),
})

/** Replaces a file as a whole: a crash leaves the old one or the new one. */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** The files of one local chain: its state, and the record of its process. */
export class StateFiles {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /** Where the state is; the chain's own program reads it from there. */
  get statePath(): string {
    return join(this.directory, 'chain-state.json')
  }

  get #recordPath(): string {
    return join(this.directory, 'chain-process.json')
  }

  async prepare(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 })
  }

  /**
   * Keeps a state as `anvil_dumpState` gives it. The program can write its state itself, but does so in place: killed
   * in the middle it leaves half a file.
   */
  async saveState(dump: Hex): Promise<void> {
    const state = await unzip(Buffer.from(dump.slice(2), 'hex'), { maxOutputLength: STATE_BYTES_MAX })
    await replaceFile(this.statePath, state)
  }

  async hasState(): Promise<boolean> {
    return (await readOptional(this.statePath)) !== undefined
  }

  /** Undefined when there is none, or none that can be read: then nobody is known to keep the chain. */
  async readRecord(): Promise<RunRecord | undefined> {
    const text = await readOptional(this.#recordPath)
    if (text === undefined) return undefined
    try {
      return runRecordSchema.parse(JSON.parse(text))
    } catch {
      // A record that cannot be read names nobody; the port tells whether somebody is there.
      return undefined
    }
  }

  async writeRecord(record: RunRecord): Promise<void> {
    await replaceFile(this.#recordPath, `${JSON.stringify(record)}\n`)
  }

  async removeRecord(): Promise<void> {
    await rm(this.#recordPath, { force: true })
  }
}
