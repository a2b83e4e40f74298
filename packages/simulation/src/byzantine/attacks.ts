import { microUsd } from '@stead/core'
import { unlessRefused } from '../engine/refusals.ts'
import type { Attack } from './attack.ts'
import type { HandCheat } from './cheats.ts'
import { floods, hoards, oversizes, starves } from './flood-attacks.ts'
import { HAND_ALLOCATION } from './hand-payer.ts'
import { foreignBranch, leafTwice, lyingSums, twoVouchers } from './purse-attacks.ts'
import { replaysTasks } from './replay-attack.ts'

/** More tasks than any window of a stranger holds. */
const FILL = 400
/** More than a payer that is refused gets. */
const SOME = 100
const AFTER_THAW_MS = 1000

/** Takes what credit there is and pays none of it. */
const neverPays: Attack = async (payer) => {
  const channel = await payer.begin()
  await channel?.runMany(FILL)
}

/** Earns credit by paying a window or some, and then takes it. */
const paysThenTakes: Attack = async (payer) => {
  const channel = await payer.begin()
  const rounds = 1 + Math.floor(payer.parts.random.fraction() * 4)
  for (let round = 0; channel !== undefined && round < rounds; round++) await channel.pay(await channel.runMany(FILL))
  await channel?.runMany(FILL)
}

/** Pays new work with what it signed before, or with what nobody signed, and the same place of the bill twice. */
const staleVoucher: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  await channel.pay(await channel.runMany(2))
  const entries = await channel.runMany(3)
  await channel.payAgain()
  await unlessRefused(channel.payOtherwise(entries))
  await unlessRefused(channel.payUnsigned(entries))
  // Enough for what was paid before, and not for this.
  await channel.pay(entries, channel.head?.cumulativeMicroUsd)
}

/** Takes results and says that they are wrong, again and again. */
const rejectsAll: Attack = async (payer) => {
  const channel = await payer.begin()
  for (let round = 0; channel !== undefined && round < 8; round++)
    await channel.reject(await channel.runMany(SOME), 'wrong-result')
}

/** Empties its purse while it is served, and takes back what nobody claims in time. */
const thaws: Attack = async (payer) => {
  const channel = await payer.begin()
  if (channel === undefined) return
  const { chain, clock } = payer.parts
  await channel.pay(await channel.runMany(5))
  // Unpaid, for the provider to write off.
  await channel.runMany(3)
  const { endsAt } = await chain.thaw(channel.facts.terms.purse)
  await channel.runMany(SOME)
  await clock.sleep(endsAt - (await chain.blockTime()) + AFTER_THAW_MS)
  await chain.close(channel.facts.terms.purse)
}

/** Opens channels and leaves them. */
const abandons: Attack = async (payer) => {
  for (let number = 0; number < 8; number++) {
    const target = payer.target()
    const quote = target === undefined ? undefined : await payer.quote(target.peer)
    if (quote === undefined) continue
    const purse = payer.purseFor(quote)
    await payer.fund(purse)
    await payer.open(quote, purse)
  }
}

/** Opens channels on purses that hold less than their leaves say, or that are on no chain. */
const lyingPurse: Attack = async (payer) => {
  const target = payer.target()
  const quote = target === undefined ? undefined : await payer.quote(target.peer)
  if (quote === undefined) return
  const isFunded = payer.parts.random.fraction() < 0.5
  const purse = payer.purseFor(quote, isFunded ? microUsd(10n) : HAND_ALLOCATION)
  if (isFunded) await payer.fund(purse)
  const channel = await payer.open(quote, purse)
  await channel.prepay()
  await channel.pay(await channel.runMany(10))
}

/** Opens channels on a funded purse whose leaf is another node's, or on one that thaws already. */
const foreignPurse: Attack = async (payer) => {
  const target = payer.target()
  const quote = target === undefined ? undefined : await payer.quote(target.peer)
  if (quote === undefined) return
  const isThawing = payer.parts.random.fraction() < 0.5
  const { address: node } = payer.parts.signer
  const purse = payer.purseFor(isThawing ? quote : { ...quote, quote: { ...quote.quote, node } })
  const id = await payer.fund(purse)
  if (isThawing) await payer.parts.chain.thaw(id)
  const channel = await payer.open(quote, purse)
  await channel.prepay()
  await channel.pay(await channel.runMany(10))
}

/** Attacks of payers that speak by hand. */
export const ATTACKS: Readonly<Record<HandCheat, Attack>> = {
  'never-pays': neverPays,
  'pays-then-takes': paysThenTakes,
  'stale-voucher': staleVoucher,
  'rejects-all': rejectsAll,
  thaws,
  abandons,
  'lying-purse': lyingPurse,
  'foreign-purse': foreignPurse,
  'replays-tasks': replaysTasks,
  floods,
  'leaf-twice': leafTwice,
  'foreign-branch': foreignBranch,
  'lying-sums': lyingSums,
  'two-vouchers': twoVouchers,
  oversizes,
  hoards,
  starves,
}
