import { type Chain, silentLogger, silentMetrics } from '@stead/core'
import { chainIdentityOf, EvmChain, readAddressBook } from '@stead/evm'
import { systemClock, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1, type Secp256k1 } from '@stead/protocol'

/** Which chain a bill was settled on, by the auditor's own choice. */
export interface AuditOptions {
  readonly rpcUrl: string
  readonly addressBook: string
}

/** The chain that an auditor reads; the caller stops it. @throws ChainError; what reading the address book throws */
export async function openAuditChain({
  rpcUrl,
  addressBook,
}: AuditOptions): Promise<{ readonly chain: Chain; readonly secp256k1: Secp256k1 }> {
  const secp256k1 = await loadSecp256k1()
  const book = await readAddressBook(addressBook)
  // An auditor only reads; the account is a fresh one without anything.
  const signer = createSigner(secp256k1, systemRandom.bytes(32))
  const chain = new EvmChain(
    { logger: silentLogger, metrics: silentMetrics, clock: systemClock, signer },
    { rpcUrl, identity: chainIdentityOf(book), deployedAtBlock: book.deployedAtBlock },
  )
  await chain.start()
  return { chain, secp256k1 }
}
