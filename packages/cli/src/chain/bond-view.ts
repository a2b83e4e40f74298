import { type Address, type BondState, formatTokenUnits, type UnixMs } from '@stead/core'

/** A bond as it is now, and what it counts for. */
export interface BondView extends BondState {
  readonly node: Address
  /** What a node needs so that it is probed, and its operator may propose. */
  readonly minimumTokenUnits: bigint
}

/** What can be withdrawn now, and from when the next part can. */
export function withdrawable(
  { unbondings }: Pick<BondState, 'unbondings'>,
  now: UnixMs,
): { readonly tokenUnits: bigint; readonly nextAt: UnixMs | undefined } {
  const ready = unbondings.filter(({ endsAt }) => endsAt <= now)
  const waiting = unbondings.filter(({ endsAt }) => endsAt > now).map(({ endsAt }) => endsAt)
  const tokenUnits = ready.reduce((sum, each) => sum + each.tokenUnits, 0n)
  return { tokenUnits, nextAt: waiting.length === 0 ? undefined : (Math.min(...waiting) as UnixMs) }
}

/** A bond in lines for a person. */
export function describeBond(view: BondView): string {
  const { node, operator, bondedTokenUnits, unbondings, expelled, minimumTokenUnits } = view
  const isEnough = bondedTokenUnits >= minimumTokenUnits
  const lines = [
    `node ${node}, operator ${operator ?? 'none yet'}`,
    `bonded ${formatTokenUnits(bondedTokenUnits)} ${isEnough ? '(counts in epochs)' : `(counts in epochs from ${formatTokenUnits(minimumTokenUnits)} on)`}`,
    ...unbondings.map(
      ({ tokenUnits, endsAt }) =>
        `unbonding ${formatTokenUnits(tokenUnits)}: can be withdrawn from ${new Date(endsAt).toISOString()}, can be slashed until then`,
    ),
  ]
  return [
    ...lines,
    ...(expelled ? ['expelled for two statements in one slot: it can never be bonded again'] : []),
  ].join('\n')
}
