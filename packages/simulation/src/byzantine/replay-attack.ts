import type { PeerId } from '@stead/core'
import { unlessRefused } from '../engine/refusals.ts'
import type { Attack } from './attack.ts'
import type { HandPayer } from './hand-payer.ts'

/** How long an attacker waits for a provider to die: about one in three does where processes die often. */
const WATCH_MS = 30_000
const LOOK_MS = 500
const CONNECT_TIMEOUT_MS = 2000

/**
 * Asks for one delivery many times, before and after it was paid or rejected, and bills it to itself twice; and again when
 * its provider comes back from a crash, because what was not on its disk is forgotten then.
 */
export const replaysTasks: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  const [paid, rejected] = [payer.parts.random.bytes(16), payer.parts.random.bytes(16)]
  const [first] = await Promise.allSettled([channel.run(paid), channel.run(paid)])
  if (first.status === 'rejected') throw first.reason
  await unlessRefused(channel.run(paid))
  await channel.pay([first.value])
  await unlessRefused(channel.run(paid))
  const refused = await unlessRefused(channel.run(rejected))
  if (refused !== undefined) await unlessRefused(channel.reject([refused], 'wrong-result'))
  await comesBack(payer, channel.facts.peer)
  await unlessRefused(channel.run(rejected))
  const again = await channel.run(paid)
  await channel.pay([again])
}

/** Resolves when the peer was gone and is there again, or when it does not die for long. */
async function comesBack({ parts }: HandPayer, peer: PeerId): Promise<void> {
  const { clock, network } = parts
  let wasGone = false
  for (let waitedMs = 0; waitedMs < WATCH_MS; waitedMs += LOOK_MS) {
    await clock.sleep(LOOK_MS)
    const isThere = network.peers().some((other) => other.peer === peer && other.connected)
    if (isThere && wasGone) return
    wasGone ||= !isThere
    if (!isThere) await unlessRefused(network.connect(peer, CONNECT_TIMEOUT_MS))
  }
}
