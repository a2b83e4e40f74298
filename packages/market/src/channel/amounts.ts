/** The smaller of two amounts; Math.min takes no bigint. */
export function lesser<Amount extends bigint>(left: Amount, right: Amount): Amount {
  if (left < right) return left
  return right
}

/** The larger of two amounts; Math.max takes no bigint. */
export function greater(left: bigint, right: bigint): bigint {
  if (left > right) return left
  return right
}

/** An amount, or nothing where it is below zero. */
export function positive(amount: bigint): bigint {
  return amount > 0n ? amount : 0n
}
