import { type Address, type Economy, type Hash, hasCode, hash, microUsd, type Signer } from '@stead/core'
import { signStatement } from '@stead/protocol'
import { encodeAbiParameters, hashTypedData, hexToBytes, keccak256 } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EvmChain } from '../src/index.ts'
import { buildPurse, type Devnet, dollars, newSalt, newSigner, ONE_COIN, startDevnet } from './devnet.ts'

const TOKEN = 10n ** 18n
const UTILITY = hash(`0x${'a1'.repeat(32)}`)
const COVERAGE = hash(`0x${'c0'.repeat(32)}`)
const EVIDENCE = hash(`0x${'ee'.repeat(32)}`)

/** The only line of a root is the root: OpenZeppelin's double hash of a leaf. */
function onlyLine(program: Hash, operator: Address, cumulative: bigint): Hash {
  const types = [{ type: 'bytes32' }, { type: 'address' }, { type: 'uint256' }] as const
  return hash(keccak256(keccak256(encodeAbiParameters(types, [program, operator, cumulative]))))
}

function payloadOf(root: Hash): Hash {
  return hash(keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'bytes32' }], [root, EVIDENCE])))
}

describe('the economy on a real chain', () => {
  let devnet: Devnet
  let chain: EvmChain
  let economy: Economy
  const operator = newSigner()
  const node = newSigner()
  beforeAll(async () => {
    devnet = await startDevnet({
      holder: operator.address,
      epochSeconds: 1000,
      challengeSeconds: 100,
      decisionSeconds: 100,
      programs: [
        { id: UTILITY, source: 'minted' },
        { id: COVERAGE, source: 'sponsored' },
      ],
    })
    await devnet.give(operator.address, { gasWei: ONE_COIN, dollarMicroUsd: dollars(1000) })
    chain = await devnet.connect({}, operator)
    economy = await chain.economy(devnet.book)
  })
  afterAll(() => devnet.stop())

  const consentOf = (key: Signer): Uint8Array =>
    key.sign(
      hexToBytes(
        hashTypedData({
          domain: { name: 'Stead Stake', version: '1', chainId: 31337, verifyingContract: devnet.book.stake },
          types: {
            NodeConsent: [
              { name: 'node', type: 'address' },
              { name: 'operator', type: 'address' },
            ],
          },
          primaryType: 'NodeConsent',
          message: { node: key.address, operator: operator.address },
        }),
      ),
    )

  it('bonds and unbonds, and remembers who had what when', async () => {
    expect(await economy.bondOf(node.address)).toMatchObject({ operator: undefined, bondedTokenUnits: 0n })
    await economy.bond(node.address, 2000n * TOKEN, consentOf(node))
    const at = await chain.blockTime()
    await devnet.passSeconds(10)
    await economy.bond(node.address, 500n * TOKEN, new Uint8Array())
    await economy.unbond(node.address, 300n * TOKEN)
    const bond = await economy.bondOf(node.address)
    expect(bond).toMatchObject({ operator: operator.address, bondedTokenUnits: 2200n * TOKEN, expelled: false })
    expect(bond.unbondings).toEqual([{ tokenUnits: 300n * TOKEN, endsAt: (await chain.blockTime()) + 14 * 86_400_000 }])
    expect(await economy.bondedAt(node.address, at)).toBe(2000n * TOKEN)
    expect(await economy.totalBondedAt(at)).toBe(2000n * TOKEN)
    await expect(economy.withdraw(node.address)).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_REVERTED'))
  })

  it('sells the fees of an epoch, mints a part of what was burned, and no more than the cap', async () => {
    const { genesisAt, epochSeconds } = await economy.epochTerms()
    const epoch = Math.floor(((await chain.blockTime()) - genesisAt) / 1000 / epochSeconds)
    const purse = buildPurse(devnet.book, { payer: chain.account, voucherKey: newSigner() }, [dollars(100)])
    await chain.fund(purse)
    await chain.claim([purse.claimOf(0, dollars(40))])
    const paid = purse.termsOf(0).operator
    expect(await economy.feesOf(epoch, paid)).toBe(dollars(2))
    expect(await economy.saleOf(epoch)).toBeUndefined()
    await devnet.passSeconds(epochSeconds)
    const { lot, feesMicroUsd, costTokenUnits, priceTokenUnits } = await economy.lotForSale()
    expect(feesMicroUsd).toBe(dollars(2))
    expect(costTokenUnits).toBe(priceTokenUnits * feesMicroUsd)
    await economy.buyLot(lot, costTokenUnits)
    const sale = await economy.saleOf(epoch)
    expect(sale).toMatchObject({ feesMicroUsd: dollars(2), kappaBps: 8000 })
    const due = ((sale?.burnedTokenUnits ?? 0n) * 8n) / 10n
    expect(await economy.accruable(paid, epoch)).toBe(due)
    await economy.accrue(paid, [epoch])
    expect(await economy.rewardOf(UTILITY, paid)).toEqual({ source: 'minted', paid: 0n, available: due })

    const line = { program: UTILITY, operator: paid, cumulative: 10n ** 30n, proof: [] }
    const root = onlyLine(UTILITY, paid, line.cumulative)
    await economy.propose(epoch, { root, evidence: EVIDENCE }, node.address)
    const open = await economy.proposal()
    expect(open).toMatchObject({ epoch, proposer: operator.address, proposed: { root }, challenge: undefined })
    await devnet.passSeconds(101)
    await economy.finalize(open?.attempt ?? 0)
    expect(await economy.finalRoot()).toEqual({ epoch, root, evidence: EVIDENCE })
    await economy.claimReward(line)
    expect(await economy.tokenBalance(paid)).toBe(due)
    expect(await economy.rewardOf(UTILITY, paid)).toEqual({ source: 'minted', paid: due, available: 0n })
  })

  it('keeps books of what was bought, accrued, proposed and paid', async () => {
    const ledger = await chain.ledger(devnet.book)
    const history = await chain.history(devnet.book)
    const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
    const [lot] = await ledger.lotsBought(span)
    expect(lot).toMatchObject({ lot: 0n, buyer: operator.address, feesMicroUsd: dollars(2) })
    const [claims] = await ledger.claims(span)
    const paid = claims?.operator ?? operator.address
    expect(await ledger.claims(span, operator.address)).toEqual([])
    expect(await ledger.claims(span, paid)).toEqual([claims])
    expect(claims).toMatchObject({ grossMicroUsd: dollars(40), feeMicroUsd: dollars(2) })
    const due = ((lot?.burnedTokenUnits ?? 0n) * 8n) / 10n
    const epoch = lot?.lastEpoch ?? -1
    expect(await ledger.capsAccrued(span, paid)).toMatchObject([{ operator: paid, epoch, tokenUnits: due }])
    expect(await ledger.rewardsPaid(span, paid)).toMatchObject([{ program: UTILITY, amountUnits: due }])
    expect(await ledger.rewardsPaid(span, operator.address)).toEqual([])
    const [proposed, final] = [await ledger.rootsProposed(span, epoch), await ledger.rootsFinal(span, epoch)]
    expect(final).toMatchObject([{ epoch, attempt: 1, evidence: EVIDENCE, root: proposed[0]?.root }])
    expect(await ledger.rootsFinal(span, epoch + 1)).toEqual([])
  })

  it('says what is needed and what there is, before it approves anything', async () => {
    const poor = await (await devnet.connect()).economy(devnet.book)
    await expect(poor.bond(node.address, TOKEN, new Uint8Array())).rejects.toMatchObject({
      code: 'CHAIN_INSUFFICIENT_FUNDS',
      details: { needTokenUnits: TOKEN, haveTokenUnits: 0n },
    })
    await expect(poor.sponsor(COVERAGE, dollars(2000))).rejects.toMatchObject({
      code: 'CHAIN_INSUFFICIENT_FUNDS',
      details: { needMicroUsd: dollars(2000), haveMicroUsd: dollars(1000) },
    })
  })

  it('decides between two roots by the nodes’ statements, and drops what nobody decides', async () => {
    const { epochSeconds } = await economy.epochTerms()
    await devnet.passSeconds(epochSeconds)
    const epoch = (await economy.finalRoot())?.epoch ?? 0
    const helper = newSigner().address
    const [lie, truth] = [onlyLine(COVERAGE, operator.address, 7n), onlyLine(COVERAGE, helper, 3_000_000n)]
    const evidence = EVIDENCE
    for (const isDecided of [false, true]) {
      await economy.propose(epoch + 1, { root: lie, evidence }, node.address)
      const attempt = (await economy.proposal())?.attempt ?? 0
      await economy.challenge(attempt, { root: truth, evidence }, node.address)
      const open = await economy.proposal()
      expect(open?.challenge).toEqual({ challenger: operator.address, other: { root: truth, evidence } })
      if (isDecided) {
        const vote = signStatement(node, open?.decisionSlot ?? newSalt(), payloadOf(truth))
        await economy.decide(attempt, { root: truth, evidence }, [{ node: node.address, signature: vote.signature }])
      } else {
        await devnet.passSeconds(101)
        await economy.drop(attempt)
      }
      expect(await economy.proposal()).toBeUndefined()
    }
    expect(await economy.finalRoot()).toEqual({ epoch: epoch + 1, root: truth, evidence })

    await economy.sponsor(COVERAGE, dollars(2))
    expect(await economy.rewardOf(COVERAGE, helper)).toEqual({ source: 'sponsored', paid: 0n, available: dollars(2) })
    await economy.claimReward({ program: COVERAGE, operator: helper, cumulative: 3_000_000n, proof: [] })
    expect((await chain.balances(helper)).dollarMicroUsd).toBe(dollars(2))
    expect((await economy.rewardOf(COVERAGE, helper)).available).toBe(microUsd(0n))
  })

  it('expels a node that says two things', async () => {
    const slot = newSalt()
    const [first, second] = [signStatement(node, slot, newSalt()), signStatement(node, slot, newSalt())]
    await economy.reportEquivocation(slot, first, second)
    expect(await economy.bondOf(node.address)).toMatchObject({ bondedTokenUnits: 0n, expelled: true })
    await expect(economy.reportEquivocation(slot, first, second)).rejects.toThrow(/AlreadyPunished/)
  })

  it('reads back what was recorded, block by block', async () => {
    const history = await chain.history(devnet.book)
    const head = await history.head()
    const span = { fromBlock: history.firstBlock, toBlock: head.number }
    const [claims, sales, bonds] = [await history.claims(span), await history.sales(span), await history.bonds(span)]
    expect(claims).toMatchObject([{ grossMicroUsd: dollars(40), feeMicroUsd: dollars(2) }])
    expect(sales).toMatchObject([{ feesMicroUsd: dollars(2), lastEpoch: 0 }])
    expect(bonds.map((bond) => bond.node)).toEqual([node.address, node.address])
    expect(await history.programs(span)).toMatchObject([
      { program: UTILITY, source: 'minted', isEnabled: true },
      { program: COVERAGE, source: 'sponsored', isEnabled: true },
    ])
    expect(await history.sponsorships(span)).toMatchObject([{ program: COVERAGE, amountMicroUsd: dollars(2) }])
    const final = await economy.finalRoot()
    expect((await history.finalRoots(span)).at(-1)).toEqual(final)
    expect(await history.block(head.number)).toEqual(head)
    const [first] = claims
    const after = { fromBlock: (first?.blockNumber ?? 0) + 1, toBlock: head.number }
    expect(await history.claims(after)).toEqual([])
    // An endpoint that is behind must not pass for a chain in which nothing happened.
    const beyond = history.claims({ ...span, toBlock: head.number + 1 })
    await expect(beyond).rejects.toSatisfy((error) => hasCode(error, 'CHAIN_BAD_ANSWER'))
    expect(await economy.rootTerms()).toMatchObject({ challengeSeconds: 100, decisionSeconds: 100 })
  })
})
