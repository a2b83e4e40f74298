import { bytesToHex } from '@stead/protocol'
import type { ObjectStoreOptions } from '../options.ts'
import { abortableBody, checkAborted } from './abortable.ts'
import { type BucketCatalogue, type OpenBucket, settingsOf } from './bucket-catalogue.ts'
import { type ContentComponents, ContentWriter } from './content-writer.ts'
import { hold } from './holdings.ts'
import { firstBytes, keepLarge, PACKED_BYTES_MAX } from './keep-body.ts'
import { checkEtag } from './names.ts'
import type { PutOptions } from './object-store.ts'
import type { SettingsRow } from './rows.ts'
import { INLINE_BYTES_MAX, type Stored } from './stored.ts'
import type { Rows, Transaction } from './transaction.ts'

/** Bytes that were taken in, which get their place in a change. */
export interface TakenBody {
  readonly settings: SettingsRow
  readonly lengthBytes: number
  readonly etag: string
  /** Held by whoever refers to it from now on. */
  readonly stored: Stored
}

/** How a body is taken in. */
export interface Intake<Result> {
  readonly bucket: string
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly options: Pick<PutOptions, 'etag' | 'signal'>
  /** Looks whether it is worth while, before a large body is sent: where it gives what is there already, that is the result. */
  readonly check: (rows: Rows) => Promise<Result | undefined>
  /** Refers to the bytes; made again on newer rows when others were faster. */
  readonly place: (rows: Transaction, taken: TakenBody) => Promise<Result>
}

const ETAG_BYTES = 16

/** Takes bodies in: small ones in memory and with others of the batch, any other segment by segment. */
export class BodyIntake {
  readonly #catalogue: BucketCatalogue
  readonly #components: Omit<ContentComponents, 'tree'>
  readonly #options: Pick<ObjectStoreOptions, 'segmentBytes' | 'keepUnfinishedMs'>

  constructor(
    catalogue: BucketCatalogue,
    components: Omit<ContentComponents, 'tree'>,
    options: Pick<ObjectStoreOptions, 'segmentBytes' | 'keepUnfinishedMs'>,
  ) {
    this.#catalogue = catalogue
    this.#components = components
    this.#options = options
  }

  /**
   * Keeps a body and refers to it: as a whole or not at all.
   * @throws what the body throws; CoreError CORE_ABORTED; as `check`, `place` and the tree
   */
  async take<Result>(intake: Intake<Result>): Promise<Result> {
    const { signal } = intake.options
    const chunks = abortableBody(intake.body, signal)
    try {
      checkAborted(signal)
      const first = await firstBytes(chunks)
      return first.length <= PACKED_BYTES_MAX
        ? await this.#takeSmall(intake, first)
        : await this.#takeLarge(intake, first, chunks)
    } finally {
      await chunks.return(undefined)
    }
  }

  #etag({ options }: Pick<Intake<unknown>, 'options'>): string {
    return checkEtag(options.etag?.() ?? bytesToHex(this.#components.random.bytes(ETAG_BYTES)).slice(2))
  }

  async #takeSmall<Result>(intake: Intake<Result>, bytes: Uint8Array): Promise<Result> {
    const { bucket, options, place } = intake
    const etag = this.#etag(intake)
    const packed = bytes.length > INLINE_BYTES_MAX ? bytes : undefined
    return await this.#catalogue.inBucket(bucket, async ({ tree }) => {
      return await tree.write(async (rows, shared) => {
        checkAborted(options.signal)
        const settings = await settingsOf(rows, bucket)
        const stored: Stored = shared ?? { kind: 'inline', bytes }
        const lengthBytes = bytes.length
        await hold(rows, { stored, lengthBytes })
        return await place(rows, { settings, lengthBytes, etag, stored })
      }, packed)
    })
  }

  async #takeLarge<Result>(
    intake: Intake<Result>,
    first: Uint8Array,
    rest: AsyncGenerator<Uint8Array>,
  ): Promise<Result> {
    const { bucket, options, check, place } = intake
    const { segmentBytes } = this.#options
    const { tree, known } = await this.#catalogue.inBucket(bucket, async (open: OpenBucket) => {
      const found = await open.tree.read(async (rows) => {
        await settingsOf(rows, bucket)
        return await check(rows)
      })
      return { tree: open.tree, known: found }
    })
    if (known !== undefined) return known
    const writer = new ContentWriter({ tree, ...this.#components }, this.#options.keepUnfinishedMs)
    // After a commit that nobody answered it may be there: then nothing is given up.
    let mayBeKept = false
    try {
      const lengthBytes = await keepLarge(writer, { first, rest }, { segmentBytes, signal: options.signal })
      const etag = this.#etag(intake)
      return await tree.write(async (rows) => {
        mayBeKept = false
        checkAborted(options.signal)
        const settings = await settingsOf(rows, bucket)
        const stored = await writer.finish(rows)
        const result = await place(rows, { settings, lengthBytes, etag, stored })
        mayBeKept = true
        return result
      })
    } catch (error) {
      if (!mayBeKept) await writer.discard()
      throw error
    }
  }
}
