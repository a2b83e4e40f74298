import { COMPLIANCE_TERMS, type EconomyFixture } from '@stead/testkit/compliance'
import * as AbiFunction from 'ox/AbiFunction'
import { rewardsAbi } from '../../src/abi.ts'
import { ChainRpc } from '../../src/chain-rpc.ts'
import { JsonRpc } from '../../src/json-rpc.ts'
import { type Devnet, newSalt, newSigner, ONE_COIN, startDevnet } from '../devnet.ts'
import { systemClock } from '../system-clock.ts'

const TOKEN = 10n ** 18n
const SOURCES = { minted: 1, sponsored: 2 } as const
const setKappa = AbiFunction.fromAbi(rewardsAbi, 'setKappaBps')
const setProgram = AbiFunction.fromAbi(rewardsAbi, 'setProgram')

/** The real contracts on a local chain. @param options.isTimeStill blocks are made without time passing */
export async function anvilFixture(options: { readonly isTimeStill?: boolean } = {}): Promise<EconomyFixture> {
  const holder = newSigner()
  const devnet = await startDevnet({ ...COMPLIANCE_TERMS, holder: holder.address })
  await devnet.give(holder.address, { gasWei: ONE_COIN })
  const bank = await (await devnet.connect({}, holder)).economy(devnet.book)
  const governance = await openGovernance(devnet)
  if (options.isTimeStill === true) await devnet.rpc('anvil_setBlockTimestampInterval', 0)
  return {
    connect: async () => {
      const chain = await devnet.connect({ receiptPollMinMs: 5 })
      await bank.transfer(chain.account, 1_000_000n * TOKEN)
      const { book } = devnet
      return {
        chain,
        economy: await chain.economy(book),
        history: await chain.history(book),
        ledger: await chain.ledger(book),
      }
    },
    newSigner,
    newSalt,
    passSeconds: (seconds) => (options.isTimeStill === true ? leap(devnet, seconds) : devnet.passSeconds(seconds)),
    setKappaBps: (kappaBps) => governance.call(AbiFunction.encodeData(setKappa, [kappaBps])),
    setProgram: (program, source, isEnabled) =>
      governance.call(AbiFunction.encodeData(setProgram, [program, SOURCES[source], isEnabled])),
    stop: async () => {
      governance.stop()
      await devnet.stop()
    },
  }
}

async function leap({ rpc }: Devnet, seconds: number): Promise<void> {
  const block = (await rpc('eth_getBlockByNumber', 'latest', false)) as { readonly timestamp: string }
  await rpc('evm_setNextBlockTimestamp', Number(block.timestamp) + seconds)
  await rpc('evm_mine')
}

/** Calls the Rewards contract as governance does, without the days of a vote. */
async function openGovernance({ anvil, book, rpc }: Devnet) {
  const jsonRpc = new JsonRpc({ clock: systemClock }, { rpcUrl: anvil.rpcUrl, requestTimeoutMs: 10_000 })
  const chain = new ChainRpc(jsonRpc)
  await rpc('anvil_setBalance', book.timelock, `0x${ONE_COIN.toString(16)}`)
  await rpc('anvil_impersonateAccount', book.timelock)
  const call = async (data: `0x${string}`): Promise<void> => {
    const request = { from: book.timelock, to: book.rewards, data }
    // In the adapter's words, where the contract refuses.
    await chain.estimateGas(request)
    await chain.development('eth_sendTransaction', [request])
  }
  return { call, stop: () => jsonRpc.stop() }
}
