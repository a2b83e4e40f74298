import { constants, statSync } from 'node:fs'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContentId, messageOf } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { openResult, RESULT_BYTES_MAX } from '@stead/rewards'
import { CliError } from '../errors.ts'
import type { OfferedDocument } from './checked-documents.ts'
import type { PublishedResult } from './document-source.ts'

/** The largest document that there is: a result. */
const DOCUMENT_BYTES_MAX = RESULT_BYTES_MAX

/** A folder of documents, each in a file that is named by its content id. Whatever else lies there is never opened to read. */
export class DocumentFolder {
  readonly #folder: string

  /** @throws CliError CLI_USAGE when there is no such folder */
  constructor(folder: string) {
    const found = statSync(folder, { throwIfNoEntry: false })
    if (found === undefined) throw new CliError('CLI_USAGE', `there is no folder ${folder}`)
    if (!found.isDirectory()) throw new CliError('CLI_USAGE', `--evidence names a folder, and ${folder} is none`)
    this.#folder = folder
  }

  /** @throws CliError CLI_EVIDENCE_MISSING naming the file, where there is one that cannot be a document */
  async ask(id: ContentId): Promise<OfferedDocument | undefined> {
    const path = join(this.#folder, id)
    const found = await readRegular(path)
    if (found === undefined) return undefined
    if (found instanceof Uint8Array) return { bytes: found, from: path }
    throw new CliError('CLI_EVIDENCE_MISSING', `the document ${id} cannot be had: ${path} ${found.why}`, {
      details: { id, path },
      next: 'Put the document there as a file; or leave --evidence out, and a node is asked',
    })
  }

  /** The result that somebody published for evidence, with its root; found by looking at all files. */
  async publishedResult({ evidence, root }: PublishedResult): Promise<Uint8Array | undefined> {
    for (const name of (await readdir(this.#folder)).sort()) {
      const bytes = await readRegular(join(this.#folder, name))
      if (!(bytes instanceof Uint8Array) || contentIdOf('dag-cbor', bytes) !== name) continue
      try {
        const result = openResult(bytes)
        if (result.evidence === evidence && result.root === root) return bytes
      } catch {
        // Another kind of document.
      }
    }
    return undefined
  }
}

/** A file's bytes; what is wrong with what is there; undefined where nothing is. */
async function readRegular(path: string): Promise<Uint8Array | { readonly why: string } | undefined> {
  let file: FileHandle
  try {
    // A pipe that nobody writes to would be waited for without the flag.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined
    return { why: `cannot be opened: ${messageOf(error)}` }
  }
  try {
    const found = await file.stat()
    if (!found.isFile()) return { why: 'is no file' }
    if (found.size > DOCUMENT_BYTES_MAX) {
      return { why: `has ${found.size} bytes, and a document at most ${DOCUMENT_BYTES_MAX}` }
    }
    return await readUpTo(file, found.size)
  } catch (error) {
    return { why: `cannot be read: ${messageOf(error)}` }
  } finally {
    await file.close()
  }
}

/** No more than the size that was checked, also where somebody writes on. */
async function readUpTo(file: FileHandle, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  let length = 0
  while (length < sizeBytes) {
    const { bytesRead } = await file.read(bytes, length, sizeBytes - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}
