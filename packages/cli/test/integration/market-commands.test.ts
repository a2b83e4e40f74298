import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochNetwork, type Member, TOKEN } from './epoch-network.ts'
import { type Finished, stead } from './stead-process.ts'

/** Each command is a process of its own. */
const MINUTE_MS = 60_000

let network: EpochNetwork
let member: Member

beforeAll(async () => {
  network = await EpochNetwork.start()
  member = network.members[0] as Member
}, 60_000)

afterAll(() => network.stop())

/** Runs a command with the account of the first operator. */
const run = (...args: readonly string[]): Promise<Finished> =>
  stead([...args, '--data-dir', member.dataDir, ...network.chainArguments])
const keyFile = (): string[] => ['--key-file', `${member.dataDir}/keys/operator.key`]

describe('the exchange', () => {
  it('is shown without an account', async () => {
    const { code, stdout } = await stead(['market', ...network.chainArguments])
    expect([code, stdout]).toEqual([0, expect.stringContaining('1 STEAD = 0.100000 USD')])
    expect(stdout).toContain('no fees are for sale')
    expect(stdout).toMatch(/100.000000 USD gives 996.006\d+ STEAD; price impact 0.0997 %/)
    const json = await stead(['market', '--tokens', '10', '--json', ...network.chainArguments])
    expect(JSON.parse(json.stdout)).toMatchObject({ quote: { direction: 'tokens-to-dollars', feePpm: 3000 } })
  })

  it('swaps both ways, and says what it brought', async () => {
    const dry = await run('swap', '100', 'usd', '--dry-run')
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('100.000000 USD gives')])
    const there = await run('swap', '100', 'usd', '--json', ...keyFile())
    const { outcome, quote } = JSON.parse(there.stdout)
    expect([there.code, outcome.amountOut]).toEqual([0, quote.amountOut])
    const back = await run('swap', '50', 'STEAD', ...keyFile())
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('swapped: 50.000000 STEAD gives 4.9')])
  })

  it(
    'swaps nothing when the price is beyond the limit, or the account has too little',
    async () => {
      const moved = await run('swap', '10', 'usd', '--minimum', '1000', ...keyFile())
      expect([moved.code, moved.stderr]).toEqual([5, expect.stringContaining('CHAIN_PRICE_MOVED')])
      const poor = await run('swap', '5000', 'usd', ...keyFile())
      expect([poor.code, poor.stderr]).toEqual([5, expect.stringContaining('need 5000.000000 USD')])
      const tokens = await run('swap', '5000', 'stead', ...keyFile())
      expect(tokens.stderr).toContain('need 5000.000000 STEAD')
      for (const args of [
        ['10', 'eur'],
        ['10', 'usd', '--slippage', '80'],
        ['10', 'usd', '--deadline', '0'],
        ['x', 'usd'],
      ]) {
        const { code, stderr } = await run('swap', ...args)
        expect([code, stderr]).toEqual([2, expect.stringContaining('CLI_USAGE')])
      }
    },
    MINUTE_MS,
  )
})

describe('the auction of fees', () => {
  it('has nothing before an epoch with fees has ended', async () => {
    const { code, stderr } = await run('buy-lot', ...keyFile())
    expect([code, stderr]).toEqual([5, expect.stringContaining('CLI_NOTHING_TO_DO')])
  })

  it('says what a lot costs and whether it is worth it, and sells it within the limit', async () => {
    await network.bondAll(1000n * TOKEN)
    await network.earn([40, 20, 10, 5])
    await network.endEpoch()
    const early = await stead(['market', ...network.chainArguments])
    expect(early.stdout).toContain('lot 0: 3.750000 USD of fees for')
    expect(early.stdout).toMatch(/not worth it: .* it is from 20\d\d-/)
    const dear = await run('buy-lot', '--max', '1', ...keyFile())
    expect([dear.code, dear.stderr]).toEqual([8, expect.stringContaining('CLI_LIMIT_REACHED')])
    await network.passSeconds(100)
    const late = await stead(['market', ...network.chainArguments])
    expect(late.stdout).toMatch(/\n {2}worth it: .* stead buy-lot/)
    const { code, stdout } = await run('buy-lot', ...keyFile())
    expect([code, stdout]).toEqual([0, expect.stringContaining('bought lot 0: 3.750000 USD for')])
  })
})
