import { isSteadError, type Logger, messageOf, type Network } from '@stead/core'
import { peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import {
  type RegisterReply,
  type RegisterRequest,
  ROOTS_PROTOCOL,
  registerReplySchema,
  registerRequestSchema,
} from './register-messages.ts'
import {
  type Ballot,
  type OpenedRecord,
  type OpenedWord,
  RegisterVerifier,
  type SignedWord,
} from './register-record.ts'

/** What asking needs. */
export interface AskComponents {
  readonly network: Network
  readonly secp256k1: Secp256k1
  readonly logger: Logger
}

/** What a keeper said, checked: nothing in it can be made up, only left out. */
export interface KeeperAnswer {
  readonly isTaken: boolean
  /** Without its record where that is known here. */
  readonly decided?: OpenedWord | OpenedRecord
  readonly accepted?: OpenedRecord
  readonly promised?: Ballot
}

/** What is asked, and what comes along only for those who do not have it. */
export interface KeeperQuestion extends RegisterRequest {
  readonly baseRecord?: Uint8Array | undefined
  /** @default 5 seconds */
  readonly timeoutMs?: number | undefined
}

/** How it stands when some have answered. */
export interface Answers {
  readonly answers: readonly KeeperAnswer[]
  /** Who has not answered yet; who failed is neither here nor there. */
  readonly waiting: number
}

const ASK_TIMEOUT_MS = 5000

/**
 * Asks all keepers at once, until what they say is enough; the others are still told.
 * @returns what `judge` made of the answers; it is called after each answer, and must say something when none is waited for
 */
export async function askKeepers<Result>(
  components: AskComponents,
  keepers: readonly Uint8Array[],
  question: KeeperQuestion,
  judge: (answers: Answers) => Result | undefined,
): Promise<Result> {
  const answers: KeeperAnswer[] = []
  const verdict = Promise.withResolvers<Result>()
  let waiting = keepers.length
  const look = (): void => {
    try {
      const result = judge({ answers, waiting })
      if (result !== undefined) verdict.resolve(result)
    } catch (error) {
      verdict.reject(error)
    }
  }
  for (const keeper of keepers)
    void askKeeper(components, keeper, question).then(
      (answer) => {
        waiting--
        if (answer !== undefined) answers.push(answer)
        look()
      },
      (error: unknown) => verdict.reject(error),
    )
  if (keepers.length === 0) look()
  return await verdict.promise
}

/** @returns undefined when it does not answer, or not what can be believed */
async function askKeeper(
  components: AskComponents,
  keeper: Uint8Array,
  { baseRecord, timeoutMs = ASK_TIMEOUT_MS, ...request }: KeeperQuestion,
): Promise<KeeperAnswer | undefined> {
  const { network, logger, secp256k1 } = components
  const peer = peerIdOfPublicKey(keeper)
  const ask = async (asked: RegisterRequest): Promise<RegisterReply> => {
    const payload = registerRequestSchema.encodeMessage(asked)
    return registerReplySchema.decodeMessage(await network.request(peer, ROOTS_PROTOCOL, payload, { timeoutMs }))
  }
  try {
    let reply = await ask(request)
    const { base } = request
    if (reply.needsBase && base !== undefined && baseRecord !== undefined)
      reply = await ask({ ...request, base: { ...base, record: baseRecord } })
    return checked(new RegisterVerifier(secp256k1, request.key), reply)
  } catch (error) {
    if (!isSteadError(error)) throw error
    logger.debug('a keeper of a root did not answer', { peer, error: messageOf(error) })
    return undefined
  }
}

function checked(verifier: RegisterVerifier, reply: RegisterReply): KeeperAnswer {
  const { isTaken, decided, accepted, promisedRound, promisedWriter } = reply
  const opened = decided === undefined ? undefined : open(verifier, decided)
  if (opened !== undefined && opened.word.kind !== 'decide') return { isTaken: false }
  const taken = accepted === undefined ? undefined : verifier.record(accepted)
  return {
    isTaken,
    ...(opened === undefined ? {} : { decided: opened }),
    ...(taken?.word.kind === 'propose' ? { accepted: taken } : {}),
    ...(promisedRound === undefined || promisedWriter === undefined
      ? {}
      : { promised: { round: promisedRound, writer: promisedWriter } }),
  }
}

function open(verifier: RegisterVerifier, signed: SignedWord): OpenedWord | OpenedRecord {
  return signed.record === undefined ? verifier.word(signed) : verifier.record(signed)
}
