import type { ChannelDriver } from './channel-driver.ts'
import type { ChannelShare } from './purse-desk.ts'

/** Which channels there are to use again. */
export interface ReusableFrom {
  /** Channels whose purse is locked. */
  readonly drivers: readonly ChannelDriver[]
  /** Channels that are other shares' already. */
  readonly used: ReadonlySet<ChannelDriver>
}

/** Channels that have enough left for a share's allocation, each for one share. */
export function reusableChannels(
  shares: readonly ChannelShare[],
  { drivers, used }: ReusableFrom,
): ReadonlyMap<ChannelShare, ChannelDriver> {
  const chosen = new Map<ChannelShare, ChannelDriver>()
  const taken = new Set(used)
  for (const share of shares) {
    // What is paid ahead goes with the first voucher of a channel.
    if (share.prepayMicroUsd !== undefined) continue
    const driver = drivers.find((each) => !taken.has(each) && isRight(each, share))
    if (driver === undefined) continue
    chosen.set(share, driver)
    taken.add(driver)
  }
  return chosen
}

function isRight(driver: ChannelDriver, { quote: { quote }, allocationMicroUsd }: ChannelShare): boolean {
  const { terms, ledger, state } = driver
  const isUsable = state === 'open' || state === 'expired' || state === 'opening'
  if (!isUsable || terms.node !== quote.node || terms.operator !== quote.operator) return false
  if (driver.quote.resource !== quote.resource) return false
  const used = ledger.billedMicroUsd + ledger.acceptedMicroUsd + ledger.inFlightMicroUsd
  return terms.allocationMicroUsd - used >= allocationMicroUsd
}
