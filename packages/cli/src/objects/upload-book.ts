import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ObjectPlace } from '@stead/sdk'

interface UploadRow {
  readonly version: 1
  readonly upload: string
  /** The process that works on it; while it lives nobody else does. */
  readonly pid: number
}

/** Which uploads of files were begun and not finished, so that the same command goes on with them. */
export class UploadBook {
  readonly #folder: string

  /** @param stateDir that of the node whose objects they are */
  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'uploads')
  }

  /** The upload to go on with; undefined for none, `busy` while another process does. */
  find(file: string, place: ObjectPlace): string | 'busy' | undefined {
    const row = this.#read(this.#pathOf(file, place))
    if (row === undefined) return undefined
    return row.pid !== process.pid && isAlive(row.pid) ? 'busy' : row.upload
  }

  note(file: string, place: ObjectPlace, upload: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const path = this.#pathOf(file, place)
    const row: UploadRow = { version: 1, upload, pid: process.pid }
    writeFileSync(`${path}.${process.pid}`, JSON.stringify(row), { mode: 0o600 })
    renameSync(`${path}.${process.pid}`, path)
  }

  forget(file: string, place: ObjectPlace): void {
    rmSync(this.#pathOf(file, place), { force: true })
  }

  #pathOf(file: string, { bucket, key }: ObjectPlace): string {
    const name = createHash('sha256').update(JSON.stringify([resolve(file), bucket, key]))
    return join(this.#folder, `${name.digest('hex')}.json`)
  }

  /** A row that cannot be read is as good as none: the file is sent from its begin. */
  #read(path: string): UploadRow | undefined {
    if (!existsSync(path)) return undefined
    try {
      const row = JSON.parse(readFileSync(path, 'utf8')) as Partial<UploadRow>
      return row.version === 1 && typeof row.upload === 'string' && typeof row.pid === 'number'
        ? (row as UploadRow)
        : undefined
    } catch {
      return undefined
    }
  }
}

/** Whether a process runs, also one of somebody else. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
