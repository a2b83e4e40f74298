import { address, type Hash, hash, microUsd, type RootResult, type TransactionOutcome } from '@stead/core'
import { keccakText, signStatement, slotOf } from '@stead/protocol'
import { RewardTree, rewardUnits } from '@stead/rewards'
import { encodeAbiParameters, keccak256 } from 'viem'
import { ChainNetwork, COVERAGE, share, signerOf, TOKEN, UTILITY } from './chain-network.ts'
import { type BenchRow, benchRow } from './row.ts'

/** Gas by name, with the figure that a first prototype had (21,000 base and calldata included in both). */
type Measured = readonly [name: string, gas: bigint, prototype: number | undefined]

const BATCH = 100
const VOTERS = 30
const DEPTH = 13
const TASKS = 1_000_000
const TASKS_PER_CHANNEL = 1000
const PROVIDERS_PER_PURSE = 10
const GWEI_PER_GAS = 0.1
const USD_PER_COIN = 3000

/** What each call costs on a local chain, by real transactions; the notes' prototype is the reference. */
export async function benchChain(): Promise<readonly BenchRow[]> {
  const network = await ChainNetwork.start()
  try {
    const payments = await payingGas(network)
    const rows = [...payments.measured, ...(await stakeGas(network)), ...(await rewardGas(network))]
    return [...rows.map(gasRow), ...batchRows(payments), ...taskRows(payments)]
  } finally {
    await network.stop()
  }
}

function gasRow([name, gas, prototype]: Measured): BenchRow {
  const reference = prototype === undefined ? undefined : { name: 'prototype', value: prototype }
  return benchRow({ name: `gas: ${name}`, unit: 'gas', value: Number(gas), reference, target: undefined })
}

interface PayingGas {
  readonly measured: readonly Measured[]
  readonly laterOf: ReadonlyMap<number, bigint>
  readonly fundForMany: bigint
  readonly firstBatch: bigint
  readonly payout: bigint
}

async function payingGas(network: ChainNetwork): Promise<PayingGas> {
  const { chain } = network
  const provider = { node: signerOf('node').address, operator: signerOf('operator').address }
  const single = network.purse([provider])
  // The first dollars of the Escrow and its allowance are paid for once, not by every payer.
  await chain.fund(network.purse([provider]))
  const fund = await chain.fund(single)
  const first = await chain.claim([single.claimOf(0, share(1))])
  const later = await chain.claim([single.claimOf(0, share(2), false)])
  const others = Array.from({ length: PROVIDERS_PER_PURSE - 1 }, (_, index) => ({
    node: signerOf(`node ${index}`).address,
    operator: signerOf(`operator ${index}`).address,
  }))
  const purses = Array.from({ length: BATCH }, () => network.purse([provider, ...others]))
  let fundForMany = 0n
  for (const purse of purses) fundForMany = (await chain.fund(purse)).gasUsed
  const firstBatch = await chain.claim(purses.map((purse) => purse.claimOf(0, share(1))))
  const laterOf = new Map<number, bigint>()
  for (const [index, count] of [1, 10, 50, BATCH].entries()) {
    const claims = purses.slice(0, count).map((purse) => purse.claimOf(0, share(2 + index), false))
    laterOf.set(count, (await chain.claim(claims)).gasUsed)
  }
  const payout = await chain.payout(provider.operator)
  const thaw = await chain.thaw(single.purse)
  const swap = await swapGas(network)
  const measured: Measured[] = [
    ['fund a purse', fund.gasUsed, 81_000],
    [`fund a purse of ${PROVIDERS_PER_PURSE} providers`, fundForMany, undefined],
    ['claim, first', first.gasUsed, 130_000],
    ['claim, later', later.gasUsed, 58_000],
    ['claim, 10 later ones of 10 payers', laterOf.get(10) ?? 0n, 209_000],
    [`claim, ${BATCH} later ones of ${BATCH} payers`, laterOf.get(BATCH) ?? 0n, 1_720_000],
    [`claim, ${BATCH} first ones, branches of 4`, firstBatch.gasUsed, undefined],
    ['payout', payout.gasUsed, 55_000],
    ['thaw', thaw.gasUsed, 46_000],
    ['swap on the exchange', swap.gasUsed, 96_000],
  ]
  return { measured, laterOf, fundForMany, firstBatch: firstBatch.gasUsed, payout: payout.gasUsed }
}

async function swapGas(network: ChainNetwork): Promise<TransactionOutcome> {
  const exchange = await network.chain.exchange(network.book)
  const request = { direction: 'dollars-to-tokens', amountIn: 1_000_000n, minimumOut: 1n } as const
  return await exchange.swap({ ...request, deadline: await network.later() })
}

async function stakeGas(network: ChainNetwork): Promise<readonly Measured[]> {
  const { economy } = network
  const liar = signerOf('liar')
  // The first tokens of Stake are paid for once. Checkpoints of one second share a place, so seconds pass in between.
  await network.bond(signerOf('first of all'), true)
  await network.passSeconds(2)
  const first = await network.bond(liar, true)
  await network.passSeconds(2)
  const again = await network.bond(liar, false)
  await network.passSeconds(2)
  const unbond = await economy.unbond(liar.address, TOKEN)
  const slot = slotOf('bench', [keccakText('slot')])
  const [one, other] = ['one', 'other'].map((text) => signStatement(liar, slot, hash(keccak256(keccakText(text)))))
  if (one === undefined || other === undefined) throw new TypeError('two statements were signed')
  await network.passSeconds(2)
  const report = await economy.reportEquivocation(slot, one, other)
  const leaver = signerOf('leaver')
  await network.bond(leaver, true)
  await economy.unbond(leaver.address, TOKEN)
  await network.passSeconds(14 * 86_400 + 1)
  const withdraw = await economy.withdraw(leaver.address)
  return [
    ['bond, first', first.gasUsed, 152_000],
    ['bond, again', again.gasUsed, 106_000],
    ['unbond', unbond.gasUsed, 106_000],
    ['withdraw', withdraw.gasUsed, 45_000],
    ['report an equivocation', report.gasUsed, 158_000],
  ]
}

async function rewardGas(network: ChainNetwork): Promise<readonly Measured[]> {
  const { economy } = network
  const voters = Array.from({ length: VOTERS }, (_, index) => signerOf(`voter ${index}`))
  for (const voter of voters) await network.bond(voter, true)
  const [proposer] = voters
  if (proposer === undefined) throw new TypeError('somebody proposes')
  const feesIn = await network.epochNow()
  const earner = await earnFees(network)
  await network.endEpoch()
  const { lot, costTokenUnits } = await economy.lotForSale()
  const buy = await economy.buyLot(lot, costTokenUnits)
  const accrue = await economy.accrue(earner, [feesIn])
  const { tree, leaf } = wideTree(earner)
  const evidence = hash(`0x${'ee'.repeat(32)}`)
  const propose = await economy.propose(feesIn, { root: tree.root, evidence }, proposer.address)
  const attempt = (await economy.proposal())?.attempt ?? 0
  await network.passWindow()
  const finalize = await economy.finalize(attempt)
  const claim = await economy.claimReward({ ...leaf, cumulative: leaf.cumulativeUnits, proof: tree.branch(leaf) })
  const sponsor = await economy.sponsor(COVERAGE, microUsd(1_000_000n))
  const dispute = await disputeGas(network, { epoch: feesIn + 1, voters, truth: { root: tree.root, evidence } })
  return [
    ['buy a lot', buy.gasUsed, 126_000],
    ['accrue one epoch', accrue.gasUsed, undefined],
    ['propose a root', propose.gasUsed, 74_000],
    ['finalize a root', finalize.gasUsed, 44_000],
    [`claim a reward, depth ${DEPTH}`, claim.gasUsed, 142_000],
    ['sponsor a program', sponsor.gasUsed, undefined],
    ...dispute,
  ]
}

async function earnFees(network: ChainNetwork) {
  const provider = { node: signerOf('earner node').address, operator: signerOf('earner').address }
  const purse = network.purse([provider])
  await network.chain.fund(purse)
  await network.chain.claim([purse.claimOf(0, share(10))])
  return provider.operator
}

/** A root of 2^13 operators, one of whom can claim something. */
function wideTree(operator: ReturnType<typeof address>) {
  const leaf = { program: UTILITY, operator, cumulativeUnits: rewardUnits(TOKEN) }
  const others = Array.from({ length: 2 ** DEPTH - 1 }, (_, index) => ({
    ...leaf,
    operator: address(`0x${(index + 1).toString(16).padStart(40, '0')}`),
  }))
  return { leaf, tree: new RewardTree([leaf, ...others]) }
}

async function disputeGas(
  network: ChainNetwork,
  { epoch, voters, truth }: { epoch: number; voters: readonly ReturnType<typeof signerOf>[]; truth: RootResult },
): Promise<readonly Measured[]> {
  const { economy } = network
  const [proposer, challenger] = voters
  if (proposer === undefined || challenger === undefined) throw new TypeError('two dispute')
  await network.endEpoch()
  const lie = { ...truth, root: hash(`0x${'1e'.repeat(32)}`) }
  await economy.propose(epoch, lie, proposer.address)
  const open = await economy.proposal()
  if (open === undefined) throw new TypeError('a proposal is open')
  const challenge = await economy.challenge(open.attempt, truth, challenger.address)
  const votes = voters.map((voter) => ({
    node: voter.address,
    signature: signStatement(voter, open.decisionSlot, payloadOf(truth)).signature,
  }))
  const decide = await economy.decide(open.attempt, truth, votes)
  return [
    ['challenge a root', challenge.gasUsed, undefined],
    [`decide with ${VOTERS} signatures`, decide.gasUsed, 403_000],
  ]
}

function payloadOf({ root, evidence }: RootResult): Hash {
  return hash(keccak256(encodeAbiParameters([{ type: 'bytes32' }, { type: 'bytes32' }], [root, evidence])))
}

function batchRows({ laterOf }: PayingGas): readonly BenchRow[] {
  const marginal = Number((laterOf.get(BATCH) ?? 0n) - (laterOf.get(50) ?? 0n)) / (BATCH - 50)
  return [
    benchRow({
      name: 'gas: each payer more in a batch of later claims',
      unit: 'gas',
      value: marginal,
      reference: { name: 'prototype', value: 17_200 },
      target: { limit: 18_000, better: 'less' },
    }),
  ]
}

/** Tasks cost no gas by themselves: funding a purse does, and one claim of each channel. */
function taskRows({ fundForMany, firstBatch, payout }: PayingGas): readonly BenchRow[] {
  const channels = TASKS / TASKS_PER_CHANNEL
  const purses = channels / PROVIDERS_PER_PURSE
  const batches = channels / BATCH
  const gas = purses * Number(fundForMany) + batches * (Number(firstBatch) + Number(payout))
  const assumed = `${TASKS.toLocaleString('en')} paid tasks, ${TASKS_PER_CHANNEL.toLocaleString('en')} a channel, purses of ${PROVIDERS_PER_PURSE} providers, each channel claimed once in batches of ${BATCH}`
  const dollars = (gas * GWEI_PER_GAS * USD_PER_COIN) / 1e9
  return [
    benchRow({ name: `gas: ${assumed}`, unit: 'Mgas', value: gas / 1e6, reference: undefined, target: undefined }),
    benchRow({
      name: `cost: the same at ${GWEI_PER_GAS} gwei and ${USD_PER_COIN} dollars a coin`,
      unit: 'USD',
      value: dollars,
      reference: undefined,
      target: undefined,
    }),
  ]
}
