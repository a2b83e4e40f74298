import type { RootResult } from '@stead/core'
import { signStatement } from '@stead/protocol'
import { expect, it } from 'vitest'
import { COMPLIANCE_TERMS, type EconomyAccount, type EconomyBench, refusal, TOKEN, UTILITY } from './bench.ts'

const DEPOSIT = 100n * TOKEN
const DAY_SECONDS = 86_400
/** A signature for something else is the word of some stranger, whose address may even be out of order. */
const NOT_COUNTED: unknown = expect.stringMatching(/^(NotEnoughVotes|VotesNotSorted)$/)

/** Proposals, challenges, votes, and what becomes of deposits. */
export function rootTests(bench: () => EconomyBench): void {
  const anyResult = (): RootResult => bench().resultOf(UTILITY, bench().fixture.newSigner().address, 5n)
  const passWindow = () => bench().fixture.passSeconds(COMPLIANCE_TERMS.challengeSeconds + 1)
  /** What a balance has changed by since. */
  const changeOf = async ({ chain, economy }: EconomyAccount) => {
    const before = await economy.tokenBalance(chain.account)
    return async () => (await economy.tokenBalance(chain.account)) - before
  }

  it('takes one proposal at a time, of an epoch that is over, from an operator with stake', async () => {
    const { fixture } = bench()
    const [owner, other] = [await fixture.connect(), await fixture.connect()]
    const { economy } = owner
    const node = (await bench().bonded(owner)).address
    const small = (await bench().bonded(other, 999)).address
    await bench().passEpoch()
    const now = await bench().epochNow(owner)
    const result = anyResult()
    expect(await economy.proposal()).toBeUndefined()
    expect(await refusal(economy.finalize(1))).toEqual({ error: 'NoProposal' })
    expect(await refusal(economy.propose(now, result, node))).toMatchObject({
      error: 'EpochNotOver',
      epoch: BigInt(now),
    })
    expect(await refusal(other.economy.propose(now - 1, result, node))).toEqual({
      error: 'NotTheNodesOperator',
      caller: other.chain.account,
      operator: owner.chain.account,
    })
    expect(await refusal(other.economy.propose(now - 1, result, small))).toEqual({
      error: 'StakeTooSmall',
      bonded: 999n * TOKEN,
      minimum: 1000n * TOKEN,
    })
    const change = await changeOf(owner)
    await economy.propose(now - 1, result, node)
    const open = await bench().open(owner)
    expect(open).toEqual({
      epoch: now - 1,
      attempt: 1,
      proposer: owner.chain.account,
      proposed: result,
      challenge: undefined,
      endsAt: (await owner.chain.blockTime()) + 1000 * COMPLIANCE_TERMS.challengeSeconds,
      decisionSlot: open.decisionSlot,
    })
    expect(await change()).toBe(-DEPOSIT)
    expect(await refusal(economy.propose(now - 1, result, node))).toEqual({ error: 'ProposalOpen', attempt: 1n })
    expect(await refusal(economy.finalize(1))).toMatchObject({ error: 'WindowOpen' })
    expect(await refusal(economy.drop(1))).toEqual({ error: 'NotChallenged' })
    expect(await refusal(economy.finalize(2))).toEqual({ error: 'WrongAttempt', attempt: 2n, open: 1n })
    expect(await economy.finalRoot()).toBeUndefined()
    await passWindow()
    expect(await refusal(economy.challenge(1, anyResult(), node))).toMatchObject({ error: 'WindowOver' })
    await other.economy.finalize(1)
    expect(await change()).toBe(0n)
    expect(await economy.proposal()).toBeUndefined()
    expect(await economy.finalRoot()).toEqual({ epoch: now - 1, ...result })
    expect(await refusal(economy.propose(now - 1, anyResult(), node))).toEqual({
      error: 'EpochAlreadyFinal',
      epoch: BigInt(now - 1),
      finalEpoch: BigInt(now - 1),
    })
  })

  it('is decided by more than two thirds of the stake at the epoch’s end, and the loser’s deposit is shared', async () => {
    const { fixture } = bench()
    const [liar, honest] = [await fixture.connect(), await fixture.connect()]
    const nodes = [await bench().bonded(honest, 300_000), await bench().bonded(honest, 300_000)] as const
    const lying = await bench().bonded(liar, 300_000)
    await bench().passEpoch()
    const epoch = (await bench().epochNow(liar)) - 1
    // Stake that came later has no vote, and stake that left still has.
    const late = await bench().bonded(honest, 300_000)
    const [lie, truth] = [anyResult(), anyResult()]
    await liar.economy.propose(epoch, lie, lying.address)
    const { attempt } = await bench().open(liar)
    const { economy } = honest
    expect(await refusal(economy.challenge(attempt, lie, nodes[0].address))).toEqual({ error: 'SameResult' })
    expect(await refusal(economy.challenge(attempt + 1, truth, nodes[0].address))).toMatchObject({
      error: 'WrongAttempt',
    })
    const changes = [await changeOf(liar), await changeOf(honest)] as const
    await economy.challenge(attempt, truth, nodes[0].address)
    const open = await bench().open(liar)
    expect(open.challenge).toEqual({ challenger: honest.chain.account, other: truth })
    expect(open.endsAt).toBe((await honest.chain.blockTime()) + 1000 * COMPLIANCE_TERMS.decisionSeconds)
    expect(await refusal(liar.economy.challenge(attempt, truth, lying.address))).toEqual({
      error: 'AlreadyChallenged',
      challenger: honest.chain.account,
    })
    expect(await refusal(liar.economy.finalize(attempt))).toMatchObject({ error: 'AlreadyChallenged' })

    const vote = (of: typeof lying, result = truth) => bench().vote(of, open.decisionSlot, result)
    const decide = (votes: ReturnType<typeof vote>[]) => economy.decide(attempt, truth, votes)
    // Two of three that vote are less than two thirds, because some of the first case's stake is silent.
    const two = [vote(nodes[0]), vote(nodes[1])]
    const short = await refusal(decide([...two, vote(late), vote(fixture.newSigner())]))
    expect(short).toMatchObject({ error: 'NotEnoughVotes', stakeFor: 600_000n * TOKEN })
    expect(await refusal(decide([vote(nodes[0]), vote(nodes[0]), ...two]))).toMatchObject({ error: 'VotesNotSorted' })
    expect(await refusal(decide([...two, { ...vote(lying), signature: new Uint8Array(65) }]))).toEqual({
      error: 'StatementSignatureInvalid',
    })
    // A vote for something else is the word of nobody with stake.
    expect(await refusal(decide([...two, vote(lying, lie)]))).toMatchObject({ error: NOT_COUNTED })
    await decide([vote(lying), ...two])
    expect(await economy.finalRoot()).toEqual({ epoch, ...truth })
    expect([await changes[0](), await changes[1]()]).toEqual([0n, DEPOSIT / 2n])
  })

  it('lets voters choose a third result, and then nobody gets a deposit back', async () => {
    const { fixture } = bench()
    const liar = await fixture.connect()
    const big = await bench().bonded(liar, 900_000)
    const bigger = [await fixture.connect(), await fixture.connect()]
    const more = await Promise.all(bigger.map((account) => bench().bonded(account, 900_000)))
    await bench().passEpoch()
    const epoch = (await bench().epochNow(liar)) - 1
    const [first, second, truth] = [anyResult(), anyResult(), anyResult()]
    await liar.economy.propose(epoch, first, big.address)
    const { attempt } = await bench().open(liar)
    const change = await changeOf(liar)
    await liar.economy.challenge(attempt, second, big.address)
    const { decisionSlot } = await bench().open(liar)
    const votes = [big, ...more].map((node) => bench().vote(node, decisionSlot, truth))
    await liar.economy.decide(attempt, truth, votes)
    expect(await change()).toBe(-DEPOSIT)
    expect(await liar.economy.finalRoot()).toEqual({ epoch, ...truth })

    await bench().passEpoch()
    await liar.economy.propose(epoch + 1, first, big.address)
    const next = await bench().open(liar)
    const forFirst = [big, ...more].map((node) => bench().vote(node, next.decisionSlot, first))
    // The slot is of this proposal alone: the votes of the last one are strangers' words.
    expect(await refusal(liar.economy.decide(next.attempt, truth, votes))).toMatchObject({ error: NOT_COUNTED })
    await liar.economy.decide(next.attempt, first, forFirst)
    expect(await change()).toBe(-DEPOSIT)
  })

  it('does not count nodes that were expelled meanwhile', async () => {
    const { fixture } = bench()
    const account = await fixture.connect()
    const node = await bench().bonded(account, 990_000)
    await bench().passEpoch()
    const epoch = (await bench().epochNow(account)) - 1
    const result = anyResult()
    await account.economy.propose(epoch, result, node.address)
    const { attempt, decisionSlot } = await bench().open(account)
    const slot = fixture.newSalt()
    const said = [signStatement(node, slot, fixture.newSalt()), signStatement(node, slot, fixture.newSalt())] as const
    await account.economy.reportEquivocation(slot, ...said)
    const votes = [bench().vote(node, decisionSlot, result)]
    expect(await refusal(account.economy.decide(attempt, result, votes))).toMatchObject({ stakeFor: 0n })
    await passWindow()
    expect(await refusal(account.economy.decide(attempt, result, votes))).toMatchObject({ error: 'WindowOver' })
    await account.economy.finalize(attempt)
  })

  it('drops what nobody decides in time, gives both deposits back, and takes the next proposal', async () => {
    const { fixture } = bench()
    const [proposer, challenger] = [await fixture.connect(), await fixture.connect()]
    const [left, right] = [await bench().bonded(proposer), await bench().bonded(challenger)]
    await bench().passEpoch()
    const epoch = (await bench().epochNow(proposer)) - 1
    const changes = [await changeOf(proposer), await changeOf(challenger)] as const
    await proposer.economy.propose(epoch, anyResult(), left.address)
    const { attempt } = await bench().open(proposer)
    await challenger.economy.challenge(attempt, anyResult(), right.address)
    expect(await refusal(proposer.economy.drop(attempt))).toMatchObject({ error: 'WindowOpen' })
    await passWindow()
    const final = await proposer.economy.finalRoot()
    await (await fixture.connect()).economy.drop(attempt)
    expect([await changes[0](), await changes[1]()]).toEqual([0n, 0n])
    expect(await proposer.economy.finalRoot()).toEqual(final)
    const result = anyResult()
    await bench().makeFinal(proposer, left.address, result)
    expect(await proposer.economy.finalRoot()).toMatchObject(result)
  })

  it('takes no proposal that could not be voted on before stake leaves', async () => {
    const account = await bench().fixture.connect()
    const { economy, chain } = account
    const node = await bench().bonded(account)
    await bench().passEpoch()
    const epoch = (await bench().epochNow(account)) - 1
    await bench().fixture.passSeconds(12 * DAY_SECONDS)
    const { genesisAt, epochSeconds } = await economy.epochTerms()
    const lastMoment = genesisAt / 1000 + (epoch + 1) * epochSeconds + 12 * DAY_SECONDS - 200
    expect(await refusal(economy.propose(epoch, anyResult(), node.address))).toEqual({
      error: 'EpochTooOld',
      epoch: BigInt(epoch),
      lastMoment: BigInt(lastMoment),
    })
    const poor = await bench().fixture.connect()
    const all = (await economy.tokenBalance(poor.chain.account)) - TOKEN
    const theirs = bench().fixture.newSigner()
    await poor.economy.bond(theirs.address, all, bench().consentOf(theirs, poor))
    await expect(poor.economy.propose(0, anyResult(), theirs.address)).rejects.toMatchObject({
      code: 'CHAIN_INSUFFICIENT_FUNDS',
      details: { account: poor.chain.account, needTokenUnits: DEPOSIT, haveTokenUnits: TOKEN },
    })
    expect(chain.account).not.toBe(poor.chain.account)
  })
}
