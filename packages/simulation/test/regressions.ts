import type { WorldPlan } from '../src/plan/world-plan.ts'

/** A world that once broke a rule; the commit that added the line mended it. */
export interface Regression {
  /** What a user would have seen. */
  readonly found: string
  readonly plan: WorldPlan
}

/** Where the worlds of storage begin. */
const STORAGE_PLAN = { nodes: 10, minutes: 1.5, profile: 'storage', without: [], hasRealSignatures: false } as const

/** Worlds as `--shrink` left them. With the fault put back, each must fail: say in `found` what it does then. */
export const REGRESSIONS: readonly Regression[] = [
  {
    found: 'the mark of a claim that the chain had refused for good stayed on the disk for ever',
    plan: { seed: 342, nodes: 15, minutes: 1.41, profile: 'all', without: [], hasRealSignatures: false },
  },
  {
    found: 'offers of nodes that do not exist were asked before all others, and a payer found nobody for its jobs',
    plan: { seed: 50, nodes: 20, minutes: 2, profile: 'byzantine', without: [], hasRealSignatures: false },
  },
  {
    found: 'replicas were sought at few nodes, most of them made up, and liars among the rest left no agreement',
    plan: { seed: 54, nodes: 20, minutes: 2, profile: 'byzantine', without: [], hasRealSignatures: false },
  },
  {
    found: "after a payer's restart, what a channel accepted before was missing from its numbers",
    plan: {
      seed: 2,
      nodes: 3,
      minutes: 0.85,
      profile: 'crashes',
      without: ['chain.answerMsMax', 'chain.blockMsMax', 'disk.writeMsMax', 'powerShare', 'wires.jitterMs'],
      hasRealSignatures: false,
    },
  },
  {
    found: 'a receipt that the disk refused once was missing from the bill for ever, and no stranger could audit it',
    plan: {
      seed: 137,
      nodes: 12,
      minutes: 3,
      profile: 'all',
      without: [
        'byzantineShare',
        'chain.answerMsMax',
        'chain.blockMsMax',
        'chain.lostShare',
        'disk.writeMsMax',
        'fullDisks',
        'gasDrains',
        'gasSpikes',
        'powerShare',
        'reorgs',
        'rottenRows',
        'silences',
        'slowDisks',
        'wires.jitterMs',
        'wires.lossShare',
        'wires.repeatShare',
        'wires.slowShare',
      ],
      hasRealSignatures: false,
    },
  },
  {
    found: 'a claim that a reorganisation of the chain undid stayed in the books as paid, and was never made again',
    plan: {
      seed: 16,
      nodes: 6,
      minutes: 0.9,
      profile: 'chain',
      without: ['chain.answerMsMax', 'chain.lostShare', 'disk.writeMsMax', 'powerShare', 'wires.jitterMs'],
      hasRealSignatures: false,
    },
  },
  {
    found: 'a purse whose funding a reorganisation undid was never locked again: what was signed on it was worthless',
    plan: {
      seed: 4,
      nodes: 4,
      minutes: 0.65,
      profile: 'chain',
      without: [
        'chain.answerMsMax',
        'chain.blockMsMax',
        'chain.lostShare',
        'disk.writeMsMax',
        'gasDrains',
        'gasSpikes',
        'powerShare',
        'wires.jitterMs',
      ],
      hasRealSignatures: false,
    },
  },
  {
    found:
      'an epoch ended in evidence where it had ended on a fork that lost, and all watchers agreed on the false root',
    plan: {
      seed: 10,
      nodes: 8,
      minutes: 3.95,
      profile: 'chain',
      without: ['disk.writeMsMax', 'lags', 'powerShare'],
      hasRealSignatures: false,
      hasEpochs: true,
    },
  },
  {
    found: 'a thaw whose answer was lost was news to its payer for ever, which offered that purse for job after job',
    plan: {
      seed: 494,
      nodes: 5,
      minutes: 1.53,
      profile: 'chain',
      without: [],
      hasRealSignatures: false,
      hasEpochs: true,
    },
  },
  {
    found: 'a gang outvoted honest nodes, was caught, and a payer went on leaving out all whom it had spoken against',
    plan: { seed: 859, nodes: 11, minutes: 0.98, profile: 'byzantine', without: [], hasRealSignatures: false },
  },
  {
    found: 'what was due to a node cost more than its credit at once, was never paid, and the node deleted the pieces',
    plan: { ...STORAGE_PLAN, seed: 5 },
  },
  {
    found: 'a revision whose piece the node had not was asked for again for ever, and nothing could be paid any more',
    plan: { ...STORAGE_PLAN, seed: 2 },
  },
  {
    found: "after a loss of power a payer asked for a period that its node had billed under another revision's number",
    plan: { ...STORAGE_PLAN, seed: 15 },
  },
  {
    found: 'a piece was agreed on twice, paid twice, and deleted from one of its slots while the other was still paid',
    plan: { ...STORAGE_PLAN, seed: 28 },
  },
  {
    found: 'made-up offers were asked for quotes again and again, and a payer found no node for its repair',
    plan: { ...STORAGE_PLAN, seed: 48 },
  },
  {
    found:
      'a node answered for a period that a loss of power took from its books, and ended the agreement of whoever had paid',
    plan: { ...STORAGE_PLAN, seed: 44, nodes: 10, minutes: 4 },
  },
  {
    found: 'a piece in a revision whose answer was lost was taken for released, and paid for ever as of no segment',
    plan: { ...STORAGE_PLAN, seed: 15, nodes: 8, minutes: 1 },
  },
  {
    found: 'a check that found a piece rotten waited for a disk while no time passed',
    plan: { ...STORAGE_PLAN, seed: 30, nodes: 8, minutes: 1 },
  },
  {
    found:
      'the disk refused to note that a segment was not kept, and the pieces that nodes had of it were paid for days',
    plan: { ...STORAGE_PLAN, seed: 2, nodes: 6, minutes: 10, without: ['careShare'] },
  },
  {
    found:
      'a provider finished work for a process of its payer that was gone, and waited for its pay for ever without credit',
    plan: { ...STORAGE_PLAN, seed: 37, nodes: 12, minutes: 3 },
  },
  {
    found: 'a caretaker was refused what it had paid to a node for an agreement that was over',
    plan: { ...STORAGE_PLAN, seed: 16, nodes: 6, minutes: 10 },
  },
  {
    found: 'answers of several jobs held the credit that their replicas waited for, until all of them had stalled',
    plan: {
      seed: 89,
      nodes: 5,
      minutes: 0.91,
      profile: 'byzantine',
      without: [],
      hasRealSignatures: false,
    },
  },
  {
    found: 'a job that lacked an operator ended as stalled while it went on asking a node that opened no channel',
    plan: {
      seed: 222,
      nodes: 4,
      minutes: 16,
      profile: 'byzantine',
      without: [],
      hasRealSignatures: false,
      hasStorage: true,
    },
  },
]
