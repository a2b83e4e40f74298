/** Room for the input; Stead writes it there. */
export function stead_alloc(length: i32): usize {
  return heap.alloc(length)
}

/** Steps until a number comes to 1: halved when even, else tripled and one added. */
function stepsOf(start: u64): u32 {
  let steps: u32 = 0
  for (let value = start; value != 1; steps++) value = (value & 1) == 0 ? value >> 1 : value * 3 + 1
  return steps
}

/** Takes two u32 (from, to), gives two (start, steps) of the longest chain: address << 32 | length of them. */
export function stead_run(input: usize, length: i32): i64 {
  const from = load<u32>(input)
  const to = load<u32>(input + 4)
  let best = from
  let most = stepsOf(from)
  for (let start = from + 1; start <= to; start++) {
    const steps = stepsOf(start)
    if (steps > most) {
      best = start
      most = steps
    }
  }
  const output = heap.alloc(8)
  store<u32>(output, best)
  store<u32>(output + 4, most)
  return ((<i64>output) << 32) | 8
}
