/** The field with 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1, in which 2 generates every element but 0. */
const POLYNOMIAL = 0x11d
const ORDER = 255

const powers = new Uint8Array(2 * ORDER)
const logarithms = new Uint8Array(ORDER + 1)
let power = 1
for (let exponent = 0; exponent < ORDER; exponent++) {
  powers[exponent] = power
  powers[exponent + ORDER] = power
  logarithms[power] = exponent
  power <<= 1
  if (power > ORDER) power ^= POLYNOMIAL
}

/** The product of two elements. */
export function product(left: number, right: number): number {
  if (left === 0 || right === 0) return 0
  return powers[(logarithms[left] ?? 0) + (logarithms[right] ?? 0)] ?? 0
}

/** What gives 1 with an element. @throws RangeError for 0 */
export function inverse(element: number): number {
  if (element === 0) throw new RangeError('0 has no inverse')
  return powers[ORDER - (logarithms[element] ?? 0)] ?? 0
}
