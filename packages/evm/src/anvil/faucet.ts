import type { Address, Clock, MicroUsd, Wei } from '@stead/core'
import { hashAnswer } from '../answer.ts'
import type { ChainRpc, Receipt } from '../chain-rpc.ts'
import { mintData } from '../contract-calls.ts'
import { ChainError } from '../errors.ts'
import { revertError } from '../refusal.ts'

/** The program's first account; its key is public, its money is worth nothing, and the chain signs for it. */
const RICH_ACCOUNT = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266' as Address
const RECEIPT_LOOKS_MAX = 400
const RECEIPT_PAUSE_MS = 25
const NONCE_ATTEMPTS_MAX = 5

/** What to give away; what is missing is not given. */
export interface FaucetGift {
  readonly gasWei?: Wei
  readonly dollarMicroUsd?: MicroUsd
  /** The test dollar's contract; needed when dollars are given. */
  readonly dollar?: Address
}

interface FaucetComponents {
  readonly rpc: ChainRpc
  readonly clock: Clock
}

/**
 * Gives an account gas and test dollars on a local chain, and returns when both have arrived.
 * @throws ChainError CHAIN_REVERTED, CHAIN_TIMEOUT and those of every request; RangeError for dollars without contract
 */
export async function giveFromFaucet(components: FaucetComponents, account: Address, gift: FaucetGift): Promise<void> {
  const { gasWei, dollarMicroUsd, dollar } = gift
  if (gasWei !== undefined) await sendRich(components, { to: account, value: `0x${gasWei.toString(16)}` })
  if (dollarMicroUsd === undefined) return
  if (dollar === undefined) throw new RangeError('giving test dollars needs the contract of the test dollar')
  await sendRich(components, { to: dollar, data: mintData(account, dollarMicroUsd) })
}

async function sendRich(components: FaucetComponents, transaction: Readonly<Record<string, string>>): Promise<void> {
  const { rpc, clock } = components
  const sent = await submit(rpc, { from: RICH_ACCOUNT, ...transaction })
  let receipt: Receipt | undefined
  for (let look = 0; look < RECEIPT_LOOKS_MAX && receipt === undefined; look++) {
    if (look > 0) await clock.sleep(RECEIPT_PAUSE_MS)
    receipt = await rpc.receipt(sent)
  }
  if (receipt === undefined)
    throw new ChainError('CHAIN_TIMEOUT', 'the faucet’s transaction was not mined', { details: { transaction: sent } })
  if (!receipt.isSuccess)
    throw revertError({ error: 'no reason', values: { transaction: receipt.transaction } }, 'the faucet')
}

/** Several processes may ask at once, and the chain gives two of them the same nonce then. */
async function submit(rpc: ChainRpc, transaction: Readonly<Record<string, string>>): Promise<Receipt['transaction']> {
  for (let attempt = 1; ; attempt++) {
    try {
      return hashAnswer(await rpc.development('eth_sendTransaction', [transaction]), 'eth_sendTransaction')
    } catch (error) {
      const isRace = error instanceof ChainError && error.code === 'CHAIN_REFUSED' && /nonce/i.test(error.message)
      if (!isRace || attempt === NONCE_ATTEMPTS_MAX) throw error
    }
  }
}
