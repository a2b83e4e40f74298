import { KILLS } from './more-faults.ts'
import type { Mutant } from './mutant.ts'

const CONSUMER = 'packages/compute/src/consumer'
const PAYER = 'packages/market/src/payer'
const LEDGERS = 'packages/market/src/channel'

/** Money and room that are taken and not given back, and purses that are lost sight of. */
export const moneyMutants: readonly Mutant[] = [
  {
    name: 'refused-still-held',
    what: 'what an answer costs that is refused stays on the budget of its job',
    file: `${CONSUMER}/assessor.ts`,
    from: '    this.#budget.shrink(answer.channel, answer.amountMicroUsd, 0n)\n',
    to: '',
    profile: 'byzantine',
    rule: 'job-money',
  },
  {
    name: 'lost-still-held',
    what: 'what a delivery could have cost that is lost stays on the budget of its job',
    file: `${CONSUMER}/job-placer.ts`,
    from: "      budget.shrink(lane.channel.id, reservation.maximumMicroUsd, 0n)\n      if (result.kind === 'lie')",
    to: "      if (result.kind === 'lie')",
    profile: 'crashes',
    more: KILLS,
    rule: 'job-money',
  },
  {
    name: 'most-still-held',
    what: 'an answer that cost less than its most keeps all of that on the budget',
    file: `${CONSUMER}/job-placer.ts`,
    from: '      budget.shrink(lane.channel.id, reservation.maximumMicroUsd, result.amountMicroUsd)\n',
    to: '',
    profile: 'none',
    nodes: 5,
    rule: 'job-money',
  },
  {
    name: 'accepted-still-held',
    what: 'what is accepted counts as in flight as well',
    file: `${CONSUMER}/assessor.ts`,
    from: '    for (const { channel, amountMicroUsd } of unpaid) this.#budget.spend(channel, amountMicroUsd)\n',
    to: '',
    profile: 'none',
    rule: 'job-money',
  },
  {
    name: 'spent-forgotten',
    what: 'a job that goes on after a crash has its whole cap once more',
    file: `${CONSUMER}/job-runner.ts`,
    from: '    this.#budget.restore(recorder.ledger.spentMicroUsd)\n',
    to: '',
    profile: 'byzantine',
    more: KILLS,
    nodes: 8,
    faultMinutes: 3,
    rule: 'within-cap',
  },
  {
    name: 'room-of-accepted-kept',
    what: 'an accepted delivery keeps the room that was reserved for it',
    file: `${LEDGERS}/payer-ledger.ts`,
    from: '    this.#openSum -= maximum\n',
    to: '',
    profile: 'none',
    rule: 'room-given-back',
  },
  {
    name: 'room-of-rejected-kept',
    what: 'a rejected delivery keeps its room when its provider was told',
    file: `${LEDGERS}/payer-ledger.ts`,
    from: '      this.#openSum -= refused.maximum\n',
    to: '',
    profile: 'none',
    rule: 'room-given-back',
  },
  {
    name: 'landed-still-in-flight',
    what: 'what has ended counts as in flight in the numbers of a channel',
    file: `${LEDGERS}/payer-ledger.ts`,
    from: '    this.#inFlightSum -= flight.maximum\n',
    to: '',
    profile: 'none',
    rule: 'room-given-back',
  },
  {
    name: 'purses-looked-at-once',
    what: 'a payer that looked after its purses once never looks again',
    file: `${PAYER}/market-payer.ts`,
    from: '    this.#confirmTimer = undefined\n    if (!this.#isRunning',
    to: '    if (!this.#isRunning',
    profile: 'chain',
    more: { reorgs: 6, crashes: 0 },
    nodes: 6,
    faultMinutes: 4,
    rule: 'purses-locked',
  },
]
