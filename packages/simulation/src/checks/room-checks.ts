import type { PayerChannel } from '@stead/market'
import type { World } from '../world/world.ts'
import type { Violations, Wrong } from './violations.ts'

/** Longer than a payer and a node need for what they may begin at any moment: some proofs, their bills and payments. */
const ROOM_MINUTES_MAX = 2

/** A channel that takes less than it ever takes, although nothing is owed to its node. */
interface TakenRoom extends Wrong {
  readonly channel: PayerChannel
}

/**
 * Where all is paid, no room is taken: a channel takes as much at once as it takes ever. What is under way at the first look
 * is over soon; a room that stays taken through all looks is lost.
 */
export async function checkRooms(world: World, violations: Violations, look: () => void): Promise<void> {
  let taken = takenRooms(world)
  const areFree = async (): Promise<boolean> => {
    const now = takenRooms(world)
    taken = now.filter(({ channel }) => taken.some((before) => before.channel.id === channel.id))
    return taken.length === 0
  }
  if (taken.length > 0) await world.healPhase(areFree, ROOM_MINUTES_MAX, look)
  violations.checkNone('room-given-back', taken, (wrong) => wrong)
}

/** Of all channels that are open; soon their purses are idle, and are taken back. */
function takenRooms({ payers, providers }: World): readonly TakenRoom[] {
  const nameOf = (channel: PayerChannel): string | undefined =>
    providers.find(({ plan }) => plan.signer.address === channel.terms.node)?.plan.name
  return payers.flatMap(({ plan: { name }, payer }) => {
    const channels = payer?.market.channels() ?? []
    // Channels with one node share its credit.
    const owing = new Set(channels.filter((channel) => !isPaid(channel)).map(({ terms }) => terms.node))
    return channels.flatMap((channel) => {
      const seller = nameOf(channel)
      if (seller === undefined || owing.has(channel.terms.node) || channel.state !== 'open') return []
      const [room, largest, { inFlightMicroUsd }] = [channel.roomMicroUsd(), channel.largestMicroUsd(), channel.stats()]
      if (room === largest && inFlightMicroUsd === 0n) return []
      const what = `${name} is at rest with ${seller}: of ${largest} micro-dollars that ${channel.id} takes ${room} are free, ${inFlightMicroUsd} count as in flight`
      return [{ channel, what, who: [name, seller] }]
    })
  })
}

function isPaid(channel: PayerChannel): boolean {
  const { receiptedMicroUsd, acceptedMicroUsd } = channel.stats()
  return receiptedMicroUsd >= acceptedMicroUsd
}
