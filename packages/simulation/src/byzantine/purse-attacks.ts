import { type MicroUsd, microUsd } from '@stead/core'
import type { PurseBranch, PurseLeaf } from '@stead/protocol'
import { unlessRefused } from '../engine/refusals.ts'
import type { Attack } from './attack.ts'
import type { HandChannel } from './hand-channel.ts'
import { HAND_ALLOCATION, type HandPayer, type HandPurse, type HandQuote } from './hand-payer.ts'

/** What is in a purse that should hold much more. */
const LITTLE: MicroUsd = microUsd(10n)
const ALMOST_ALL: MicroUsd = microUsd((1n << 63n) - 1n)
const TASKS = 10

/** Quotes of two providers; fewer when there are not so many. */
async function twoQuotes(payer: HandPayer): Promise<readonly HandQuote[]> {
  const quotes = await Promise.all(payer.targets(2).map(({ peer }) => payer.quote(peer)))
  return quotes.flatMap((quote) => quote ?? [])
}

function leafOf({ quote }: HandQuote, allocationMicroUsd: MicroUsd): PurseLeaf {
  return { node: quote.node, operator: quote.operator, allocationMicroUsd }
}

/** Shows one leaf of a good purse to its provider twice, and to another provider as if it were its own. */
export const leafTwice: Attack = async (payer) => {
  const [first, second] = await twoQuotes(payer)
  if (first === undefined || second === undefined) return
  const leaves = [leafOf(first, HAND_ALLOCATION), leafOf(second, LITTLE)]
  const [own, little] = payer.pursesFor(leaves)
  if (own === undefined || little === undefined) return
  await payer.fund(own)
  const channel = await payer.open(first, own)
  await channel.prepay()
  const quote = await payer.quote(first.peer)
  const again = quote === undefined ? undefined : await unlessRefused(payer.open(quote, own))
  const entries = await channel.runMany(TASKS)
  await channel.pay(entries)
  if (again !== undefined) await unlessRefused(again.pay(await again.runMany(TASKS)))
  await unlessRefused(serveOn(payer, second, own))
  await unlessRefused(serveOn(payer, second, { ...little, allocationMicroUsd: HAND_ALLOCATION }))
}

/** Shows the branch of a large purse that nobody funded under a small one that is funded. */
export const foreignBranch: Attack = async (payer) => {
  const [first, second] = await twoQuotes(payer)
  if (first === undefined) return
  const small = payer.purseFor(first, LITTLE)
  const others = second === undefined ? [] : [leafOf(second, HAND_ALLOCATION)]
  const [large] = payer.pursesFor([leafOf(first, microUsd(HAND_ALLOCATION + 1n)), ...others])
  if (large === undefined) return
  await payer.fund(small)
  const { branch, allocationMicroUsd } = large
  await unlessRefused(serveOn(payer, first, { seed: small.seed, branch, allocationMicroUsd }))
  await unlessRefused(serveOn(payer, first, { ...large, seed: { ...large.seed, totalMicroUsd: LITTLE } }))
}

/** Locks little under a root of much, with sums on the way that make it come out right. */
export const lyingSums: Attack = async (payer) => {
  const [first, second] = await twoQuotes(payer)
  if (first === undefined || second === undefined) return
  const [honest] = payer.pursesFor([leafOf(first, HAND_ALLOCATION), leafOf(second, LITTLE)])
  if (honest === undefined) return
  const poor = { ...honest, seed: { ...honest.seed, totalMicroUsd: LITTLE } }
  await payer.fund(poor)
  for (const siblingMicroUsd of [microUsd(0n), LITTLE, ALMOST_ALL])
    await unlessRefused(serveOn(payer, first, { ...poor, branch: withSum(honest.branch, siblingMicroUsd) }))
}

/** Signs two vouchers for one place of the bill and sends them at once. */
export const twoVouchers: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  for (let round = 0; round < 3; round++) {
    const [left, right] = [await channel.runMany(2), await channel.runMany(2)]
    await unlessRefused(channel.payTwice(left, right))
  }
}

async function serveOn(payer: HandPayer, quote: HandQuote, purse: HandPurse): Promise<void> {
  const channel: HandChannel = await payer.open(quote, purse)
  await channel.prepay()
  await channel.pay(await channel.runMany(TASKS))
}

function withSum({ index, steps }: PurseBranch, siblingMicroUsd: MicroUsd): PurseBranch {
  return { index, steps: steps.map((step) => ({ ...step, siblingMicroUsd })) }
}
