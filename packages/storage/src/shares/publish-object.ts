import type { Random } from '@stead/core'
import { concatBytes, equalBytes } from '@stead/protocol'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { StorageError } from '../errors.ts'
import type { GarbageTerms } from '../objects/holdings.ts'
import { findVersion } from '../objects/object-versions.ts'
import { extentAt, readStored } from '../objects/read-stored.ts'
import { ID_BYTES, oldContentKey, shareHeadKey } from '../objects/row-keys.ts'
import { NEWEST, type SealedTree } from '../objects/sealed-tree.ts'
import { type Stored, storedOfRow } from '../objects/stored.ts'
import type { Rows, Transaction } from '../objects/transaction.ts'
import { sealSegment } from '../segment/segment-frames.ts'
import { sealedBytesOf } from '../segment/segment-layout.ts'
import { bytesOfKey, keyOfBytes } from '../tree/tree-key.ts'
import { noteOldContent, putExtent, putFile, removeFile } from './share-entries.ts'
import { type SharedFile, type SharedStored, type ShareHeadRow, shareHeadSchema } from './share-rows.ts'
import type { ShareSecrets } from './share-secrets.ts'

/** What shows objects of a bucket in a share. */
export interface PublishComponents {
  readonly bucket: SealedTree
  readonly share: SealedTree
  readonly secrets: ShareSecrets
  readonly cipher: FrameCipher
  readonly random: Random
  /** The process that writes to the share. */
  readonly publisher: Uint8Array
}

const KEY_BYTES = 32

/** Another process writes to this share now. */
export class PublisherReplaced extends Error {}

/** The head of a share that this process writes to. @throws PublisherReplaced; StorageError STORAGE_SHARE_ENDED */
export async function headOfPublisher(rows: Rows, publisher: Uint8Array): Promise<ShareHeadRow> {
  const value = await rows.get(shareHeadKey)
  if (value === undefined) throw shareEnded()
  const head = shareHeadSchema.decodeMessage(value)
  if (!equalBytes(head.publisher, publisher)) throw new PublisherReplaced()
  return head
}

export function shareEnded(): StorageError {
  return new StorageError('STORAGE_SHARE_ENDED', 'the share has ended: its owner took it back, or its time is over')
}

/** Where a file's bytes are, once it is known in which pack. */
type PlaceFile = (place: Stored | undefined) => SharedStored

/**
 * Shows an object in a share as it is now: small bytes are copied under a key of their own, because they share segments
 * with what is not shared; of larger ones the segments are named and their keys told.
 */
export class ObjectPublisher {
  readonly #components: PublishComponents
  readonly #terms: Pick<GarbageTerms, 'graceMs'>

  constructor(components: PublishComponents, terms: Pick<GarbageTerms, 'graceMs'>) {
    this.#components = components
    this.#terms = terms
  }

  /**
   * @param path of the object within the share
   * @throws StorageError STORAGE_OBJECT_UNKNOWN when it is replaced meanwhile and its bytes are gone; PublisherReplaced;
   * as the trees
   */
  async publish(key: string, path: string): Promise<void> {
    const { bucket, secrets } = this.#components
    const terms = this.#terms
    const found = await bucket.read((rows) => findVersion(rows, key), NEWEST)
    if (found === undefined) {
      await this.#write((rows) => removeFile(rows, secrets, { path, terms }))
      return
    }
    const { lengthBytes, modifiedAt, etag, contentType, stored } = found.row
    const about = { lengthBytes, modifiedAt, etag, ...(contentType === undefined ? {} : { contentType }) }
    await this.#publish(path, about, storedOfRow(stored))
  }

  async #publish(path: string, about: Omit<SharedFile, 'stored'>, stored: Stored): Promise<void> {
    const { secrets } = this.#components
    const terms = this.#terms
    const put = async (rows: Transaction, shared: SharedStored): Promise<void> =>
      await putFile(rows, secrets, { path, file: { ...about, stored: shared }, terms })
    if (stored.kind === 'inline') {
      const inline = Uint8Array.from(stored.bytes)
      await this.#write((rows) => put(rows, { inline }))
    } else if (stored.kind === 'pack') {
      const { bytes, placed } = await this.#sealed(stored, about.lengthBytes)
      await this.#write((rows, place) => put(rows, placed(place)), bytes)
    } else {
      const { content, extents, oldKey } = await this.#writeContent(stored, about.lengthBytes)
      await this.#write(async (rows) => {
        rows.delete(oldKey)
        await put(rows, { content, extents })
      })
    }
  }

  /** Writes the extents of a content, noted as old until a file has them. */
  async #writeContent(
    stored: Stored,
    lengthBytes: number,
  ): Promise<{ readonly content: Uint8Array; readonly extents: number; readonly oldKey: string }> {
    const { random, secrets } = this.#components
    const content = random.bytes(KEY_BYTES)
    const id = keyOfBytes(random.bytes(ID_BYTES))
    let extents = 0
    for await (const { endByte, lengthBytes: length, stored: part } of this.#flat(stored, 0, lengthBytes)) {
      const index = extents++
      const add = async (rows: Transaction, shared: SharedStored): Promise<void> => {
        noteOldContent(rows, secrets, { dueAtMs: 0, id, content: { secret: content, extents: index + 1 } })
        await putExtent(rows, {
          content,
          index,
          extent: { version: 1, endByte, lengthBytes: length, stored: shared },
        })
      }
      if (part.kind === 'pack') {
        const { bytes, placed } = await this.#sealed(part, length)
        await this.#write((rows, place) => add(rows, placed(place)), bytes)
      } else {
        const shared = this.#named(part)
        await this.#write((rows) => add(rows, shared))
      }
    }
    return { content, extents, oldKey: oldContentKey(0, id) }
  }

  #named(stored: Stored): SharedStored {
    if (stored.kind === 'inline') return { inline: Uint8Array.from(stored.bytes) }
    if (stored.kind !== 'segment') throw new TypeError(`an extent of a share cannot be a ${stored.kind}`)
    const { segment, fromByte } = stored
    return {
      reference: Uint8Array.from(segment.reference),
      key: this.#components.bucket.segmentKey(segment),
      fromByte,
    }
  }

  /** Extents that are no contents, however deep they lie. */
  async *#flat(
    stored: Stored,
    atByte: number,
    lengthBytes: number,
  ): AsyncGenerator<{ readonly endByte: number; readonly lengthBytes: number; readonly stored: Stored }> {
    if (stored.kind !== 'content') {
      yield { endByte: atByte + lengthBytes, lengthBytes, stored }
      return
    }
    for (let at = 0; at < lengthBytes; ) {
      const { stored: below, startByte, endByte } = await extentAt(this.#components.bucket, stored.content, at)
      yield* this.#flat(below, atByte + startByte, endByte - startByte)
      at = endByte
    }
  }

  /** Small bytes, sealed under a key of their own. */
  async #sealed(
    stored: Stored,
    lengthBytes: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly placed: PlaceFile }> {
    const { bucket, cipher, random } = this.#components
    const parts: Uint8Array[] = []
    for await (const part of readStored(bucket, stored, { fromByte: 0, toByte: lengthBytes })) parts.push(part)
    const key = random.bytes(KEY_BYTES)
    const bytes = new Uint8Array(sealedBytesOf(lengthBytes))
    sealSegment(cipher, key, concatBytes(...parts), bytes)
    const placed: PlaceFile = (place) => {
      if (place?.kind !== 'pack') throw new TypeError('a share has no place for small bytes')
      return { pack: bytesOfKey(place.pack), fromByte: place.fromByte, key }
    }
    return { bytes, placed }
  }

  async #write(
    change: (rows: Transaction, place: Stored | undefined) => Promise<void>,
    packed?: Uint8Array,
  ): Promise<void> {
    const { share, publisher } = this.#components
    await share.write(async (rows, place) => {
      await headOfPublisher(rows, publisher)
      await change(rows, place)
    }, packed)
  }
}
