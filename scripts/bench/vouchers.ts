import { type ChainIdentity, hash, microUsd } from '@stead/core'
import { bytesToHex, createSigner, escrowSeparator, loadSecp256k1, signVoucher, voucherSigner } from '@stead/protocol'
import { recoverTypedDataAddress } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { type BenchRow, benchRow } from './row.ts'

const SECONDS = 1

/** Calls per second of one core, over about a second. */
function rate(action: () => void): number {
  for (let i = 0; i < 200; i++) action()
  let calls = 0
  const start = performance.now()
  while (performance.now() - start < SECONDS * 1000) {
    for (let i = 0; i < 50; i++) action()
    calls += 50
  }
  return calls / ((performance.now() - start) / 1000)
}

async function rateAsync(action: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 20; i++) await action()
  let calls = 0
  const start = performance.now()
  while (performance.now() - start < SECONDS * 1000) {
    await action()
    calls += 1
  }
  return calls / ((performance.now() - start) / 1000)
}

/** Vouchers signed and verified per second of one core, beside viem's general EIP-712 functions. */
export async function benchVouchers(): Promise<readonly BenchRow[]> {
  const secp256k1 = await loadSecp256k1()
  const key = new Uint8Array(32).fill(7)
  const signer = createSigner(secp256k1, key)
  const chain: Pick<ChainIdentity, 'chainId' | 'escrow'> = { chainId: 31337, escrow: signer.address }
  const separator = escrowSeparator(chain)
  const terms = {
    purse: hash(`0x${'11'.repeat(32)}`),
    node: signer.address,
    operator: signer.address,
    allocationMicroUsd: microUsd(1_000_000n),
  }
  let cumulative = 0n
  const signed = rate(() => {
    cumulative += 1n
    signVoucher(signer, separator, { ...terms, cumulativeMicroUsd: microUsd(cumulative) })
  })
  const debt = microUsd(77n)
  const { signature } = signVoucher(signer, separator, { ...terms, cumulativeMicroUsd: debt })
  const verified = rate(() => {
    if (voucherSigner(secp256k1, separator, { terms, cumulativeMicroUsd: debt, signature }) !== signer.address) {
      throw new Error('a voucher did not verify')
    }
  })
  const account = privateKeyToAccount(bytesToHex(key))
  const typed = {
    domain: { name: 'Stead Escrow', version: '1', chainId: chain.chainId, verifyingContract: chain.escrow },
    types: {
      Voucher: [
        { name: 'purse', type: 'bytes32' },
        { name: 'node', type: 'address' },
        { name: 'operator', type: 'address' },
        { name: 'allocation', type: 'uint128' },
        { name: 'cumulative', type: 'uint128' },
      ],
    },
    primaryType: 'Voucher',
    message: {
      purse: terms.purse,
      node: terms.node,
      operator: terms.operator,
      allocation: 1_000_000n,
      cumulative: debt,
    },
  } as const
  const viemSigned = await rateAsync(() => account.signTypedData(typed))
  const viemVerified = await rateAsync(() => recoverTypedDataAddress({ ...typed, signature: bytesToHex(signature) }))
  return [
    benchRow({
      name: 'vouchers signed, one core',
      unit: '/s',
      value: signed,
      reference: { name: 'viem', value: viemSigned },
      target: undefined,
    }),
    benchRow({
      name: 'vouchers verified, one core',
      unit: '/s',
      value: verified,
      reference: { name: 'viem', value: viemVerified },
      target: { limit: 10_000, better: 'more' },
    }),
  ]
}
