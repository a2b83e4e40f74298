import { COMPUTE_PROTOCOL, taskAnswerSchema } from '@stead/compute'
import {
  type Clock,
  microUsd,
  type Network,
  type PeerId,
  type Random,
  type RequestHandler,
  type RequestOptions,
  type Signer,
} from '@stead/core'
import { MARKET_PROTOCOL, marketRequestSchema, OFFERS_PROTOCOL } from '@stead/market'
import { unlessRefused } from '../engine/refusals.ts'
import { bentAnswer } from './bent-answers.ts'
import { flipped } from './bit-flips.ts'
import type { CheatName } from './cheats.ts'
import { decorated } from './decorated.ts'
import { FalseOffers, OFFERS_TOPIC } from './false-offers.ts'

/** What lying to the network needs. */
export interface LyingNetworkParts {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
}

const FLIPPED_SHARE = 0.3
const GARBAGE_SHARE = 0.5
const GOSSIP_EVERY_MS = 5000

/** The network of a cheat: the node behind it is honest, what leaves it is not. */
export function lyingNetwork(parts: LyingNetworkParts, cheat: CheatName): Network {
  const { network, random } = parts
  const offers = cheat === 'forges-offers' || cheat === 'replays-offers' ? falseOffers(parts, cheat) : undefined
  const isFlipping = cheat === 'bit-flips' || cheat === 'garbles'
  const perhaps = (bytes: Uint8Array): Uint8Array =>
    isFlipping && random.fraction() < FLIPPED_SHARE ? flipped(bytes, random) : bytes
  return decorated(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, async (request) =>
        perhaps(await answerOf(parts, cheat, { protocol, handler, request, offers })),
      ),
    request: (peer: PeerId, protocol: string, payload: Uint8Array, options: RequestOptions) =>
      network.request(peer, protocol, perhaps(payload), options),
    publish: (topic: string, payload: Uint8Array) => network.publish(topic, perhaps(payload)),
  })
}

async function answerOf(
  parts: LyingNetworkParts,
  cheat: CheatName,
  asked: {
    readonly protocol: string
    readonly handler: RequestHandler
    readonly request: Parameters<RequestHandler>[0]
    readonly offers: FalseOffers | undefined
  },
): Promise<Uint8Array> {
  const { random } = parts
  const answer = await asked.handler(asked.request)
  if (cheat === 'garbage-answers' && random.fraction() < GARBAGE_SHARE)
    return random.bytes(Math.floor(random.fraction() * 300))
  if (asked.protocol === COMPUTE_PROTOCOL && cheat === 'over-bills') return overBilled(answer)
  if (asked.protocol === OFFERS_PROTOCOL && asked.offers !== undefined) return asked.offers.answer(answer)
  if (asked.protocol !== MARKET_PROTOCOL) return answer
  return bentAnswer(cheat, parts, { request: marketRequestSchema.decodeMessage(asked.request.payload), answer })
}

/** One micro-dollar more than the quoted price gives: the least that a payer must notice. */
function overBilled(bytes: Uint8Array): Uint8Array {
  const answer = taskAnswerSchema.decodeMessage(bytes)
  return taskAnswerSchema.encodeMessage({ ...answer, amountMicroUsd: microUsd(answer.amountMicroUsd + 1n) })
}

function falseOffers(parts: LyingNetworkParts, cheat: CheatName): FalseOffers {
  const offers = new FalseOffers(parts, cheat === 'forges-offers')
  const publish = (): void => {
    const message = offers.message()
    if (message !== undefined) void unlessRefused(parts.network.publish(OFFERS_TOPIC, message))
    parts.clock.setTimer(GOSSIP_EVERY_MS, publish)
  }
  offers.listen(parts.network)
  parts.clock.setTimer(GOSSIP_EVERY_MS, publish)
  return offers
}
