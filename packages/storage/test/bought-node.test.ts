import { microUsd } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { decorated } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { BoughtNode } from '../src/placement/bought-node.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000
const ALLOCATION = 10_000_000n

/** A node with a piece and an hour to pay for, and how often more money was asked for. */
async function boughtNode(bend: (channel: PayerChannel) => PayerChannel) {
  const world = await TradeWorld.started()
  const plain = await world.channel(ALLOCATION)
  const driver = await world.agreement(plain)
  await world.keep(driver, plain, pieceOf(1, 1_048_576))
  await world.clock.advance(HOUR_MS)
  let more = 0
  const bought = new BoughtNode({
    node: plain.terms.node,
    operator: plain.terms.operator,
    subnets: [],
    driver,
    channel: async (isMore) => {
      if (isMore) more++
      return isMore ? plain : bend(plain)
    },
  })
  return { world, bought, asked: () => more }
}

/** A channel on which the node gives no credit now. */
function withoutCredit(channel: PayerChannel): PayerChannel {
  return decorated(channel, { roomMicroUsd: () => microUsd(0n), reserve: () => undefined })
}

describe('a node with an agreement', () => {
  it('that gives no more credit has no more money locked for it', async () => {
    const { world, bought, asked } = await boughtNode(withoutCredit)
    expect(await world.within(bought.settle())).toMatchObject({ kind: 'no-room' })
    expect(asked()).toBe(0)
  })

  it('whose channel is used up has another one locked', async () => {
    const { world, bought, asked } = await boughtNode((channel) =>
      decorated(withoutCredit(channel), {
        stats: () => ({ ...channel.stats(), acceptedMicroUsd: microUsd(ALLOCATION - 10n) }),
      }),
    )
    expect(await world.within(bought.settle())).toMatchObject({ kind: 'paid' })
    expect(asked()).toBe(1)
  })
})
