import { createHash } from 'node:crypto'
import { constants, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { chmod, type FileHandle, open, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ObjectClient } from '@stead/sdk'
import { hasEtag, PART_BYTES } from './content-hash.ts'
import type { ObjectVersion } from './object-url.ts'
import type { RemoteEntry } from './remote-objects.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'
import type { TransferListener } from './transfer-progress.ts'
import { isAlive } from './upload-book.ts'

/** One version of an object, of which bytes can be had from any place on. */
export interface DownloadSource {
  /** What no other object and no other version has in common with it; goes into the name of what has come, hashed. */
  readonly identity: readonly unknown[]
  readonly lengthBytes: number
  readonly etag: string
  /** @default now */
  readonly changedAtMs?: number
  readonly isExecutable?: boolean | undefined
  /** @throws StorageError STORAGE_CONDITION when the object is another one by now; what cannot be read */
  open(fromByte: number): Promise<AsyncIterable<Uint8Array>>
}

/** How it is brought. */
export interface DownloadOptions extends Partial<TransferListener> {
  readonly signal: AbortSignal
}

/**
 * Brings an object to a file in a folder that is there; it has all of it or is as it was before. What has come of a long one
 * when that ends early stays beside it under another name, and is gone on with if the object is the same yet.
 * @throws StorageError STORAGE_CONDITION for an object that is replaced meanwhile; what cannot be read; SystemError
 */
export async function downloadFile(source: DownloadSource, file: string, options: DownloadOptions): Promise<void> {
  const { lengthBytes, etag, changedAtMs } = source
  const partial = new PartialFile(source, file)
  const startByte = partial.claim()
  try {
    if (startByte > 0) options.onResume?.(startByte)
    options.onBytes?.(startByte)
    await fetchInto(partial.path, source, startByte, options)
    // What was there may have come out of a machine that lost its power: read again where that can be known.
    const isWhole = startByte === 0 || (await hasEtag(partial.path, etag, lengthBytes)) !== false
    if (!isWhole) {
      options.onBytes?.(-lengthBytes)
      await fetchInto(partial.path, source, 0, options)
    }
    if (source.isExecutable === true) await allowToRun(partial.path)
    if (changedAtMs !== undefined) await utimes(partial.path, changedAtMs / 1000, changedAtMs / 1000)
    renameSync(partial.path, file)
  } catch (error) {
    partial.letGo()
    throw aboutFile(error, partial.path, file)
  }
}

/** An error of the system, by the file that is meant instead of the one that is written first. */
function aboutFile(error: unknown, partialPath: string, file: string): unknown {
  const { code, path, syscall, message } = error as NodeJS.ErrnoException
  if (path !== partialPath) return error
  const [why] = message.split(`, ${syscall} `)
  const words = `${why}: ${file} cannot be written in the folder ${dirname(file)}`
  return Object.assign(new Error(words, { cause: error }), { code, syscall, path: file })
}

/** An object of one's own. */
export function ownObject(
  objects: Pick<ObjectClient, 'get'>,
  { bucket, key, version }: ObjectVersion,
  { object, lengthBytes, changedAtMs, isExecutable }: RemoteEntry,
  signal: AbortSignal,
): DownloadSource {
  const { etag, modifiedAt } = object
  const pinned = version === undefined ? {} : { version }
  return {
    identity: [bucket, key, object.version, etag, modifiedAt, lengthBytes],
    ...{ lengthBytes, etag, changedAtMs, isExecutable },
    open: async (fromByte) => {
      const range = fromByte > 0 ? { fromByte } : {}
      return (await objects.get({ bucket, key }, { ...range, ...pinned, ifMatch: etag, signal })).body
    },
  }
}

/** Whoever may read it. */
async function allowToRun(path: string): Promise<void> {
  const { mode } = await stat(path)
  await chmod(path, (mode & 0o777) | ((mode & 0o444) >> 2))
}

async function fetchInto(
  path: string,
  source: DownloadSource,
  startByte: number,
  { signal, onBytes = () => undefined }: DownloadOptions,
): Promise<void> {
  // A link that somebody put there is not followed.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
  const target = await open(path, flags, 0o666)
  try {
    await target.truncate(startByte)
    if (startByte < source.lengthBytes || source.lengthBytes === 0)
      await write(target, startByte, { body: await source.open(startByte), onBytes, signal })
    await target.datasync()
  } finally {
    await target.close()
  }
}

async function write(
  target: FileHandle,
  startByte: number,
  {
    body,
    onBytes,
    signal,
  }: {
    readonly body: AsyncIterable<Uint8Array>
    readonly onBytes: (bytes: number) => void
    readonly signal: AbortSignal
  },
): Promise<void> {
  let at = startByte
  for await (const chunk of body) {
    signal.throwIfAborted()
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await target.write(chunk, written, chunk.length - written, at + written)
      written += bytesWritten
    }
    at += chunk.length
    onBytes(chunk.length)
  }
}

/**
 * What has come of an object, under a name that no other object and no other version of this one has. While a process
 * works on it, the name ends with that process.
 */
class PartialFile {
  readonly #name: string
  readonly #folder: string
  readonly #isKept: boolean
  readonly #lengthBytes: number

  constructor({ identity, lengthBytes }: DownloadSource, file: string) {
    const facts = JSON.stringify([...identity, basename(file)])
    this.#folder = dirname(file)
    this.#name = `${PARTIAL_PREFIX}${createHash('sha256').update(facts).digest('hex').slice(0, 32)}`
    this.#isKept = lengthBytes > PART_BYTES
    this.#lengthBytes = lengthBytes
  }

  get path(): string {
    return join(this.#folder, `${this.#name}-${process.pid}`)
  }

  /** Takes what an earlier process left. Gives how many bytes there are. */
  claim(): number {
    if (!this.#isKept) {
      rmSync(this.path, { force: true })
      return 0
    }
    for (const name of readdirSync(this.#folder).filter((each) => this.#isLeft(each))) {
      try {
        renameSync(join(this.#folder, name), this.path)
        break
      } catch (error) {
        // Another process was faster.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    const found = lstatSync(this.path, { throwIfNoEntry: false })
    if (found?.isFile() === true && found.nlink === 1 && found.size <= this.#lengthBytes) return found.size
    rmSync(this.path, { force: true })
    return 0
  }

  /** Leaves what has come for another process, when it is worth while. */
  letGo(): void {
    if (!this.#isKept) rmSync(this.path, { force: true })
    else if (lstatSync(this.path, { throwIfNoEntry: false }) !== undefined)
      renameSync(this.path, join(this.#folder, this.#name))
  }

  #isLeft(name: string): boolean {
    if (name === this.#name) return true
    const pid = name.startsWith(`${this.#name}-`) ? Number(name.slice(this.#name.length + 1)) : 0
    return Number.isInteger(pid) && pid > 0 && (pid === process.pid || !isAlive(pid))
  }
}
