import { KILLS } from './more-faults.ts'
import type { Mutant } from './mutant.ts'

const PROVIDER = 'packages/market/src/provider'
const PAYER = 'packages/market/src/payer'
const LEDGERS = 'packages/market/src/channel'
const ESCROW = 'packages/testkit/src/chain/memory-escrow.ts'

/** Faults of the market that leave something behind: money, deliveries, rows, or nodes that do not come back. */
export const moreMarketMutants: readonly Mutant[] = [
  {
    name: 'payments-at-once',
    what: 'two vouchers for one place of the bill are taken when they come together',
    file: `${PROVIDER}/pay-desk.ts`,
    from: `    return channel.account.queue.run(async () => {
      const providerSignature =`,
    to: `    return (async (work: () => Promise<PayReply>) => work())(async () => {
      const providerSignature =`,
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['two-vouchers'] },
    rule: 'receipts-verify',
  },
  {
    name: 'other-bill-kept',
    what: 'a provider keeps another bill than the one that it signed',
    file: `${PROVIDER}/pay-desk.ts`,
    from: `      increment: ask.increment,
      voucherSignature: ask.voucherSignature,`,
    to: `      increment: incrementSchema.encodeDocument({ ...increment, entries: increment.entries.slice(1) }),
      voucherSignature: ask.voucherSignature,`,
    profile: 'none',
    rule: 'one-bill',
  },
  {
    name: 'dust-left',
    what: 'a provider never claims the last micro-dollars of a voucher',
    file: `${PROVIDER}/provider-channel.ts`,
    from: 'return best > this.claimedMicroUsd ? best - this.claimedMicroUsd : 0n',
    to: 'return best > this.claimedMicroUsd + 9n ? best - this.claimedMicroUsd : 0n',
    profile: 'none',
    rule: 'units-paid',
  },
  {
    name: 'paid-a-little-more',
    what: 'each payment is a micro-dollar more than what was accepted',
    file: `${LEDGERS}/payer-ledger.ts`,
    from: 'const cumulative = greater(debt, delivered)',
    to: 'const cumulative = greater(debt, delivered) + 1n',
    profile: 'none',
    rule: 'paid-within-accepted',
  },
  {
    name: 'late-answer-not-refused',
    what: 'a result leaves and is billed although its payer has given the delivery up',
    file: `${LEDGERS}/provider-ledger.ts`,
    from: '      if (admitted !== undefined) {',
    to: '      if (admitted?.isRefused === true) {',
    profile: 'wires',
    rule: 'nothing-owed',
  },
  {
    name: 'rejection-not-told',
    what: 'a payer keeps to itself what it does not pay, unless it pays something else',
    file: `${PAYER}/channel-driver.ts`,
    from: 'if (mustTell && ledger.rejectionCount > 0) return () => this.#tell()',
    to: '',
    profile: 'wires',
    rule: 'nothing-owed',
  },
  {
    name: 'refused-ahead-for-ever',
    what: 'a stranger fills the memory with rejections of deliveries that nobody asked for',
    file: `${LEDGERS}/provider-ledger.ts`,
    from: 'if (this.#refusedAhead.size >= REFUSED_AHEAD_MAX) {',
    to: 'if (this.#refusedAhead.size < 0) {',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['hoards'] },
    rule: 'structures-bounded',
  },
  {
    name: 'channels-without-end',
    what: 'one payer opens as many channels as it likes',
    file: `${PROVIDER}/channel-desk.ts`,
    from: "if (own >= channelsPerPayerMax) refuse('channels of this payer are open', own, channelsPerPayerMax)",
    to: 'void channelsPerPayerMax',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['hoards'] },
    faultMinutes: 3,
    rule: 'structures-bounded',
  },
  {
    name: 'does-not-start-again',
    what: 'a payer that died with its first increment on the way cannot read its journal',
    file: `${PAYER}/driver-loader.ts`,
    from: 'if (head.before.index === 0) return microUsd(0n)',
    to: "if (head.before.index === 0) throw new RangeError('there is no receipt before the first')",
    profile: 'crashes',
    more: KILLS,
    rule: 'all-up',
  },
  {
    name: 'starts-deaf',
    what: 'a provider that has claimed before answers nobody after its next start',
    file: `${PROVIDER}/market-provider.ts`,
    from: `    await this.#channels.load()
    this.#isRunning = true`,
    to: `    await this.#channels.load()
    this.#isRunning = this.#settlements.length === 0`,
    profile: 'crashes',
    more: KILLS,
    rule: 'all-reachable',
  },
  {
    name: 'offers-not-renewed',
    what: 'a node tells of its offer too seldom to be known all the time',
    file: 'packages/market/src/options.ts',
    from: 'refreshMs: count(90_000, 100, 30 * MINUTE_MS)',
    to: 'refreshMs: count(30 * MINUTE_MS, 100, 30 * MINUTE_MS)',
    profile: 'none',
    faultMinutes: 8,
    rule: 'all-known',
  },
  {
    name: 'signed-and-still-accepted',
    what: "rows of deliveries stay on the payer's disk after they were signed",
    file: `${PAYER}/channel-journal.ts`,
    from: "this.#receiptRow(sent, undefined), ...entries], 'power')",
    to: "this.#receiptRow(sent, undefined), ...entries.slice(0, 0)], 'power')",
    profile: 'none',
    rule: 'journal-swept',
  },
  {
    name: 'refund-of-everything',
    what: 'the model of the Escrow gives back what was claimed already',
    file: ESCROW,
    from: 'microUsd(purse.seed.totalMicroUsd - purse.claimedMicroUsd) }',
    to: 'microUsd(purse.seed.totalMicroUsd) }',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['thaws'] },
    rule: 'value-conserved',
  },
]
