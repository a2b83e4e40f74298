import type { Clock, CoreError, Network, PeerId, ProtocolLimits, RequestHandler } from '@stead/core'
import { expect } from 'vitest'

/** Makes networks for the suite, all of which can reach each other and none of which is connected by itself. */
export interface NetworkFixture {
  /** The clock that the networks run on; it must move by itself. */
  readonly clock: Clock
  /** A network that is not started, with an identity of its own; the suite stops it. */
  create(): Network
}

/** The protocol that tests speak. */
export const PROTOCOL = '/stead/test/1'
/** Its limits where a test does not say otherwise. */
export const LIMITS: ProtocolLimits = { messageBytesMax: 4096, inFlightPerPeerMax: 16, handlerTimeoutMs: 5000 }
/** Long enough on a busy machine. */
export const PATIENT: { readonly timeoutMs: number } = { timeoutMs: 10_000 }
/** How long {@link Bench.eventually} waits. */
export const WAIT_MS_MAX = 15_000
const text = new TextEncoder()
/** UTF-8 of a text. */
export const bytesOf: (value: string) => Uint8Array = (value) => text.encode(value)
/** The text of UTF-8. */
export const textOf: (bytes: Uint8Array) => string = (bytes) => new TextDecoder().decode(bytes)
/** A handler that answers what it was asked. */
export const echo: RequestHandler = async ({ payload }) => payload

/** What a test of the suite works with. */
export interface Bench {
  readonly clock: Clock
  /** Starts a network; `prepare` runs before. */
  start(prepare?: (network: Network) => void): Promise<Network>
  /** Two started networks, the second connected to the first. */
  startPair(prepareFirst: (network: Network) => void): Promise<readonly [Network, Network]>
  create(): Network
  /** Waits until something holds; fails with `what` when it never does. */
  eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void>
}

/** Where a started network can be reached. */
export function addressOf(network: Network): string {
  const [address] = network.addresses()
  if (address === undefined) expect.fail('a started network has an address')
  return address
}

/** The Stead error that a promise ends in. */
export async function errorOf(promise: Promise<unknown>): Promise<CoreError> {
  try {
    await promise
  } catch (error) {
    return error as CoreError
  }
  return expect.fail('it succeeded')
}

/** Its code. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).code
}

/** True while a network sees a connection to the peer. */
export function isConnected(network: Network, peer: PeerId): boolean {
  return network.peers().some((info) => info.peer === peer && info.connected)
}
