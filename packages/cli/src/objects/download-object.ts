import { createHash } from 'node:crypto'
import { constants, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { chmod, type FileHandle, open, stat, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { ObjectClient } from '@stead/sdk'
import { hasEtag, PART_BYTES } from './content-hash.ts'
import type { ObjectUrl, ObjectVersion } from './object-url.ts'
import type { RemoteEntry } from './remote-objects.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'
import type { TransferListener } from './transfer-progress.ts'
import { isAlive } from './upload-book.ts'

/** What is brought, and where to. */
export interface Download {
  readonly from: ObjectVersion
  readonly entry: RemoteEntry
  /** In a folder that is there; replaced when all has come. */
  readonly file: string
}

/** How it is brought. */
export interface DownloadOptions extends Partial<TransferListener> {
  readonly signal: AbortSignal
}

/**
 * Brings an object to a file, which has all of it or is as it was before. What has come of a long one when that ends early
 * stays beside it under another name, and is gone on with if the object is the same yet.
 * @throws StorageError STORAGE_CONDITION for an object that is replaced meanwhile; what cannot be read; SystemError
 */
export async function downloadObject(
  objects: ObjectClient,
  download: Download,
  options: DownloadOptions,
): Promise<void> {
  const { entry, file } = download
  const partial = new PartialFile(download)
  const startByte = partial.claim()
  try {
    if (startByte > 0) options.onResume?.(startByte)
    options.onBytes?.(startByte)
    await fetchInto(partial.path, { objects, download, startByte }, options)
    // What was there may have come out of a machine that lost its power: read again where that can be known.
    const isWhole = startByte === 0 || (await hasEtag(partial.path, entry.object.etag, entry.lengthBytes)) !== false
    if (!isWhole) {
      options.onBytes?.(-entry.lengthBytes)
      await fetchInto(partial.path, { objects, download, startByte: 0 }, options)
    }
    if (entry.isExecutable === true) await allowToRun(partial.path)
    await utimes(partial.path, entry.changedAtMs / 1000, entry.changedAtMs / 1000)
    renameSync(partial.path, file)
  } catch (error) {
    partial.letGo()
    throw error
  }
}

/** Whoever may read it. */
async function allowToRun(path: string): Promise<void> {
  const { mode } = await stat(path)
  await chmod(path, (mode & 0o777) | ((mode & 0o444) >> 2))
}

async function fetchInto(
  path: string,
  { objects, download, startByte }: { objects: ObjectClient; download: Download; startByte: number },
  { signal, onBytes = () => undefined }: DownloadOptions,
): Promise<void> {
  const { from, entry } = download
  // A link that somebody put there is not followed.
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW
  const target = await open(path, flags, 0o666)
  try {
    await target.truncate(startByte)
    if (startByte < entry.lengthBytes || entry.lengthBytes === 0) {
      const pinned = from.version === undefined ? {} : { version: from.version }
      const range = startByte > 0 ? { fromByte: startByte } : {}
      const options = { ...range, ...pinned, ifMatch: entry.object.etag, signal }
      const { body } = await objects.get({ bucket: from.bucket, key: from.key }, options)
      await write(target, startByte, { body, onBytes })
    }
    await target.datasync()
  } finally {
    await target.close()
  }
}

async function write(
  target: FileHandle,
  startByte: number,
  { body, onBytes }: { readonly body: ReadableStream<Uint8Array>; readonly onBytes: (bytes: number) => void },
): Promise<void> {
  let at = startByte
  for await (const chunk of body) {
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

  constructor({ from, entry, file }: Download) {
    this.#folder = dirname(file)
    this.#name = `${PARTIAL_PREFIX}${identityOf(from, entry, basename(file))}`
    this.#isKept = entry.lengthBytes > PART_BYTES
    this.#lengthBytes = entry.lengthBytes
  }

  readonly #lengthBytes: number

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

function identityOf({ bucket, key }: ObjectUrl, { object, lengthBytes }: RemoteEntry, name: string): string {
  const { version, etag, modifiedAt } = object
  const facts = JSON.stringify([bucket, key, version, etag, modifiedAt, lengthBytes, name])
  return createHash('sha256').update(facts).digest('hex').slice(0, 32)
}
