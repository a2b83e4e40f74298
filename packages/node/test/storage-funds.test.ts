import { type Address, address, type Chain, CoreError, type Logger, microUsd, silentLogger } from '@stead/core'
import type { MarketPayer } from '@stead/market'
import type { StorageConsumer } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { storageFunds, warnOfFunds } from '../src/daemon/storage-funds.ts'

const ACCOUNT: Address = address(`0x${'ab'.repeat(20)}`)
const TIB = 2 ** 40

interface Told {
  readonly message: string
  readonly fields: object | undefined
}

/** A payer with so many dollars, and a tebibyte on one node for a dollar an hour. */
function payer(dollarMicroUsd: bigint, bytes: number = TIB) {
  const told: Told[] = []
  const logger: Logger = { ...silentLogger, warn: (message, fields) => void told.push({ message, fields }) }
  const chain = { account: ACCOUNT, balances: async () => ({ dollarMicroUsd, gasWei: 0n }) } as unknown as Chain
  const channel = (resource: string, allocation: bigint, paid: bigint): object => ({
    quote: { resource },
    terms: { allocationMicroUsd: allocation },
    stats: () => ({ paidMicroUsd: paid }),
  })
  const channels = [channel('storage', 3_000_000n, 1_000_000n), channel('compute', 9_000_000n, 0n)]
  const market = { channels: () => channels } as unknown as MarketPayer
  const node = { bytes, priceMicroUsdPerTibHour: microUsd(1_000_000n) }
  const consumer = { periodSeconds: 3600, status: () => (bytes === 0 ? [] : [node]) } as unknown as StorageConsumer
  return { components: { chain, market, consumer, logger }, told }
}

describe('the money for storage', () => {
  it('is the account and what is locked for storage, in days at the prices that were agreed', async () => {
    const { components } = payer(478_000_000n)
    expect(await storageFunds(components)).toEqual({
      microUsdPerDay: 24_000_000n,
      fundsMicroUsd: 480_000_000n,
      days: 20,
    })
    expect(await storageFunds(payer(5n, 0).components)).toMatchObject({ microUsdPerDay: 0n, days: undefined })
  })

  it('counts what is rounded up each hour, which is most of what little costs', async () => {
    const { components } = payer(998_000_000n, 1)
    expect(await storageFunds(components)).toMatchObject({ microUsdPerDay: 24n, days: 41_666_666 })
  })

  it('is warned of two weeks before it ends, and not before', async () => {
    for (const [dollars, warnings] of [
      [14n * 24_000_000n - 2_000_000n, 0],
      [14n * 24_000_000n - 2_000_001n, 1],
      [0n, 1],
    ] as const) {
      const { components, told } = payer(dollars)
      await warnOfFunds(components)
      expect([dollars, told.length]).toEqual([dollars, warnings])
      if (warnings > 0) expect(told[0]?.fields).toMatchObject({ account: ACCOUNT, perDay: '24.000000 USD' })
    }
  })

  it('is not known without the chain', async () => {
    const { components } = payer(1n)
    const away = async (): Promise<never> => {
      throw new CoreError('NETWORK_TIMEOUT', 'the chain is away')
    }
    const chain = { ...components.chain, balances: away } as Chain
    await expect(storageFunds({ ...components, chain })).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT' })
  })
})
