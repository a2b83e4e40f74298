const HALVINGS_MAX = 128
const PRICE_MAX = (1n << 128n) - 1n
const FLOOR = 1n

/** The price at one moment of a sale, as FallingPrice.sol has it: token units per micro-dollar. */
export function priceAt(start: bigint, elapsedSeconds: number, halvingSeconds: number): bigint {
  const halvings = Math.floor(elapsedSeconds / halvingSeconds)
  if (halvings >= HALVINGS_MAX) return FLOOR
  const high = start >> BigInt(halvings)
  const price = high - (high * BigInt(elapsedSeconds % halvingSeconds)) / BigInt(2 * halvingSeconds)
  return price < FLOOR ? FLOOR : price
}

/** What the next sale starts at: twice what this one brought, and never less than a quarter of its start. */
export function nextStart(start: bigint, price: bigint): bigint {
  const next = 2n * price > start / 4n ? 2n * price : start / 4n
  return next > PRICE_MAX ? PRICE_MAX : next < FLOOR ? FLOOR : next
}
