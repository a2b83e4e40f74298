import type { Mutant } from './mutant.ts'

const EPOCHS = 'packages/epochs/src'
const REWARDS = 'packages/rewards/src'
const ECONOMY = 'packages/testkit/src/chain/economy'

/** Faults in who gets what of epochs, and in the model of the contracts that pay it. */
export const moreEpochMutants: readonly Mutant[] = [
  {
    name: 'nothing-claimed-again',
    what: 'a reward that was claimed already is claimed again and again, and refused each time',
    file: `${EPOCHS}/claim-finder.ts`,
    from: 'plan.lines.filter(({ payableUnits }) => payableUnits > 0n)',
    to: 'plan.lines.filter(({ payableUnits }) => payableUnits >= 0n)',
    profile: 'none',
    faultMinutes: 6,
    rule: 'duties-run',
  },
  {
    name: 'challenge-is-right',
    what: 'watchers vote for whoever challenges a root, although the root is true',
    file: `${EPOCHS}/watcher.ts`,
    from: "if (proposed.verdict === 'match') return open.proposed",
    to: "if (proposed.verdict === 'match') return open.challenge?.other ?? open.proposed",
    profile: 'byzantine',
    more: { byzantineShare: 0.5, cheats: ['false-roots'] },
    nodes: 8,
    rule: 'honest-deposit',
  },
  {
    name: 'empty-log-unsaid',
    what: 'a prober to whom nobody was given to probe publishes no log',
    file: `${EPOCHS}/probing-desk.ts`,
    from: 'if (this.#published.has(epoch)) return',
    to: 'if (this.#published.has(epoch) || round.targets === 0) return',
    profile: 'none',
    rule: 'logs-counted',
  },
  {
    name: 'notices-kept-again',
    what: 'a notice is kept each time that it is said, and a node may say as many as it likes',
    file: `${EPOCHS}/notice-board.ts`,
    from: `    const name = [kind, node, document, evidence, root, attempt].join(' ')
    const { all, byNode } = this.#notices.get(notice.epoch) ?? { all: new Map(), byNode: new Map() }
    this.#notices.set(notice.epoch, { all, byNode })
    if (all.has(name)) return false
    const ofNode = byNode.get(node) ?? new Set()
    const isNodeFull = ofNode.size >= NOTICES_PER_NODE_MAX`,
    to: `    const { all, byNode } = this.#notices.get(notice.epoch) ?? { all: new Map(), byNode: new Map() }
    this.#notices.set(notice.epoch, { all, byNode })
    const name = [kind, node, document, evidence, root, attempt, all.size].join(' ')
    const ofNode = byNode.get(node) ?? new Set()
    const isNodeFull = false`,
    profile: 'none',
    nodes: 3,
    rule: 'notices-bounded',
  },
  {
    name: 'worst-report-counts',
    what: 'one prober that slanders is enough to take all from a node',
    file: `${REWARDS}/quality/score.ts`,
    from: '[(values.length - 1) >> 1]',
    to: '[0]',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['slanders'] },
    rule: 'quality-fair',
  },
  {
    name: 'share-of-later',
    what: 'the model of the FeeLots lets a change of κ count for lots that were sold before it',
    file: `${ECONOMY}/memory-fee-lots.ts`,
    from: 'soldAtSeconds: nowSeconds, feesMicroUsd',
    to: 'soldAtSeconds: nowSeconds + 600, feesMicroUsd',
    profile: 'none',
    nodes: 6,
    faultMinutes: 4,
    rule: 'reward-capped',
  },
  {
    name: 'reporter-unpaid',
    what: 'the model of the Stake keeps what a reporter should get',
    file: `${ECONOMY}/memory-stake.ts`,
    from: '    tokens.move(identity.stake, reporter, reward)\n',
    to: '',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['two-logs'] },
    faultMinutes: 4,
    rule: 'stake-held',
  },
  {
    name: 'reporter-overpaid',
    what: 'the model of the Stake gives a reporter a fifth of what a liar loses',
    file: `${ECONOMY}/memory-stake.ts`,
    from: 'const REPORTER_BPS = 1000n',
    to: 'const REPORTER_BPS = 2000n',
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['two-logs'] },
    faultMinutes: 4,
    rule: 'tokens-conserved',
  },
  {
    name: 'fork-moves-no-epoch',
    what: 'where epochs begin and end is taken from blocks of a fork that has lost',
    file: `${REWARDS}/facts/epoch-blocks.ts`,
    from: 'return before === undefined || before.at < at ? first : undefined',
    to: 'return first',
    profile: 'chain',
    more: { reorgs: 12, lags: 0 },
    nodes: 6,
    faultMinutes: 4,
    rule: 'root-true',
  },
].map((mutant) => ({ ...mutant, hasEpochs: true }) as Mutant)
