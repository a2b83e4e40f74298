import type { Address, Hash } from '@stead/core'
import type { EarningsReport, ProviderChannelReport, StoredReceipt } from '@stead/market'
import { type CreditTerms, quoteSchema } from '@stead/protocol'
import type { LivePayer, LiveProvider, SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { largestWindowMicroUsd } from './credit-model.ts'
import { receiptFault } from './receipt-fault.ts'
import type { Violations } from './violations.ts'

/** What honest payers have from each node. */
export type BoughtReceipts = ReadonlyMap<LivePayer, ReadonlyMap<Address, readonly StoredReceipt[]>>

/** An honest provider that lives, and what its payers say. */
export interface HonestProvider {
  readonly node: SimNode
  readonly provider: LiveProvider
  readonly bought: BoughtReceipts
}

/** Share of what a payer paid that it may leave unpaid besides, in hundredths of a percent: the default of the option. */
const WRITE_OFF_SHARE_BPS = 500n

/** An honest provider has its money, and nobody cost it more than the window that it gave. */
export async function checkProvider(world: World, sides: HonestProvider, violations: Violations): Promise<void> {
  const { node, provider, bought } = sides
  const { name } = node.plan
  const receipts = await provider.market.receipts({})
  const fault = receiptFault(world.parts, receipts)
  violations.check(fault === undefined, 'receipts-verify', () => `${name}: ${fault}`, [name])
  const earnings = await provider.market.earnings()
  const undone = undonePurses(world, receipts)
  checkClaims(world, { node, earnings, undone }, violations)
  for (const [peer, channels] of Map.groupBy(earnings.channels, (channel) => channel.peer)) {
    const own = receipts.filter((receipt) => receipt.peer === peer)
    checkCredit(world, { node, channels, receipts: own, undone }, violations)
  }
  checkAgreement(world, { node, earnings, receipts, bought }, violations)
}

/** Every voucher became money, and the books say how much. */
function checkClaims(
  world: World,
  {
    node,
    earnings,
    undone,
  }: { readonly node: SimNode; readonly earnings: EarningsReport; readonly undone: ReadonlySet<Hash> },
  violations: Violations,
): void {
  const { name } = node.plan
  const { escrow } = world.parts.ledger
  let claimed = 0n
  for (const { channel, paidMicroUsd, claimedMicroUsd, peer } of earnings.channels) {
    const onChain = escrow.claimedMicroUsd(channel)
    claimed += onChain
    const other = world.nodes.find(({ plan }) => plan.peer === peer)
    const payer = other?.plan.name ?? 'nobody'
    // A cheat does not lock again what another fork undid; what that may cost is the rule of the provider's loss.
    const isWorthless = undone.has(channel) && other?.isHonest === false
    violations.check(
      (onChain === paidMicroUsd || isWorthless) && claimedMicroUsd === onChain,
      'all-claimed',
      () =>
        `${name}: of ${paidMicroUsd} on ${channel} (${payer}) ${onChain} is claimed, its books say ${claimedMicroUsd}`,
      [name, payer],
    )
  }
  violations.check(
    earnings.grossMicroUsd === claimed,
    'claims-in-books',
    () => `${name} claimed ${claimed} micro-dollars, its settlements say ${earnings.grossMicroUsd}`,
    [name],
  )
}

interface Account {
  readonly node: SimNode
  readonly channels: readonly ProviderChannelReport[]
  /** Of this payer. */
  readonly receipts: readonly StoredReceipt[]
  /** Channels whose funding another fork undid. */
  readonly undone: ReadonlySet<Hash>
}

/** What one payer has out is within the window; what it ever cost is that and what may be written off. */
function checkCredit(world: World, { node, channels, receipts, undone }: Account, violations: Violations): void {
  const { name, writeOffMaxMicroUsd } = node.plan
  const [first] = channels
  if (first === undefined) return
  const payer = world.nodes.find(({ plan }) => plan.peer === first.peer)?.plan.name ?? 'nobody'
  const who = [name, payer]
  const terms = termsOf(receipts)
  const windowMicroUsd = terms === undefined ? 0n : largestWindowMicroUsd(receipts, terms)
  const out = channels.reduce((sum, channel) => sum + unpaidOf(channel), 0n)
  violations.check(
    out <= windowMicroUsd,
    'credit-window',
    () => `${name}: ${payer} has ${out} micro-dollars of work unpaid, its window is ${windowMicroUsd} at the most`,
    who,
  )
  // After a loss of power a provider may have forgotten what it delivered and was owed; that is no cheat's doing.
  if (node.powerLosses > 0) return
  const { amountMicroUsd, repeated } = world.parts.witness.delivered(name, first.peer)
  violations.check(
    repeated === undefined,
    'delivered-once',
    () => `${name} delivered ${repeated} to ${payer} twice`,
    who,
  )
  // Vouchers were worth what they say until another fork undid the funding: a provider that does not wait for
  // confirmations takes that on itself, whatever its window is.
  const worthOf = ({ channel, paidMicroUsd }: ProviderChannelReport): bigint =>
    undone.has(channel) ? paidMicroUsd : world.parts.ledger.escrow.claimedMicroUsd(channel)
  const paid = channels.reduce((sum, channel) => sum + worthOf(channel), 0n)
  const mayLose = windowMicroUsd + writeOffMaxMicroUsd + (paid * WRITE_OFF_SHARE_BPS) / 10_000n
  violations.check(
    amountMicroUsd - paid <= mayLose,
    'provider-loss',
    () => `${name} delivered ${amountMicroUsd} to ${payer} and got ${paid}; it may lose ${mayLose} at the most`,
    who,
  )
}

/** Channels whose purse was on chain and is not any more. */
function undonePurses({ parts: { ledger } }: World, receipts: readonly StoredReceipt[]): ReadonlySet<Hash> {
  const undone = receipts.filter(({ evidence: { terms } }) => {
    return ledger.hadPurse(terms.purse) && ledger.escrow.purse(terms.purse) === undefined
  })
  return new Set(undone.map(({ evidence }) => evidence.channel))
}

function unpaidOf({ billedMicroUsd, outstandingMicroUsd, paidMicroUsd }: ProviderChannelReport): bigint {
  const unpaid = billedMicroUsd + outstandingMicroUsd - paidMicroUsd
  return unpaid > 0n ? unpaid : 0n
}

function termsOf(receipts: readonly StoredReceipt[]): CreditTerms | undefined {
  const signed = receipts[0]?.evidence.quotes[0]
  return signed === undefined ? undefined : quoteSchema.decodeDocument(signed.document).credit
}

/**
 * What an honest payer and an honest provider signed for one place of a bill is the same, what was receipted is never
 * forgotten, and without a loss of power their books never part and every delivery is paid or rejected.
 */
function checkAgreement(
  world: World,
  own: {
    readonly node: SimNode
    readonly earnings: EarningsReport
    readonly receipts: readonly StoredReceipt[]
    readonly bought: BoughtReceipts
  },
  violations: Violations,
): void {
  const { name, signer } = own.node.plan
  const channels = new Map(own.earnings.channels.map((report) => [report.channel, report] as const))
  const places = new Map(own.receipts.map((receipt) => [placeOf(receipt), receipt] as const))
  for (const { plan, payer, powerLosses } of world.payers) {
    const who = [name, plan.name]
    for (const receipt of (payer === undefined ? undefined : own.bought.get(payer)?.get(signer.address)) ?? []) {
      const other = places.get(placeOf(receipt))
      const isSame = other === undefined || equal(other.incrementBytes, receipt.incrementBytes)
      violations.check(
        isSame,
        'one-bill',
        () => `${name} and ${plan.name} signed two bills for ${placeOf(receipt)}`,
        who,
      )
      const isKept = other !== undefined || receipt.providerSignature === undefined
      violations.check(isKept, 'receipts-kept', () => `${name} forgot the receipt of ${placeOf(receipt)}`, who)
    }
    if (powerLosses + own.node.powerLosses > 0) continue
    for (const { id, lostReason } of payer?.market.channels() ?? []) {
      const owed = lostReason === undefined ? (channels.get(id)?.outstandingMicroUsd ?? 0n) : 0n
      violations.check(
        owed === 0n,
        'nothing-owed',
        () => `${name} waits for ${owed} micro-dollars on ${id}, ${plan.name} neither pays nor rejects them`,
        who,
      )
      const isBroken = channels.get(id)?.state === 'broken' || lostReason === 'books-disagree'
      const isTheirs = channels.has(id)
      violations.check(
        !isTheirs || !isBroken,
        'books-agree',
        () => `${name} and ${plan.name} do not agree on ${id}`,
        who,
      )
    }
  }
}

function placeOf({ evidence, increment }: StoredReceipt): string {
  return `${evidence.channel}/${increment.index}`
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}
