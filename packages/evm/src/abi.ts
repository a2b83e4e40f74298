// The contracts' interfaces, for tools that call them without this adapter; the daemon does not load those that it does
// not call.
export { equivocationAbi } from './generated/equivocation.ts'
export { escrowAbi } from './generated/escrow.ts'
export { possessionAbi } from './generated/possession.ts'
export { rewardsAbi } from './generated/rewards.ts'
export { stakeAbi } from './generated/stake.ts'
export { steadGovernorAbi } from './generated/stead-governor.ts'
export { steadTimelockAbi } from './generated/stead-timelock.ts'
export { steadTokenAbi } from './generated/stead-token.ts'
export { testDollarAbi } from './generated/test-dollar.ts'
