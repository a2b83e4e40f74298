import { type Address, hash, microUsd, type Signer } from '@stead/core'
import { systemRandom } from '@stead/node/identity'
import { buildPurseTree, bytesToHex, escrowSeparator, signVoucher } from '@stead/protocol'
import type { OpenEconomy } from '../chain/with-economy.ts'

/**
 * Pays oneself without doing any work: funds a purse whose only provider is the own node, and claims all of it with a
 * voucher to oneself. The contracts cannot tell it from a payment; they need not.
 */
export async function selfDeal(
  { chain }: Pick<OpenEconomy, 'chain'>,
  { operator, node, amountMicroUsd: amount }: { operator: Signer; node: Address; amountMicroUsd: bigint },
): Promise<void> {
  const allocationMicroUsd = microUsd(amount)
  const leaf = { node, operator: operator.address, allocationMicroUsd }
  const { root, totalMicroUsd, branches } = buildPurseTree([leaf])
  const salt = hash(bytesToHex(systemRandom.bytes(32)))
  const { purse } = await chain.fund({ root, totalMicroUsd, voucherSigner: operator.address, salt })
  const debt = { purse, ...leaf, cumulativeMicroUsd: allocationMicroUsd }
  const { signature } = signVoucher(operator, escrowSeparator(chain.identity), debt)
  const [branch] = branches
  await chain.claim([{ ...debt, signature, index: branch?.index ?? 0n, branch: branch?.steps ?? [] }])
}
