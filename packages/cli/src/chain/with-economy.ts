import {
  type Economy,
  type EconomyHistory,
  type EconomyLedger,
  type Exchange,
  type Signer,
  silentLogger,
  silentMetrics,
} from '@stead/core'
import { type AddressBook, chainIdentityOf, EvmChain, readAddressBook } from '@stead/evm'
import { systemClock, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1, type Secp256k1 } from '@stead/protocol'
import type { ChainPlace } from './chain-place.ts'

/** A chain with everything that the economy has on it. */
export interface OpenEconomy {
  readonly chain: EvmChain
  readonly book: AddressBook
  readonly economy: Economy
  readonly history: EconomyHistory
  readonly ledger: EconomyLedger
  readonly exchange: Exchange
  readonly secp256k1: Secp256k1
}

/** Longer than any wait of the chain adapter, so that nothing else has to keep the process alive. */
const ALIVE_MS = 60_000

/**
 * Opens a chain, does some work with it, and closes it. Without a signer the account is a fresh one without anything:
 * whoever only reads needs none.
 * @throws ChainError, and what `work` throws
 */
export async function withEconomy<Value>(
  place: ChainPlace,
  work: (open: OpenEconomy) => Promise<Value>,
  signer?: Signer,
): Promise<Value> {
  const book = await readAddressBook(place.addressBook)
  const secp256k1 = await loadSecp256k1()
  const chain = new EvmChain(
    {
      logger: silentLogger,
      metrics: silentMetrics,
      clock: systemClock,
      signer: signer ?? createSigner(secp256k1, systemRandom.bytes(32)),
    },
    { rpcUrl: place.rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock },
  )
  // The system clock's waits do not keep a process alive, as a daemon wants it.
  const alive = setInterval(() => undefined, ALIVE_MS)
  try {
    await chain.start()
    const [economy, history, ledger, exchange] = await Promise.all([
      chain.economy(book),
      chain.history(book),
      chain.ledger(book),
      chain.exchange(book),
    ])
    return await work({ chain, book, economy, history, ledger, exchange, secp256k1 })
  } finally {
    clearInterval(alive)
    await chain.stop()
  }
}
