import type { Mutant } from './mutant.ts'

const WORLD = { profile: 'storage', hasEpochs: true, faultMinutes: 2 } as const
/** Enough nodes that do not show what they should. */
const FORGERS = { cheats: ['forges-proofs'], byzantineShare: 0.4 } as const

/** Faults of the audits of what nodes keep. */
export const auditMutants: readonly Mutant[] = [
  {
    name: 'audit-believed',
    what: 'an auditor takes any proof for that of the leaves that it asked for',
    file: 'packages/epochs/src/storage-auditor.ts',
    from: 'if (!isProven(known, question.leaves, proof))',
    to: 'if (proof === undefined || isProven === undefined)',
    ...WORLD,
    more: FORGERS,
    rule: 'audits-hold',
  },
  {
    name: 'unattested-accusation',
    what: 'an auditor accuses a node of which nothing shows that it keeps anything',
    file: 'packages/epochs/src/storage-auditor.ts',
    from: "return evidence === undefined ? { node, outcome: 'none', tookMs }",
    to: 'return evidence === undefined ? { node, outcome, tookMs }',
    ...WORLD,
    rule: 'audits-hold',
  },
  {
    name: 'audit-seed-told',
    what: 'an auditor asks all nodes by its own seed, and the first can tell the others which leaves come',
    file: 'packages/epochs/src/audit-round.ts',
    from: 'leaves: auditSeed(seed, node) }',
    to: 'leaves: seed }',
    ...WORLD,
    rule: 'audits-hold',
  },
  {
    name: 'auditor-unaware',
    what: 'the last of the auditors of a node does not know that it is one',
    file: 'packages/epochs/src/probe-round.ts',
    from: 'assignment.positionOf(place, self) < auditorsPerNode)',
    to: 'assignment.positionOf(place, self) < auditorsPerNode - 1)',
    ...WORLD,
    rule: 'audits-made',
  },
  {
    name: 'impatient-auditor',
    what: 'an auditor waits for milliseconds where it should for seconds',
    file: 'packages/epochs/src/storage-auditor.ts',
    from: 'const timeoutMs = LATE_PARTS * this.#rules.parameters.answerMaxMs',
    to: 'const timeoutMs = (LATE_PARTS * this.#rules.parameters.answerMaxMs) / 1000',
    ...WORLD,
    rule: 'audits-fair',
  },
  {
    name: 'unwarned-penalty',
    what: 'a node loses a part of its quality without having been warned',
    file: 'packages/rewards/src/quality/warn-unproven.ts',
    from: 'if (node.provenPpm !== 0 || !before.has(node.node)) return node',
    to: 'if (node.provenPpm !== 0) return node',
    ...WORLD,
    more: FORGERS,
    rule: 'warning-first',
  },
]
