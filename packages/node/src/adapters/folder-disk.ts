import { constants } from 'node:fs'
import { type FileHandle, open, readdir, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CoreError, checkDiskName, type Disk, type DiskFile, type DiskSpace, messageOf } from '@stead/core'
import { makePrivateDirectory } from '../identity/private-file.ts'

const FILE_MODE = 0o600
/** Errors of the operating system that mean: no room. EFBIG is a limit of the process, EDQUOT one of the user. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The Disk port over a folder. */
export class FolderDisk implements Disk {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder where it is missing, for its owner alone. @throws NodeError NODE_DATA_DIR */
  static create(folder: string): FolderDisk {
    makePrivateDirectory(folder)
    return new FolderDisk(folder)
  }

  async open(name: string): Promise<DiskFile> {
    checkDiskName(name)
    return await orCoreError(`cannot open ${name}`, async () => {
      const handle = await open(join(this.#folder, name), constants.O_RDWR | constants.O_CREAT, FILE_MODE)
      try {
        const { size } = await handle.stat()
        // The name of a new file is part of the folder, which is forced out on its own.
        if (size === 0) await this.#syncFolder()
        return new FolderDiskFile(name, handle, size)
      } catch (error) {
        await handle.close()
        throw error
      }
    })
  }

  async list(): Promise<readonly { readonly name: string; readonly lengthBytes: number }[]> {
    return await orCoreError(`cannot list ${this.#folder}`, async () => {
      const names = (await readdir(this.#folder)).sort()
      return await Promise.all(
        names.map(async (name) => ({ name, lengthBytes: (await stat(join(this.#folder, name))).size })),
      )
    })
  }

  async remove(name: string): Promise<void> {
    checkDiskName(name)
    await orCoreError(`cannot remove ${name}`, async () => {
      try {
        await unlink(join(this.#folder, name))
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return
        throw error
      }
      await this.#syncFolder()
    })
  }

  async space(): Promise<DiskSpace> {
    return await orCoreError(`cannot measure ${this.#folder}`, async () => {
      const { bavail, blocks, bsize } = await statfs(this.#folder)
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
    })
  }

  async #syncFolder(): Promise<void> {
    // Windows has no such thing: there names are forced out with the file.
    if (process.platform === 'win32') return
    const handle = await open(this.#folder, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

class FolderDiskFile implements DiskFile {
  readonly name: string
  readonly #handle: FileHandle
  #lengthBytes: number
  /** Appends, syncs and cuts, one after another. */
  #queue: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(name: string, handle: FileHandle, lengthBytes: number) {
    this.name = name
    this.#handle = handle
    this.#lengthBytes = lengthBytes
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  async read(atByte: number, lengthBytes: number): Promise<Uint8Array> {
    this.#checkOpen()
    const buffer = new Uint8Array(Math.max(0, Math.min(lengthBytes, this.#lengthBytes - atByte)))
    let filled = 0
    while (filled < buffer.length) {
      const { bytesRead } = await orCoreError(`cannot read ${this.name}`, () =>
        this.#handle.read(buffer, filled, buffer.length - filled, atByte + filled),
      )
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return filled === buffer.length ? buffer : buffer.subarray(0, filled)
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(async () => {
      const start = this.#lengthBytes
      try {
        await this.#writeAll(bytes, start)
        this.#lengthBytes = start + bytes.length
      } catch (error) {
        await this.#handle.truncate(start)
        throw error
      }
    }, 'append to')
  }

  async sync(): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(() => this.#handle.datasync(), 'force out')
  }

  async truncate(lengthBytes: number): Promise<void> {
    this.#checkOpen()
    await this.#inTurn(async () => {
      await this.#handle.truncate(lengthBytes)
      await this.#handle.sync()
      this.#lengthBytes = lengthBytes
    }, 'cut off')
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#queue
    await this.#handle.close()
  }

  async #writeAll(bytes: Uint8Array, start: number): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written, start + written)
      written += bytesWritten
    }
  }

  #inTurn(work: () => Promise<void>, what: string): Promise<void> {
    const done = this.#queue.then(() => orCoreError(`cannot ${what} ${this.name}`, work))
    this.#queue = done.catch(() => undefined)
    return done
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new CoreError('CORE_STOPPED', `${this.name} was closed`)
  }
}

async function orCoreError<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    const code = FULL.has(codeOf(error) ?? '') ? 'STORE_FULL' : 'STORE_FAILED'
    throw new CoreError(code, `${what}: ${messageOf(error)}`, { cause: error })
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
