// AssemblyScript. `npm run generate` compiles it into src/erasure/kernel-module.ts.
//
// Products in GF(2^8) by nibbles: for a factor c, two tables of 16 bytes hold c·x for the low and c·(x << 4) for the
// high nibble, and a byte's product is the sum of both entries. A swizzle looks sixteen bytes up at once.

const LANE: usize = 16
const PAIR: usize = 2 * LANE
const TABLE: usize = 2 * LANE

/**
 * outputs[r][x] = sum over i of factor[r][i] · inputs[i][x], for x from 0 to length.
 * Rows of inputs and outputs are `stride` bytes apart; tables lie input by input, in each one of every row:
 * table of (i, r) at tables + (i · rows + r) · 32, where rows is `outputCount` rounded up to a multiple of four.
 * `length` and `stride` are multiples of 32.
 */
export function combine(
  inputs: usize,
  inputCount: usize,
  outputs: usize,
  outputCount: usize,
  tables: usize,
  stride: usize,
  length: usize,
): void {
  const rows = (outputCount + 3) & ~3
  const mask = i8x16.splat(15)
  for (let row: usize = 0; row < outputCount; row += 4) {
    for (let at: usize = 0; at < length; at += PAIR) {
      let a0 = i64x2.splat(0)
      let a1 = a0
      let b0 = a0
      let b1 = a0
      let c0 = a0
      let c1 = a0
      let d0 = a0
      let d1 = a0
      let input = inputs + at
      let table = tables + row * TABLE
      for (let index: usize = 0; index < inputCount; index++) {
        const x0 = v128.load(input)
        const x1 = v128.load(input, LANE)
        const low0 = v128.and(x0, mask)
        const low1 = v128.and(x1, mask)
        const high0 = i8x16.shr_u(x0, 4)
        const high1 = i8x16.shr_u(x1, 4)
        let low = v128.load(table)
        let high = v128.load(table, LANE)
        a0 = v128.xor(a0, v128.xor(i8x16.swizzle(low, low0), i8x16.swizzle(high, high0)))
        a1 = v128.xor(a1, v128.xor(i8x16.swizzle(low, low1), i8x16.swizzle(high, high1)))
        low = v128.load(table, 2 * LANE)
        high = v128.load(table, 3 * LANE)
        b0 = v128.xor(b0, v128.xor(i8x16.swizzle(low, low0), i8x16.swizzle(high, high0)))
        b1 = v128.xor(b1, v128.xor(i8x16.swizzle(low, low1), i8x16.swizzle(high, high1)))
        low = v128.load(table, 4 * LANE)
        high = v128.load(table, 5 * LANE)
        c0 = v128.xor(c0, v128.xor(i8x16.swizzle(low, low0), i8x16.swizzle(high, high0)))
        c1 = v128.xor(c1, v128.xor(i8x16.swizzle(low, low1), i8x16.swizzle(high, high1)))
        low = v128.load(table, 6 * LANE)
        high = v128.load(table, 7 * LANE)
        d0 = v128.xor(d0, v128.xor(i8x16.swizzle(low, low0), i8x16.swizzle(high, high0)))
        d1 = v128.xor(d1, v128.xor(i8x16.swizzle(low, low1), i8x16.swizzle(high, high1)))
        input += stride
        table += rows * TABLE
      }
      const output = outputs + row * stride + at
      v128.store(output, a0)
      v128.store(output, a1, LANE)
      if (row + 1 < outputCount) {
        v128.store(output + stride, b0)
        v128.store(output + stride, b1, LANE)
      }
      if (row + 2 < outputCount) {
        v128.store(output + 2 * stride, c0)
        v128.store(output + 2 * stride, c1, LANE)
      }
      if (row + 3 < outputCount) {
        v128.store(output + 3 * stride, d0)
        v128.store(output + 3 * stride, d1, LANE)
      }
    }
  }
}
