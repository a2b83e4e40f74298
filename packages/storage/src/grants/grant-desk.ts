import { md5 as javaScriptMd5 } from '@noble/hashes/legacy.js'
import {
  type Clock,
  type IncomingRequest,
  isSteadError,
  type Logger,
  messageOf,
  type PeerId,
  type UnixMs,
} from '@stead/core'
import { bytesToHex, hexToBytes, ProtocolError } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { ObjectInfo } from '../objects/object-store.ts'
import type { Description } from '../objects/rows.ts'
import { AnsweredAttempts } from './answered-attempts.ts'
import { BodyRoom } from './body-room.ts'
import type { GivenBody, Giving, GrantIntake } from './grant-intake.ts'
import {
  type GivenObject,
  type GrantReply,
  type GrantRequest,
  grantReplySchema,
  grantRequestSchema,
  type KeptPart,
} from './grant-messages.ts'
import { toldRefusal } from './grant-refusals.ts'

/** What a {@link GrantDesk} works with. */
export interface GrantDeskComponents {
  readonly intake: GrantIntake
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly logger: Logger
  /** @default that of JavaScript, a fifth as fast as a platform's own */
  readonly md5?: (bytes: Uint8Array) => Uint8Array
}

/** Answers those who write with a grant, on the machine of its owner. */
export class GrantDesk {
  readonly #components: GrantDeskComponents
  readonly #partBytes: number
  readonly #room = new BodyRoom()
  readonly #attempts: AnsweredAttempts<Partial<GrantReply>>

  /** @param partBytes how long objects are cut, 1 .. GIVEN_PART_BYTES_MAX */
  constructor(components: GrantDeskComponents, partBytes: number) {
    this.#components = components
    this.#partBytes = partBytes
    this.#attempts = new AnsweredAttempts(components.clock)
  }

  /**
   * Answers one request. What the owner's machine met is told by a code and in general words.
   * @throws StorageError STORAGE_BAD_LINK, STORAGE_BAD_NAME, STORAGE_GRANT_ENDED, STORAGE_GRANT_SPENT, STORAGE_CONDITION,
   * STORAGE_WRITE_LATE, STORAGE_BUSY, STORAGE_GRANT_AWAY; ProtocolError
   */
  async answer({ peer, payload }: Pick<IncomingRequest, 'peer' | 'payload'>): Promise<Uint8Array> {
    const request = grantRequestSchema.decodeMessage(payload)
    try {
      // Encoded for each answer: the network gives the memory of one back when it is sent.
      return grantReplySchema.encodeMessage({ version: 1, parts: [], ...(await this.#admitted(request)) })
    } catch (error) {
      if (error instanceof ProtocolError) throw error
      throw toldRefusal(error) ?? this.#failed(error, peer)
    }
  }

  /** Nothing is worked on for who shows no link. */
  async #admitted(request: GrantRequest): Promise<Partial<GrantReply>> {
    const { grant, steps, secret, path, upload, ask, number = 0, attempt } = request
    const giving: Giving = { token: { id: grant, steps, secret }, path, upload }
    this.#components.intake.checkToken(giving)
    if (ask === 'look') return await this.#look(giving)
    const names = [grant, upload, attempt].map((each) => bytesToHex(each))
    return await this.#attempts.once([...names, path, ask, number].join(' '), () => this.#serve(giving, request))
  }

  async #serve(giving: Giving, request: GrantRequest): Promise<Partial<GrantReply>> {
    const { intake } = this.#components
    if (request.ask === 'whole') {
      const etags = request.etags.map((etag) => bytesToHex(etag).slice(2))
      if (etags.length === 0) throw malformed('etags')
      return { object: givenOf(await intake.complete(giving, etags)) }
    }
    const bytes = needed(request.bytes, 'bytes')
    if (bytes.length > this.#partBytes)
      throw new ProtocolError('PROTOCOL_TOO_LARGE', `a part has at most ${this.#partBytes} bytes, not ${bytes.length}`)
    return await this.#room.within(bytesToHex(request.grant), bytes.length, async () => {
      const { md5 = javaScriptMd5 } = this.#components
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

  /** What else an owner's machine met is told to its owner alone: it would tell of money and of nodes. */
  #failed(error: unknown, peer: PeerId): StorageError {
    const { logger } = this.#components
    const { code } = isSteadError(error) ? error : { code: undefined }
    logger.warn('what was written with a link could not be kept', { peer, code, error: messageOf(error) })
    return new StorageError('STORAGE_GRANT_AWAY', "the owner's node could not keep it now", { cause: error })
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
