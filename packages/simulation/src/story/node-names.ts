import type { NodePlan } from '../world/sim-node.ts'

/** Digits of a hash that are shown: enough to tell those of one world apart. */
const DIGITS_SHOWN = 8
const HASH = /0x[0-9a-f]{32,}/g
/** Transactions of the simulated chain are numbers. */
const NUMBER = /^0x0{40,}/

/** Says nodes by their names and hashes by their first digits, so that a line can be read. */
export class NodeNames {
  readonly #names: Map<string, string> = new Map()

  constructor(plans: readonly NodePlan[]) {
    for (const { name, role, signer, peer, operator } of plans) {
      this.#names.set(peer, name)
      // Nodes of one operator cannot be told apart by it.
      if (role === 'provider') this.#names.set(operator, this.#names.has(operator) ? operator : `operator of ${name}`)
      this.#names.set(signer.address, name)
    }
  }

  /** The name behind an address or a peer id; undefined for a stranger. */
  of(address: string): string | undefined {
    return this.#names.get(address)
  }

  /** Nodes that a text names by their addresses. */
  namedIn(text: string): readonly string[] {
    const addresses = text.match(/0x[0-9a-f]{40}(?![0-9a-f])/g) ?? []
    return addresses.flatMap((address) => this.#names.get(address)?.replace(/^operator of /, '') ?? [])
  }

  /** A text with names for addresses and peers, and short hashes. */
  readable(text: string): string {
    const named = text.replace(/0x[0-9a-f]{40}(?![0-9a-f])|\b16Uiu2[0-9A-Za-z]+/g, (id) => this.#names.get(id) ?? id)
    return named.replace(HASH, (hash) => (NUMBER.test(hash) ? `#${Number(hash)}` : hash.slice(0, 2 + DIGITS_SHOWN)))
  }
}
