import { once } from 'node:events'
import { createServer } from 'node:net'
import { type ChannelClaim, hasCode, isSteadError, type SteadError } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPurse, type Devnet, dollars, newSigner, ONE_COIN, startDevnet } from './devnet.ts'

async function errorOf(promise: Promise<unknown>): Promise<SteadError> {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  )
  if (!isSteadError(error)) throw error
  return error
}

describe('what goes wrong, said so that a person can mend it', () => {
  let devnet: Devnet
  beforeAll(async () => {
    devnet = await startDevnet()
  })
  afterAll(() => devnet.stop())

  describe('at the start', () => {
    it('wrong chain: both ids', async () => {
      const plain = await errorOf(
        devnet.connect({
          identity: { chainId: 8453, escrow: devnet.book.escrow, stake: devnet.book.stake, dollar: devnet.book.dollar },
        }),
      )
      expect(plain.code).toBe('CHAIN_WRONG_ID')
      expect(plain.details).toMatchObject({ needChainId: 8453, haveChainId: 31337 })
      expect(plain.message).toMatch(/31337.*need 8453/)
    })

    it('unreachable: where, and that it may be tried again; no secret of the URL is shown', async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      await new Promise((resolve) => server.close(resolve))
      const error = await errorOf(devnet.connect({ rpcUrl: `http://user:secret@127.0.0.1:${port}/v2/apikey` }))
      expect(error.code).toBe('CHAIN_UNREACHABLE')
      expect(error.retryable).toBe(true)
      expect(error.message).toContain(`http://127.0.0.1:${port}`)
      expect(`${error.message} ${JSON.stringify(error.details)}`).not.toMatch(/secret|apikey/)
    })

    it('no contract at an address, another contract, another dollar', async () => {
      const { chainId, escrow, stake, dollar } = devnet.book
      const nobody = newSigner().address
      const identities = [
        { chainId, escrow: nobody, stake, dollar },
        { chainId, escrow: dollar, stake, dollar },
        { chainId, escrow, stake, dollar: stake },
      ]
      for (const identity of identities) {
        const error = await errorOf(devnet.connect({ identity }))
        expect(error.code).toBe('CHAIN_WRONG_CONTRACT')
      }
    })

    it('misspelt options and URLs that are none', async () => {
      await expect(devnet.connect({ confirmation: 3 } as never)).rejects.toThrow(/confirmation/)
      await expect(devnet.connect({ rpcUrl: 'ftp://example.org' })).rejects.toThrow(/http/)
    })
  })

  describe('without money', () => {
    it('no dollars: need, have, account and what to send', async () => {
      const signer = newSigner()
      await devnet.give(signer.address, { gasWei: ONE_COIN, dollarMicroUsd: dollars(2) })
      const payer = await devnet.connect({}, signer)
      const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(5)])
      const error = await errorOf(payer.fund(purse))
      expect(error.code).toBe('CHAIN_INSUFFICIENT_FUNDS')
      expect(error.details).toEqual({ account: signer.address, needMicroUsd: dollars(5), haveMicroUsd: dollars(2) })
      expect(error.next).toContain('Send at least 3000000 micro-dollars')
      expect(error.next).toContain(signer.address)
      await devnet.give(signer.address, { dollarMicroUsd: dollars(3) })
      expect((await payer.fund(purse)).purse).toBe(purse.purse)
    })

    it('no gas: need, have, account and what to send', async () => {
      const signer = newSigner()
      await devnet.give(signer.address, { dollarMicroUsd: dollars(5) })
      const payer = await devnet.connect({}, signer)
      const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(5)])
      const error = await errorOf(payer.fund(purse))
      expect(error.code).toBe('CHAIN_INSUFFICIENT_FUNDS')
      expect(error.details).toMatchObject({ account: signer.address, haveWei: 0n })
      expect(error.details.needWei).toBeGreaterThan(0n)
      expect(error.next).toContain(signer.address)
    })
  })

  describe('by a contract', () => {
    it('names the contract’s error and its arguments', async () => {
      const payer = await devnet.connect()
      const other = await devnet.connect()
      const voucherKey = newSigner()
      const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey }, [dollars(1), dollars(1)])
      await payer.fund(purse)
      const good = purse.claimOf(0, dollars(0.5))
      const stranger = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(1)])
      const cases: readonly (readonly [() => Promise<unknown>, string, Record<string, unknown>])[] = [
        [() => other.thaw(purse.purse), 'NotThePayer', { caller: other.account, payer: payer.account }],
        [() => payer.close(purse.purse), 'PurseNotThawed', { purse: purse.purse, thawEndsAt: 0n }],
        [() => other.payout(newSigner().address), 'NothingOwed', {}],
        [() => other.claim([good, stranger.claimOf(0, dollars(1))]), 'ClaimPurseUnknown', { claimIndex: 1n }],
        [() => other.claim([{ ...good, cumulativeMicroUsd: dollars(2) }]), 'ClaimAboveAllocation', { claimIndex: 0n }],
        [() => other.claim([{ ...good, branch: [] }]), 'ClaimBranchMismatch', { purseRoot: purse.root }],
        [() => other.claim([{ ...good, signature: new Uint8Array(65).fill(1) }]), 'ClaimSignatureInvalid', {}],
        [
          () => other.claim([{ ...good, cumulativeMicroUsd: dollars(0.6) } satisfies ChannelClaim]),
          'ClaimSignerMismatch',
          { voucherSigner: voucherKey.address },
        ],
      ]
      for (const [call, name, values] of cases) {
        const error = await errorOf(call())
        expect([name, error.code]).toEqual([name, 'CHAIN_REVERTED'])
        expect(error.details).toMatchObject({ error: name, ...values })
        expect(error.message).toContain(name)
        expect(error.retryable).toBe(false)
      }
      expect((await payer.purse(purse.purse))?.claimedMicroUsd).toBe(0n)
    })

    it('a second thaw is refused with the end of the first', async () => {
      const payer = await devnet.connect()
      const purse = buildPurse(devnet.book, { payer: payer.account, voucherKey: newSigner() }, [dollars(1)])
      await payer.fund(purse)
      const { endsAt } = await payer.thaw(purse.purse)
      const error = await errorOf(payer.thaw(purse.purse))
      expect(error.details).toMatchObject({ error: 'PurseAlreadyThawing', thawEndsAt: BigInt(endsAt / 1000) })
    })
  })

  it('says CORE_STOPPED after it was stopped, and ends a wait at once', async () => {
    const chain = await devnet.connect()
    await devnet.rpc('evm_setAutomine', false)
    const purse = buildPurse(devnet.book, { payer: chain.account, voucherKey: newSigner() }, [dollars(1)])
    const pending = errorOf(chain.fund(purse))
    await expect.poll(async () => ((await devnet.rpc('txpool_status')) as { pending: string }).pending).toBe('0x1')
    await chain.stop()
    const error = await pending
    expect(['CORE_STOPPED', 'CHAIN_UNREACHABLE']).toContain(error.code)
    await devnet.rpc('evm_setAutomine', true)
    await devnet.rpc('evm_mine')
    for (const call of [chain.blockTime(), chain.purse(purse.purse), chain.payout(chain.account), chain.escrowTerms()])
      expect(hasCode(await errorOf(call), 'CORE_STOPPED')).toBe(true)
    expect(() => chain.watchThaws(() => undefined)).toThrow(/stopped/)
  })
})
