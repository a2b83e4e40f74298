import type { Address } from '@stead/core'

/** Under which key of the DHT a node is found by its address: those with a bond, and payers that keep something on others. */
export function nodeKey(node: Address): string {
  return `stead/nodes/1/${node}`
}
