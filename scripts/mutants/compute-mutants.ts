import type { Mutant } from './mutant.ts'

const PROVIDER = 'packages/compute/src/provider'
const CONSUMER = 'packages/compute/src/consumer'

/** Faults of compute. */
export const computeMutants: readonly Mutant[] = [
  {
    name: 'first-answer-agrees',
    what: 'one answer is enough, whatever the quorum is',
    file: `${CONSUMER}/verdict.ts`,
    from: 'const isAgreed = bestCount >= wanted &&',
    to: 'const isAgreed = bestCount > 0 &&',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['wrong-result'] },
    rule: 'trust-earned',
  },
  {
    name: 'rejected-task-paid',
    what: 'an answer that lost is accepted with those that won',
    file: `${CONSUMER}/assessor.ts`,
    from: 'const unpaid = agreeing.filter(({ isAccepted }) => !isAccepted)',
    to: 'const unpaid = task.answers.filter(({ isAccepted }) => !isAccepted)',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['wrong-result'] },
    rule: 'bill-is-sum',
  },
  {
    name: 'rejected-task-counted',
    what: 'the history counts an answer that lost among the accepted ones',
    file: `${CONSUMER}/job-ledger.ts`,
    from: `    for (const answer of agreeing) {
      this.#accept(answer)`,
    to: `    for (const answer of task.answers) {
      this.#accept(answer)`,
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['wrong-result'] },
    rule: 'only-right-paid',
  },
  {
    name: 'price-unchecked',
    what: 'a payer pays what an answer says, and not what the quote gives',
    file: `${CONSUMER}/dispatch.ts`,
    from: 'if (answer.amountMicroUsd !== due) {',
    to: 'if (answer.amountMicroUsd < due) {',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['over-bills'] },
    rule: 'no-own-fault',
  },
  {
    name: 'cap-ignored',
    what: 'a job spends more than its cap',
    file: `${CONSUMER}/budget.ts`,
    from: 'return added <= this.freeMicroUsd',
    to: 'return added <= this.freeMicroUsd + 1_000n',
    profile: 'none',
    nodes: 24,
    rule: 'within-cap',
  },
  {
    name: 'room-not-given-back',
    what: 'a delivery that was refused or failed keeps its room with the provider',
    file: `${PROVIDER}/compute-provider.ts`,
    from: `        admission.release()
        this.#slots.dismiss(request.peer)`,
    to: '        this.#slots.dismiss(request.peer)',
    profile: 'all',
    more: { byzantineShare: 0.3, cheats: ['never-pays', 'thaws'] },
    rule: 'nothing-held',
  },
  {
    name: 'place-not-given-back',
    what: 'a task that is done keeps its place in the queue of its payer',
    file: `${PROVIDER}/compute-provider.ts`,
    from: `        admission.release()
        this.#slots.dismiss(request.peer)`,
    to: '        admission.release()',
    profile: 'none',
    rule: 'nothing-held',
  },
]
