export type { AnvilComponents, AnvilInput } from './anvil-process.ts'
export { ANVIL_CHAIN_ID, AnvilProcess, anvilOptionsSchema } from './anvil-process.ts'
export type { FaucetGift } from './faucet.ts'
