import { BLOBS_PROTOCOL, COMPUTE_PROTOCOL, taskAnswerSchema } from '@stead/compute'
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
import type { Secp256k1 } from '@stead/protocol'
import { decorated } from '@stead/testkit'
import { unlessRefused } from '../engine/refusals.ts'
import { bentAnswer } from './bent-answers.ts'
import { flipped } from './bit-flips.ts'
import type { CheatName } from './cheats.ts'
import { FalseOffers, OFFERS_TOPIC } from './false-offers.ts'
import { FieldMutations, padded } from './field-mutations.ts'
import { GangOffers } from './gang-offers.ts'

/** What lying to the network needs. */
export interface LyingNetworkParts {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  /** Who is in it together with this node. */
  readonly gang: ReadonlySet<PeerId>
}

const FLIPPED_SHARE = 0.3
const DRIP_SHARE = 0.6
/** Longer than anybody waits for an answer of the market. */
const DRIP_MS_MAX = 40_000
const BLOAT_SHARE = 0.4
/** Of most protocols more than an answer may have, of compute's a large part of it. */
const BLOAT_BYTES_MAX = 700_000
const GARBAGE_SHARE = 0.5
const GOSSIP_EVERY_MS = 5000

/** The network of a cheat: the node behind it is honest, what leaves it is not. */
export function lyingNetwork(parts: LyingNetworkParts, cheat: CheatName): Network {
  const { network, random } = parts
  const offers = offersOf(parts, cheat)
  const bend = benderOf(random, cheat)
  const perhaps = (bytes: Uint8Array): Uint8Array =>
    bend !== undefined && random.fraction() < FLIPPED_SHARE ? bend(bytes) : bytes
  return decorated(network, {
    handle: (protocol, limits, handler) =>
      network.handle(protocol, limits, async (request) =>
        perhaps(await answerOf(parts, cheat, { protocol, handler, request, offers })),
      ),
    subscribe: (topic, handler) =>
      network.subscribe(topic, offers instanceof GangOffers ? offers.muffled(handler) : handler),
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
    readonly offers: FalseOffers | GangOffers | undefined
  },
): Promise<Uint8Array> {
  const { random, clock } = parts
  const answer = await asked.handler(asked.request)
  const isDripping = cheat === 'drips' || (cheat === 'starves' && asked.protocol === BLOBS_PROTOCOL)
  if (isDripping && random.fraction() < DRIP_SHARE) await clock.sleep(random.fraction() * DRIP_MS_MAX)
  if (cheat === 'bloats' && random.fraction() < BLOAT_SHARE)
    return padded(answer, Math.floor(random.fraction() * BLOAT_BYTES_MAX))
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

/** What makes a message of this cheat wrong; undefined when it sends them as they are. */
function benderOf(random: Random, cheat: CheatName): ((bytes: Uint8Array) => Uint8Array) | undefined {
  if (cheat === 'bit-flips' || cheat === 'garbles') return (bytes) => flipped(bytes, random)
  if (cheat !== 'mutates' && cheat !== 'mangles') return undefined
  const mutations = new FieldMutations(random)
  return (bytes) => mutations.mutate(bytes)
}

function offersOf(parts: LyingNetworkParts, cheat: CheatName): FalseOffers | GangOffers | undefined {
  if (cheat === 'eclipses') return new GangOffers(parts)
  return cheat === 'forges-offers' || cheat === 'replays-offers' ? falseOffers(parts, cheat) : undefined
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
