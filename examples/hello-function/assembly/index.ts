/** Room for the input; Stead writes it there. */
export function stead_alloc(length: i32): usize {
  return heap.alloc(length)
}

/** Turns a name (UTF-8) into a greeting, and gives address << 32 | length of it. */
export function stead_run(input: usize, length: i32): i64 {
  const name = String.UTF8.decodeUnsafe(input, length)
  const greeting = String.UTF8.encode('Hello, ' + name + '!')
  return ((<i64>changetype<usize>(greeting)) << 32) | <i64>greeting.byteLength
}
