import { type Address, type Hash, microUsd } from '@stead/core'
import { bytesToHex, channelIdOf, escrowSeparator, purseIdOf, voucherDigest } from '@stead/protocol'
import { createPublicClient, hashTypedData, http, type PublicClient } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { escrowAbi, stakeAbi } from '../src/abi.ts'
import { type Devnet, newSalt, newSigner, startDevnet } from './devnet.ts'

const zero = '0x0000000000000000000000000000000000000000' as Address

describe('what the protocol computes is what the deployed contracts compute', () => {
  let devnet: Devnet
  let client: PublicClient
  let escrow: { address: Address; abi: typeof escrowAbi }
  beforeAll(async () => {
    devnet = await startDevnet()
    client = createPublicClient({ transport: http(devnet.anvil.rpcUrl) })
    escrow = { address: devnet.book.escrow, abi: escrowAbi }
  })
  afterAll(() => devnet.stop())

  const totals = [1n, 1_000_000n, (1n << 128n) - 1n].map(microUsd)

  it.each(totals)('purse ids, total %s', async (totalMicroUsd) => {
    const [payer, voucherSigner, root, salt] = [newSigner().address, newSigner().address, newSalt(), newSalt()]
    const ours = purseIdOf(devnet.book, { payer, voucherSigner, root, totalMicroUsd, salt })
    const parameters = [payer, voucherSigner, root, totalMicroUsd, salt] as const
    const theirs = await client.readContract({ ...escrow, functionName: 'purseIdOf', args: parameters })
    expect(ours).toBe(theirs)
  })

  it('a purse without a voucher key is the payer’s own', async () => {
    const [payer, root, salt, totalMicroUsd] = [newSigner().address, newSalt(), newSalt(), microUsd(5n)]
    const parameters = [payer, zero, root, totalMicroUsd, salt] as const
    const theirs = await client.readContract({ ...escrow, functionName: 'purseIdOf', args: parameters })
    expect(purseIdOf(devnet.book, { payer, voucherSigner: payer, root, totalMicroUsd, salt })).toBe(theirs)
  })

  it.each(totals)('channel ids, allocation %s', async (allocationMicroUsd) => {
    const terms = { purse: newSalt(), node: newSigner().address, operator: newSigner().address, allocationMicroUsd }
    const parameters = [terms.purse, terms.node, terms.operator, allocationMicroUsd] as const
    const theirs = await client.readContract({ ...escrow, functionName: 'channelIdOf', args: parameters })
    expect(channelIdOf(terms)).toBe(theirs)
  })

  it('the signing domain and a voucher’s digest', async () => {
    const [, name, version, chainId, verifyingContract] = await client.readContract({
      ...escrow,
      functionName: 'eip712Domain',
    })
    expect({ name, version, chainId, verifyingContract: verifyingContract.toLowerCase() }).toEqual({
      name: 'Stead Escrow',
      version: '1',
      chainId: BigInt(devnet.book.chainId),
      verifyingContract: devnet.book.escrow,
    })
    const terms = {
      purse: newSalt(),
      node: newSigner().address,
      operator: newSigner().address,
      allocationMicroUsd: microUsd(77n),
    }
    const theirs: Hash = hashTypedData({
      domain: { name, version, chainId, verifyingContract },
      primaryType: 'Voucher',
      types: {
        Voucher: [
          { name: 'purse', type: 'bytes32' },
          { name: 'node', type: 'address' },
          { name: 'operator', type: 'address' },
          { name: 'allocation', type: 'uint128' },
          { name: 'cumulative', type: 'uint128' },
        ],
      },
      message: { ...terms, allocation: 77n, cumulative: 33n },
    }) as Hash
    expect(bytesToHex(voucherDigest(escrowSeparator(devnet.book), terms, microUsd(33n)))).toBe(theirs)
  })

  it('a node belongs to the operator that bonded it', async () => {
    const operator = await devnet.connect()
    const stake = { address: devnet.book.stake, abi: stakeAbi }
    expect(await client.readContract({ ...stake, functionName: 'token' })).toMatch(new RegExp(devnet.book.token, 'i'))
    expect(await operator.operatorOf(newSigner().address)).toBeUndefined()
  })
})
