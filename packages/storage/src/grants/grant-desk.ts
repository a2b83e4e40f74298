import { md5 } from '@noble/hashes/legacy.js'
import { type IncomingRequest, isSteadError, type Logger, messageOf, type PeerId, type UnixMs } from '@stead/core'
import { bytesToHex, hexToBytes, ProtocolError } from '@stead/protocol'
import { StorageError, type StorageErrorCode } from '../errors.ts'
import type { ObjectInfo } from '../objects/object-store.ts'
import type { Description } from '../objects/rows.ts'
import type { GivenBody, Giving, GrantIntake } from './grant-intake.ts'
import {
  type GivenObject,
  type GrantReply,
  type GrantRequest,
  grantReplySchema,
  grantRequestSchema,
  type KeptPart,
} from './grant-messages.ts'

/** What a {@link GrantDesk} works with. */
export interface GrantDeskComponents {
  readonly intake: GrantIntake
  readonly logger: Logger
}

/** Bytes that are worked on at once, whoever sent them: each body is in memory as a whole. */
const BODY_BYTES_MAX = 16 * 1024 * 1024
/** What a holder is told as it is; all else is between the owner and its nodes. */
const TOLD: ReadonlySet<string> = new Set<StorageErrorCode>([
  'STORAGE_BAD_LINK',
  'STORAGE_BAD_NAME',
  'STORAGE_CONDITION',
  'STORAGE_GRANT_ENDED',
  'STORAGE_GRANT_SPENT',
  'STORAGE_PART_UNKNOWN',
  'STORAGE_UPLOAD_UNKNOWN',
  'STORAGE_BUSY',
])

/** Answers those who write with a grant, on the machine of its owner. */
export class GrantDesk {
  readonly #components: GrantDeskComponents
  readonly #partBytes: number
  #bodyBytes = 0

  /** @param partBytes how long objects are cut, 1 .. GIVEN_PART_BYTES_MAX */
  constructor(components: GrantDeskComponents, partBytes: number) {
    this.#components = components
    this.#partBytes = partBytes
  }

  /**
   * Answers one request.
   * @throws StorageError as {@link GrantIntake}, STORAGE_BUSY, and STORAGE_GRANT_AWAY for whatever else the owner's machine met;
   * ProtocolError
   */
  async answer({ peer, payload }: Pick<IncomingRequest, 'peer' | 'payload'>): Promise<Uint8Array> {
    const request = grantRequestSchema.decodeMessage(payload)
    try {
      return grantReplySchema.encodeMessage({ version: 1, parts: [], ...(await this.#serve(request)) })
    } catch (error) {
      if (error instanceof ProtocolError || (isSteadError(error) && TOLD.has(error.code))) throw error
      this.#fail(error, peer)
    }
  }

  async #serve(request: GrantRequest): Promise<Partial<GrantReply>> {
    const { intake } = this.#components
    const giving: Giving = {
      token: { id: request.grant, steps: request.steps, secret: request.secret },
      path: request.path,
      upload: request.upload,
    }
    if (request.ask === 'look') return await this.#look(giving)
    if (request.ask === 'whole') {
      const etags = request.etags.map((etag) => bytesToHex(etag).slice(2))
      if (etags.length === 0) throw malformed('etags')
      return { object: givenOf(await intake.complete(giving, etags)) }
    }
    const bytes = needed(request.bytes, 'bytes')
    if (bytes.length > this.#partBytes)
      throw new ProtocolError('PROTOCOL_TOO_LARGE', `a part has at most ${this.#partBytes} bytes, not ${bytes.length}`)
    return await this.#counted(bytes.length, async () => {
      const body = { description: descriptionOf(request), etag: bytesToHex(md5(bytes)).slice(2), bytes }
      return await this.#take(giving, request, body)
    })
  }

  async #look(giving: Giving): Promise<Partial<GrantReply>> {
    const { leftBytes, parts, object } = await this.#components.intake.look(giving)
    const kept = parts.map(
      ({ number, lengthBytes, etag }): KeptPart => ({ number, lengthBytes, etag: hexToBytes(etag) }),
    )
    const whole = object === undefined ? {} : { object: givenOf(object) }
    return { leftBytes, partBytes: this.#partBytes, parts: kept, ...whole }
  }

  async #take(giving: Giving, { ask, number }: GrantRequest, body: GivenBody): Promise<Partial<GrantReply>> {
    const { intake, logger } = this.#components
    if (ask === 'part') {
      const part = needed(number, 'number')
      if (part < 1) throw malformed('number')
      await intake.putPart(giving, part, body)
      return {}
    }
    const object = await intake.put(giving, body)
    logger.info('an object was written with a link', { grant: bytesToHex(giving.token.id).slice(2) })
    return { object: givenOf(object) }
  }

  /** @throws StorageError STORAGE_BUSY */
  async #counted<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    if (this.#bodyBytes + bytes > BODY_BYTES_MAX)
      throw new StorageError('STORAGE_BUSY', `${this.#bodyBytes} bytes are written at once with links`)
    this.#bodyBytes += bytes
    try {
      return await work()
    } finally {
      this.#bodyBytes -= bytes
    }
  }

  /** What an owner's machine met is told to its owner alone: it would tell of money and of nodes. */
  #fail(error: unknown, peer: PeerId): never {
    const { logger } = this.#components
    const { code } = isSteadError(error) ? error : { code: undefined }
    logger.warn('what was written with a link could not be kept', { peer, code, error: messageOf(error) })
    throw new StorageError('STORAGE_GRANT_AWAY', "the owner's node could not keep it now", { cause: error })
  }
}

/** `mtime` is what `stead` and rclone keep times under. */
function descriptionOf({ contentType, changedAt, grant }: GrantRequest): Description {
  const mtime = changedAt === undefined ? [] : [{ name: 'mtime', value: secondsOf(changedAt) }]
  // Its owner sees by which link it came.
  const metadata = [...mtime, { name: 'grant', value: bytesToHex(grant).slice(2) }]
  return { ...(contentType === undefined ? {} : { contentType }), metadata }
}

function secondsOf(time: UnixMs): string {
  return (time / 1000).toFixed(3)
}

function givenOf({ lengthBytes, etag, modifiedAt }: ObjectInfo): GivenObject {
  return { lengthBytes, etag, modifiedAt }
}

function needed<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw malformed(name)
  return value
}

function malformed(name: string): ProtocolError {
  return new ProtocolError('PROTOCOL_MALFORMED', `GrantRequest.${name} is not what was asked with`)
}
