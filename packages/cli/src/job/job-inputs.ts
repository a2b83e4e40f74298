import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { messageOf } from '@stead/core'
import { type DaemonClient, ObjectClient } from '@stead/sdk'
import type { ObjectView } from '@stead/sdk/api'
import type { JobInput } from '@stead/sdk/job'
import { CliError } from '../errors.ts'
import { formatObjectUrl, isObjectUrl, type ObjectVersion, parseObjectVersion } from '../objects/object-url.ts'

/** What one read may bring into memory; a job that takes ranges reads as much as it likes. */
const READ_BYTES_MAX = 2 * 1024 ** 3

/**
 * The inputs of a job, in the order of the command line: files, objects, and all objects of a folder in the order of
 * their keys. Nothing is read yet; what each is made of is fixed now, and a change of it is an error later.
 * @throws CliError CLI_INPUT_UNREADABLE; StorageError STORAGE_OBJECT_UNKNOWN, STORAGE_BUCKET_UNKNOWN
 */
export async function jobInputs(names: readonly string[], client: () => DaemonClient): Promise<readonly JobInput[]> {
  const inputs: JobInput[] = []
  for (const name of names) {
    if (isObjectUrl(name)) inputs.push(...(await objectInputs(name, new ObjectClient(client()))))
    else inputs.push(await fileInput(name))
  }
  return inputs
}

async function fileInput(path: string): Promise<JobInput> {
  const found = await readable(path, () => stat(path))
  if (found.isDirectory()) throw unreadable(path, 'it is a folder')
  const { size: lengthBytes, mtimeMs } = found
  return {
    name: basename(path),
    lengthBytes,
    read: async (fromByte = 0, toByte = lengthBytes) => {
      checkLength(path, toByte - fromByte)
      return await readable(path, async () => {
        const file = await open(path)
        try {
          const now = await file.stat()
          if (now.size !== lengthBytes || now.mtimeMs !== mtimeMs) throw unreadable(path, 'it was changed meanwhile')
          const { bytesRead, buffer } = await file.read(new Uint8Array(toByte - fromByte), { position: fromByte })
          if (bytesRead === buffer.length) return buffer
          throw unreadable(path, `it ends after ${fromByte + bytesRead} bytes`)
        } finally {
          await file.close()
        }
      })
    },
  }
}

async function objectInputs(text: string, objects: ObjectClient): Promise<readonly JobInput[]> {
  const url = parseObjectVersion(text)
  if (url.key !== '' && !url.key.endsWith('/')) {
    const { bucket, key, version } = url
    const found = await objects.head({ bucket, key, ...(version === undefined ? {} : { version }) })
    if (found === undefined)
      throw unreadable(text, 'there is no such object', { next: `See which there are: stead ls stead://${bucket}/` })
    return [objectInput(url, found, objects)]
  }
  const inputs: JobInput[] = []
  for await (const found of objects.list(url.bucket, { prefix: url.key })) {
    // Other programs keep an empty object of the name of a folder.
    if (!found.key.endsWith('/')) inputs.push(objectInput({ bucket: url.bucket, key: found.key }, found, objects))
  }
  if (inputs.length === 0) throw unreadable(text, 'there are no objects in it')
  return inputs
}

function objectInput({ bucket, key, version }: ObjectVersion, found: ObjectView, objects: ObjectClient): JobInput {
  const { lengthBytes, etag } = found
  const pinned = version === undefined ? {} : { version }
  return {
    name: basename(key),
    lengthBytes,
    object: { bucket, key, etag, ...pinned },
    read: async (fromByte = 0, toByte = lengthBytes) => {
      checkLength(formatObjectUrl({ bucket, key }), toByte - fromByte)
      const bytes = new Uint8Array(toByte - fromByte)
      if (bytes.length === 0) return bytes
      const { body } = await objects.get({ bucket, key }, { fromByte, toByte, ifMatch: etag, ...pinned })
      let at = 0
      for await (const chunk of body) {
        bytes.set(chunk, at)
        at += chunk.length
      }
      return bytes
    },
  }
}

function checkLength(name: string, lengthBytes: number): void {
  if (lengthBytes <= READ_BYTES_MAX) return
  throw unreadable(
    name,
    `it has ${lengthBytes} bytes, and this job reads it whole, which is at most ${READ_BYTES_MAX}`,
    {
      next: 'Give it in several files, or make the job take ranges of its inputs (examples/c-command does).',
    },
  )
}

async function readable<Value>(path: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (cause) {
    throw cause instanceof CliError ? cause : unreadable(path, messageOf(cause), { cause })
  }
}

function unreadable(
  path: string,
  why: string,
  options: { readonly cause?: unknown; readonly next?: string } = {},
): CliError {
  return new CliError('CLI_INPUT_UNREADABLE', `${path} cannot be read: ${why}`, { details: { path }, ...options })
}
