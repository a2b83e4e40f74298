import type { Clock, UnixMs } from '@stead/core'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { StorageError } from '../errors.ts'
import { PathSecret } from '../keys/path-secret.ts'
import { abortableBody, checkAborted } from '../objects/abortable.ts'
import { checkLimit } from '../objects/list-objects.ts'
import { readAhead } from '../objects/read-ahead.ts'
import { entriesRange, entryKey, packKey, shareHeadKey } from '../objects/row-keys.ts'
import { packRowSchema } from '../objects/rows.ts'
import type { SegmentStore } from '../objects/segment-store.ts'
import { openFrames } from '../segment/segment-frames.ts'
import { FRAME_BYTES, FRAME_PLAIN_BYTES, framesOfRange, sealedBytesOf } from '../segment/segment-layout.ts'
import { keyOfBytes, keyOfText, type TreeKey } from '../tree/tree-key.ts'
import type { TreeReader } from '../tree/tree-reader.ts'
import { shareEnded } from './publish-object.ts'
import { extentOf, openEntry } from './share-entries.ts'
import type { ShareLink } from './share-link.ts'
import {
  entryRowSchema,
  type SharedExtent,
  type SharedFile,
  type SharedStored,
  type ShareHeadRow,
  shareHeadSchema,
  unpadName,
} from './share-rows.ts'
import { fileIn, folderBelow, placeOf, stepsOf } from './share-secrets.ts'
import type { SharedTree } from './shared-tree.ts'

/** What a {@link SharedFolder} reads with. */
export interface SharedFolderComponents {
  readonly tree: SharedTree
  readonly segments: Pick<SegmentStore, 'read'>
  readonly cipher: FrameCipher
  readonly clock: Pick<Clock, 'now'>
}

/** An object as a share shows it. */
export interface SharedObject {
  /** From the link's folder on; the name alone for a link to one object. */
  readonly key: string
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
  readonly etag: string
  readonly contentType: string | undefined
}

/** One page of a listing, in the order of the keys' bytes. */
export interface SharedPage {
  readonly objects: readonly SharedObject[]
  /** Folders, with their `/`, when not all that is below was asked for. */
  readonly folders: readonly string[]
  /** Where the next page begins; undefined on the last one. */
  readonly next: string | undefined
  /** Whether the share shows all that its owner has there; false while it is filled: then more comes. */
  readonly isFilled: boolean
}

/** What is listed. */
export interface SharedListing {
  /** A folder below the link's own, which ends with `/`. @default the link's own */
  readonly folder?: string
  /** All that is below. @default false: folders by name */
  readonly isRecursive?: boolean
  readonly after?: string | undefined
  /** 1 .. 1000. */
  readonly limit: number
}

/** An object of a share being read. */
export interface SharedBody {
  readonly object: SharedObject
  readonly fromByte: number
  readonly toByte: number
  /** Checked before they come. */
  readonly body: AsyncIterable<Uint8Array>
}

/** A file or a folder right in a folder. */
interface Step {
  readonly name: string
  /** The name as it sorts. */
  readonly order: TreeKey
  readonly file: SharedFile | undefined
}

interface Listed {
  readonly place: string
  readonly steps: readonly Step[]
}

/** What a link shows: a folder with what is below, or one object. Every look is at what the owner shows now. */
export class SharedFolder {
  readonly #components: SharedFolderComponents
  readonly #link: ShareLink
  /** The folder that was listed last: pages of a listing need not open its rows again. */
  #listed: Listed | undefined

  constructor(components: SharedFolderComponents, link: ShareLink) {
    this.#components = components
    this.#link = link
  }

  /** Whether the link is to one object. */
  get isObject(): boolean {
    return this.#link.folder !== undefined
  }

  /**
   * One page of a folder. A folder's names lie in no order that says anything of them: they are read and sorted together.
   * @throws StorageError STORAGE_SHARE_EXPIRED, STORAGE_SHARE_ENDED, STORAGE_BAD_NAME; as the tree; RangeError
   */
  async list({ folder = '', isRecursive = false, after = '', limit }: SharedListing): Promise<SharedPage> {
    checkLimit(limit)
    if (folder !== '' && !folder.endsWith('/'))
      throw new StorageError('STORAGE_BAD_NAME', 'a folder of a share ends with /')
    return await this.#look(async (rows, { isFilled }) => {
      const objects: SharedObject[] = []
      const folders: string[] = []
      for await (const { key, file } of this.#walk(rows, { folder, isRecursive, after })) {
        if (objects.length + folders.length === limit)
          return { objects, folders, next: lastOf(objects, folders), isFilled }
        if (file === undefined) folders.push(key)
        else objects.push(objectOf(key, file))
      }
      return { objects, folders, next: undefined, isFilled }
    })
  }

  /**
   * Bytes of an object.
   * @param path within the link's folder; empty for a link to one object
   * @param signal nothing more is asked for then
   * @throws StorageError STORAGE_SHARE_EXPIRED, STORAGE_SHARE_ENDED, STORAGE_OBJECT_UNKNOWN, STORAGE_SHARE_FILLING when it
   * may still come; RangeError for a range that begins behind the end; as the tree
   */
  async get(
    path: string,
    range?: { readonly fromByte: number; readonly toByte?: number | undefined },
    signal?: AbortSignal,
  ): Promise<SharedBody> {
    const file = await this.#look(async (rows, { isFilled }) => {
      const found = await this.#fileAt(rows, path)
      if (found !== undefined) return found
      const name = path === '' ? this.#link.name : path
      const missing = `the share shows no object ${name}`
      const details = { path, name }
      throw isFilled
        ? new StorageError('STORAGE_OBJECT_UNKNOWN', missing, { details, next: 'See what it shows: stead ls <link>' })
        : new StorageError('STORAGE_SHARE_FILLING', `${missing} yet`, { details })
    })
    const { fromByte = 0, toByte = file.lengthBytes } = range ?? {}
    if (fromByte < 0 || toByte < fromByte || (fromByte > 0 && fromByte >= file.lengthBytes))
      throw new RangeError(`there are no bytes ${fromByte} to ${toByte} in an object of ${file.lengthBytes}`)
    const to = Math.min(toByte, file.lengthBytes)
    const object = objectOf(path === '' ? this.#link.name : path, file)
    return {
      object,
      fromByte,
      toByte: to,
      body: abortableBody(this.#read(file, { fromByte, toByte: to }, signal), signal),
    }
  }

  async #look<Result>(look: (rows: TreeReader, head: ShareHeadRow) => Promise<Result>): Promise<Result> {
    const { tree, clock } = this.#components
    checkTime(this.#link.expiresAt, clock.now())
    return await tree.read(async (rows, sequence) => {
      const value = await rows.get(shareHeadKey)
      if (sequence === 0) throw new StorageError('STORAGE_SHARE_AWAY', 'the share has not begun yet')
      if (value === undefined) throw shareEnded()
      const head = shareHeadSchema.decodeMessage(value)
      checkTime(head.expiresAt, clock.now())
      return await look(rows, head)
    })
  }

  async #fileAt(rows: TreeReader, path: string): Promise<SharedFile | undefined> {
    const { secret, folder } = this.#link
    if (folder !== undefined) {
      if (path !== '') return undefined
      return await fileOf(rows, keyOfBytes(folder), new PathSecret(secret))
    }
    if (path === '') return undefined
    const { folders, name } = stepsOf(path)
    const parent = folderBelow(new PathSecret(secret), folders)
    return await fileOf(rows, placeOf(parent), fileIn(parent, name))
  }

  /** Objects in the order of their keys' bytes, and folders where they are not gone into. */
  async *#walk(
    rows: TreeReader,
    { folder, isRecursive, after }: { readonly folder: string; readonly isRecursive: boolean; readonly after: string },
  ): AsyncGenerator<{ readonly key: string; readonly file: SharedFile | undefined }> {
    if (this.isObject) {
      const { name } = this.#link
      const file = folder === '' && after < name ? await this.#fileAt(rows, '') : undefined
      if (file !== undefined) yield { key: name, file }
      return
    }
    const secret = folderBelow(new PathSecret(this.#link.secret), stepsOf(folder).folders)
    const afterKey = keyOfText(after)
    for (const { name, file } of await this.#stepsIn(rows, secret)) {
      const key = folder + name
      const isAfter = keyOfText(key) > afterKey
      if (file !== undefined || !isRecursive) {
        if (isAfter) yield { key, file }
      } else if (isAfter || after.startsWith(key)) yield* this.#walk(rows, { folder: key, isRecursive, after })
    }
  }

  /** What lies right in a folder, sorted. */
  async #stepsIn(rows: TreeReader, folder: PathSecret): Promise<readonly Step[]> {
    const inFolder = placeOf(folder)
    const place = `${rows.root?.segment.number}/${rows.root?.fromByte}/${inFolder}`
    if (this.#listed?.place === place) return this.#listed.steps
    const steps: Step[] = []
    const { from, before } = entriesRange(inFolder)
    for await (const { value } of rows.scan(from, before)) {
      const name = unpadName(folder.openRow(entryRowSchema.decodeMessage(value).name))
      const isFolder = name.endsWith('/')
      const { file } = isFolder ? {} : openEntry(fileIn(folder, name), value)
      steps.push({ name, order: keyOfText(name), file })
    }
    steps.sort((left, right) => (left.order < right.order ? -1 : 1))
    this.#listed = { place, steps }
    return steps
  }

  async *#read(
    { lengthBytes, stored }: Pick<SharedFile, 'lengthBytes' | 'stored'>,
    { fromByte, toByte }: { readonly fromByte: number; readonly toByte: number },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const { content, extents = 0 } = stored
    for (let at = fromByte; at < toByte; ) {
      checkAborted(signal)
      const extent: Omit<SharedExtent, 'version'> =
        content === undefined
          ? { stored, lengthBytes, endByte: lengthBytes }
          : await this.#extentAt({ content, extents, lengthBytes }, at)
      const startByte = extent.endByte - extent.lengthBytes
      const endByte = Math.min(toByte, extent.endByte)
      yield* this.#readExtent(extent, { fromByte: at - startByte, toByte: endByte - startByte }, signal)
      at = endByte
    }
  }

  /** Bytes of one extent, some chunks ahead of whoever takes them. */
  #readExtent(
    { stored, lengthBytes }: Pick<SharedExtent, 'stored' | 'lengthBytes'>,
    range: { readonly fromByte: number; readonly toByte: number },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    return readAhead(range, (part, over) => this.#readPart(stored, { ...part, lengthBytes }, over), signal)
  }

  async #readPart(
    { inline, pack, reference, key, fromByte: atByte = 0 }: SharedStored,
    {
      fromByte,
      toByte,
      lengthBytes,
    }: { readonly fromByte: number; readonly toByte: number; readonly lengthBytes: number },
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { segments, tree, cipher } = this.#components
    if (inline !== undefined) return inline.slice(fromByte, toByte)
    if (reference !== undefined && key !== undefined)
      return await segments.read(reference, key, { fromByte: atByte + fromByte, toByte: atByte + toByte }, signal)
    if (pack === undefined || key === undefined)
      throw new StorageError('STORAGE_NOT_AUTHENTIC', 'a row of a share does not say where its bytes are')
    const row = await tree.read((rows) => rows.get(packKey(keyOfBytes(pack))))
    if (row === undefined) throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'the object was replaced meanwhile')
    const { firstFrame, frames } = framesOfRange(lengthBytes, fromByte, toByte)
    const from = firstFrame * FRAME_BYTES
    const to = Math.min(from + frames * FRAME_BYTES, sealedBytesOf(lengthBytes))
    const sealed = { fromByte: atByte + from, toByte: atByte + to }
    const bytes = await tree.readSegment(packRowSchema.decodeMessage(row), sealed, signal)
    const opened = openFrames(cipher, key, { firstFrame, bytes, plainBytes: lengthBytes })
    const start = firstFrame * FRAME_PLAIN_BYTES
    return opened.slice(fromByte - start, toByte - start)
  }

  /** The extent that holds a byte: most are equally long, so that the first guess is right. */
  async #extentAt(
    {
      content,
      extents,
      lengthBytes,
    }: { readonly content: Uint8Array; readonly extents: number; readonly lengthBytes: number },
    atByte: number,
  ): Promise<SharedExtent> {
    return await this.#components.tree.read(async (rows) => {
      let [low, high] = [0, extents - 1]
      let guess = Math.min(high, Math.floor((atByte / lengthBytes) * extents))
      while (low <= high) {
        const extent = await extentOf(rows, content, guess)
        if (extent === undefined) throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'the object was replaced meanwhile')
        if (atByte >= extent.endByte) low = guess + 1
        else if (atByte < extent.endByte - extent.lengthBytes) high = guess - 1
        else return extent
        guess = (low + high) >>> 1
      }
      throw new StorageError('STORAGE_NOT_AUTHENTIC', 'an object of a share has a hole')
    })
  }
}

async function fileOf(rows: TreeReader, folder: TreeKey, secret: PathSecret): Promise<SharedFile | undefined> {
  const value = await rows.get(entryKey(folder, placeOf(secret)))
  return value === undefined ? undefined : openEntry(secret, value).file
}

function objectOf(key: string, { lengthBytes, modifiedAt, etag, contentType }: SharedFile): SharedObject {
  return { key, lengthBytes, modifiedAt, etag, contentType }
}

function lastOf(objects: readonly SharedObject[], folders: readonly string[]): string {
  const [object = '', folder = ''] = [objects.at(-1)?.key, folders.at(-1)]
  return keyOfText(object) > keyOfText(folder) ? object : folder
}

/** @throws StorageError STORAGE_SHARE_EXPIRED */
function checkTime(expiresAt: UnixMs | undefined, now: UnixMs): void {
  if (expiresAt === undefined || expiresAt > now) return
  throw new StorageError('STORAGE_SHARE_EXPIRED', `the share ended at ${new Date(expiresAt).toISOString()}`, {
    details: { expiresAt },
  })
}
