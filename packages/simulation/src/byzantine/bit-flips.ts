import type { Random } from '@stead/core'

/** A valid message with a few of its bits turned, or cut short, or with something behind it. */
export function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const kind = random.fraction()
  if (bytes.length === 0 || kind < 0.1) return joined(bytes, random.bytes(1 + Math.floor(random.fraction() * 8)))
  if (kind < 0.2) return bytes.slice(0, Math.floor(random.fraction() * bytes.length))
  const copy = bytes.slice()
  const count = 1 + Math.floor(random.fraction() * 3)
  for (let turned = 0; turned < count; turned++) {
    const at = Math.floor(random.fraction() * copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random.fraction() * 8))
  }
  return copy
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}
