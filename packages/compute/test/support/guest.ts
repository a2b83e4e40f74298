import asc from 'assemblyscript/asc'

/** What the guest does, by the first byte of its input; the rest is its data. */
export const GUEST_MODES = { hash: 0, trap: 1, endless: 2, large: 3, work: 4 } as const

const SOURCE = `
export function stead_alloc(len: i32): i32 { return heap.alloc(len) as i32 }
function answer(ptr: usize, len: i32): i64 { return ((ptr as i64) << 32) | (len as i64) }
export function stead_run(ptr: i32, len: i32): i64 {
  const mode = load<u8>(ptr)
  if (mode == 1) unreachable()
  if (mode == 2) { while (true) {} }
  if (mode == 3) {
    const size = load<u32>(ptr + 1) as i32
    const out = heap.alloc(size)
    for (let i = 0; i < size; i++) store<u8>(out + i, (i * 7) as u8)
    return answer(out, size)
  }
  let rounds: u32 = 1
  if (mode == 4) rounds = load<u32>(ptr + 1)
  let hash: u32 = 2166136261
  for (let r: u32 = 0; r < rounds; r++)
    for (let i = 0; i < len; i++) hash = (hash ^ load<u8>(ptr + i)) * 16777619
  const out = heap.alloc(4)
  store<u32>(out, hash)
  return answer(out, 4)
}
`

/** A function module that hashes, traps, loops or writes much, as its input says. */
export async function compileGuest(): Promise<Uint8Array> {
  const { binary, error, stderr } = await asc.compileString(SOURCE, { runtime: 'stub', optimizeLevel: 3 })
  if (error !== null || binary === null) throw error ?? new Error(String(stderr))
  return binary
}

/** FNV-1a as the guest computes it, to check outputs against. */
export function expectedHash(input: Uint8Array): Uint8Array {
  let hash = 2166136261
  for (const byte of input) hash = Math.imul(hash ^ byte, 16777619) >>> 0
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, hash, true)
  return bytes
}

/** Input for a mode: the mode byte, a 32-bit argument, and anything else. */
export function guestInput(mode: number, argument: number, rest: string = ''): Uint8Array {
  const text = new TextEncoder().encode(rest)
  const bytes = new Uint8Array(5 + text.length)
  bytes[0] = mode
  new DataView(bytes.buffer).setUint32(1, argument, true)
  bytes.set(text, 5)
  return bytes
}
