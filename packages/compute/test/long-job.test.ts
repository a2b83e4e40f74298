import { type MicroUsd, microUsd, silentLogger, silentMetrics } from '@stead/core'
import type { MarketProvider, ResourceSeller } from '@stead/market'
import { decorated } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { ComputeProvider, computeTermsSchema, type JobResult } from '../src/index.ts'
import { type ServiceFactory, World } from './support/world.ts'

const QUOTE_LIFE_MS = 10_000

/** A job on one slow node, whose quotes end long before it does. */
async function longJob(service?: ServiceFactory): Promise<{ readonly result: JobResult; readonly tookMs: number }> {
  const world = new World({ consumer: { stallTimeoutMs: 30_000 } })
  await world.executor.start()
  world.hub.setDefaultLink({ latencyMs: 400 })
  await world.addProvider({
    compute: { concurrency: 1 },
    market: { quoteLifeMs: QUOTE_LIFE_MS },
    ...(service === undefined ? {} : { service }),
  })
  await world.startPayer()
  const from = world.clock.now()
  const { result } = await world.run(await world.job(400))
  return { result, tookMs: world.clock.now() - from }
}

describe('a job that takes longer than a quote is good', () => {
  it('goes on where the module was fetched meanwhile', async () => {
    const { result, tookMs } = await longJob()
    expect(result.status).toMatchObject({ state: 'complete', tasks: { succeeded: 400 } })
    expect(tookMs).toBeGreaterThan(2 * QUOTE_LIFE_MS)
  })

  it('goes on at the new price where the node has changed it', async () => {
    let quotes = 0
    const price = (): MicroUsd => microUsd(quotes++ === 0 ? 1000n : 2000n)
    const { result, tookMs } = await longJob(
      (parts) =>
        new ComputeProvider(
          { ...parts, logger: silentLogger, metrics: silentMetrics, market: pricing(parts.market, price) },
          parts.options,
        ),
    )
    expect(result.status).toMatchObject({ state: 'complete', tasks: { succeeded: 400 } })
    expect(tookMs).toBeGreaterThan(2 * QUOTE_LIFE_MS)
    expect(quotes).toBeGreaterThan(2)
  })
})

/** A market whose quotes for compute have the price of the moment. */
function pricing(market: MarketProvider, price: () => MicroUsd): MarketProvider {
  const sell = (seller: ResourceSeller): void =>
    market.sell({
      ...seller,
      quote: (request) => {
        const answer = seller.quote(request)
        if ('code' in answer) return answer
        const terms = computeTermsSchema.decodeDocument(answer.terms)
        const priced = { ...terms, priceMicroUsdPerGigafuel: price() }
        return { ...answer, terms: computeTermsSchema.encodeDocument(priced) }
      },
    })
  return decorated(market, { sell })
}
