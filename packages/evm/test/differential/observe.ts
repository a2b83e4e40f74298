import { COVERAGE, UTILITY } from '@stead/testkit/compliance'
import type { PlayState } from './contract-play.ts'

const EPOCHS = [1, 2, 3, 4, 5]

/** Everything that the ports tell of a world, as its first account sees it. */
export async function observe({ accounts, nodes, purses }: PlayState): Promise<unknown> {
  const [first] = accounts
  if (first === undefined) throw new TypeError('a play has accounts')
  const { economy, chain } = first
  const proposal = await economy.proposal()
  return {
    now: await chain.blockTime(),
    lot: await economy.lotForSale(),
    proposal: proposal === undefined ? undefined : { ...proposal, decisionSlot: 'slot' },
    final: await economy.finalRoot(),
    accounts: await Promise.all(
      accounts.map(async ({ chain: { account } }) => ({
        dollars: (await chain.balances(account)).dollarMicroUsd,
        tokens: await economy.tokenBalance(account),
        owed: await chain.owedMicroUsd(account),
        minted: await economy.rewardOf(UTILITY, account),
        sponsored: await economy.rewardOf(COVERAGE, account),
        accruable: await Promise.all(EPOCHS.map((epoch) => economy.accruable(account, epoch))),
        fees: await Promise.all(EPOCHS.map((epoch) => economy.feesOf(epoch, account))),
      })),
    ),
    nodes: await Promise.all(nodes.map(({ address }) => economy.bondOf(address))),
    purses: await Promise.all(purses.slice(-4).map(async (purse) => chain.purse(purse.purse))),
    sales: await Promise.all(EPOCHS.map((epoch) => economy.saleOf(epoch))),
  }
}
