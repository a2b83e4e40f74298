import type { UnixMs } from '@stead/core'
import { signStatement } from '@stead/protocol'
import { expect, it } from 'vitest'
import { type EconomyBench, refusal, TOKEN } from './bench.ts'

const UNBOND_SECONDS = 14 * 86_400
const NOTHING = new Uint8Array()
const NOBODY = `0x${'0'.repeat(40)}`

/** Bonds, their way out, and what is taken for a lie. */
export function stakeTests(bench: () => EconomyBench): void {
  it('bonds a node with its consent only, for one operator only', async () => {
    const { fixture } = bench()
    const [owner, other] = [await fixture.connect(), await fixture.connect()]
    const node = fixture.newSigner()
    const { economy } = owner
    const account = owner.chain.account
    expect(await economy.bondOf(node.address)).toEqual({
      operator: undefined,
      bondedTokenUnits: 0n,
      unbondings: [],
      expelled: false,
    })
    const forOther = bench().consentOf(node, other)
    expect(await refusal(economy.bond(node.address, TOKEN, NOTHING))).toMatchObject({
      error: 'ConsentInvalid',
      node: node.address,
      signer: NOBODY,
    })
    expect(await refusal(economy.bond(node.address, TOKEN, forOther))).toMatchObject({ error: 'ConsentInvalid' })
    expect(await refusal(economy.bond(node.address, 0n, forOther))).toEqual({ error: 'AmountZero' })
    await economy.bond(node.address, 2n * TOKEN, bench().consentOf(node, owner))
    await economy.bond(node.address, TOKEN, NOTHING)
    expect(await refusal(other.economy.bond(node.address, TOKEN, forOther))).toEqual({
      error: 'NotTheOperator',
      caller: other.chain.account,
      operator: account,
    })
    expect(await economy.bondOf(node.address)).toMatchObject({ operator: account, bondedTokenUnits: 3n * TOKEN })
    expect(await other.chain.operatorOf(node.address)).toBe(account)
    expect(await economy.tokenBalance(account)).toBe(999_997n * TOKEN)
  })

  it('says what is needed and what there is, before anything else', async () => {
    const { fixture } = bench()
    const { chain, economy } = await fixture.connect()
    const need = 1_000_001n * TOKEN
    const details = { account: chain.account, needTokenUnits: need, haveTokenUnits: 1_000_000n * TOKEN }
    const node = fixture.newSigner().address
    expect(await refusal(economy.bond(node, need, NOTHING), 'CHAIN_INSUFFICIENT_FUNDS')).toEqual(details)
    expect(await refusal(economy.buyLot(77n, need), 'CHAIN_INSUFFICIENT_FUNDS')).toEqual(details)
  })

  it('lets stake out after its time, in parts', async () => {
    const { fixture } = bench()
    const [owner, other] = [await fixture.connect(), await fixture.connect()]
    const { economy, chain } = owner
    const node = (await bench().bonded(owner, 100)).address
    expect(await refusal(other.economy.unbond(node, TOKEN))).toMatchObject({ error: 'NotTheOperator' })
    expect(await refusal(other.economy.unbond(fixture.newSigner().address, TOKEN))).toEqual({
      error: 'NotTheOperator',
      caller: other.chain.account,
      operator: NOBODY,
    })
    expect(await refusal(economy.unbond(node, 101n * TOKEN))).toEqual({
      error: 'BondTooSmall',
      bonded: 100n * TOKEN,
      requested: 101n * TOKEN,
    })
    expect(await refusal(economy.unbond(node, 0n))).toEqual({ error: 'AmountZero' })
    await economy.unbond(node, 30n * TOKEN)
    const endsAt = ((await chain.blockTime()) + UNBOND_SECONDS * 1000) as UnixMs
    await fixture.passSeconds(1000)
    await economy.unbond(node, 20n * TOKEN)
    const { unbondings, bondedTokenUnits } = await economy.bondOf(node)
    expect(bondedTokenUnits).toBe(50n * TOKEN)
    expect(unbondings[0]).toEqual({ tokenUnits: 30n * TOKEN, endsAt })
    expect(await refusal(other.economy.withdraw(node))).toEqual({
      error: 'NothingToWithdraw',
      node,
      nextEndsAt: BigInt(endsAt / 1000),
    })
    await fixture.passSeconds(UNBOND_SECONDS - 500)
    await other.economy.withdraw(node)
    expect(await economy.tokenBalance(chain.account)).toBe(999_930n * TOKEN)
    expect((await economy.bondOf(node)).unbondings).toEqual(unbondings.slice(1))
    await fixture.passSeconds(1000)
    await economy.withdraw(node)
    expect(await refusal(economy.withdraw(node))).toEqual({ error: 'NothingToWithdraw', node, nextEndsAt: 0n })
  })

  it('keeps sixteen unbondings of a node at most', async () => {
    const { fixture } = bench()
    const owner = await fixture.connect()
    const node = (await bench().bonded(owner, 100)).address
    for (let count = 0; count < 16; count++) await owner.economy.unbond(node, TOKEN)
    expect(await refusal(owner.economy.unbond(node, TOKEN))).toMatchObject({
      error: 'TooManyUnbondings',
      waiting: 16n,
      maximum: 16n,
    })
  })

  it('remembers who had what at the end of each past second, and says nothing of this one', async () => {
    const { fixture } = bench()
    const owner = await fixture.connect()
    const { economy, chain } = owner
    const node = (await bench().bonded(owner, 100)).address
    const first = await chain.blockTime()
    await fixture.passSeconds(10)
    const before = await economy.totalBondedAt(first)
    await economy.bond(node, 50n * TOKEN, NOTHING)
    await economy.unbond(node, 120n * TOKEN)
    const second = await chain.blockTime()
    await fixture.passSeconds(10)
    expect(await economy.bondedAt(node, (first - 1000) as UnixMs)).toBe(0n)
    expect(await economy.bondedAt(node, first)).toBe(100n * TOKEN)
    expect(await economy.bondedAt(node, (first + 5000) as UnixMs)).toBe(100n * TOKEN)
    expect(await economy.bondedAt(node, second)).toBe(30n * TOKEN)
    expect(await economy.totalBondedAt(second)).toBe(before - 70n * TOKEN)
    const now = await chain.blockTime()
    for (const read of [() => economy.bondedAt(node, now), () => economy.totalBondedAt(now)]) {
      expect(await refusal(read())).toMatchObject({ error: 'NotYetPast', timestamp: BigInt(now / 1000) })
    }
  })

  it('takes everything from a node that says two things, what is thawing as well, once for a slot', async () => {
    const { fixture } = bench()
    const [owner, reporter] = [await fixture.connect(), await fixture.connect()]
    const node = await bench().bonded(owner, 100)
    await owner.economy.unbond(node.address, 40n * TOKEN)
    const slot = fixture.newSalt()
    const first = signStatement(node, slot, fixture.newSalt())
    const second = signStatement(node, slot, fixture.newSalt())
    const stranger = signStatement(fixture.newSigner(), slot, second.payload)
    const { economy } = reporter
    const say = (left: typeof first, right: typeof first) => refusal(economy.reportEquivocation(slot, left, right))
    expect(await say(first, first)).toEqual({ error: 'SamePayload', payload: first.payload })
    expect(await say(first, stranger)).toMatchObject({ error: 'DifferentSigners', first: node.address })
    expect(await say(first, { ...second, signature: new Uint8Array(65) })).toEqual({
      error: 'StatementSignatureInvalid',
    })
    const poor = fixture.newSigner()
    const lie = [signStatement(poor, slot, first.payload), signStatement(poor, slot, second.payload)] as const
    expect(await say(...lie)).toEqual({ error: 'NothingToSlash', node: poor.address })

    await economy.reportEquivocation(slot, first, second)
    expect(await economy.tokenBalance(reporter.chain.account)).toBe(1_000_010n * TOKEN)
    const bond = await economy.bondOf(node.address)
    expect(bond).toMatchObject({ operator: owner.chain.account, bondedTokenUnits: 0n, expelled: true })
    expect(bond.unbondings.map(({ tokenUnits }) => tokenUnits)).toEqual([0n])
    expect(await say(first, second)).toEqual({ error: 'AlreadyPunished', node: node.address, slot })
    expect(await refusal(owner.economy.bond(node.address, TOKEN, NOTHING))).toEqual({
      error: 'NodeExpelled',
      node: node.address,
    })
    await fixture.passSeconds(UNBOND_SECONDS + 10)
    expect(await refusal(owner.economy.withdraw(node.address))).toMatchObject({ error: 'NothingToWithdraw' })
  })
}
