import type { Mutant } from './mutant.ts'

const DESK = 'packages/storage/src/care/care-bill-desk.ts'
const EVIDENCE = 'packages/storage/src/care/care-evidence.ts'
/** Few nodes, and payers that go away. */
const CARE = { profile: 'storage', nodes: 8 } as const
const HONEST = { careShare: 1, byzantineShare: 0, rottenPieces: 0 } as const

/** Faults of care: of what is looked after, billed, accepted and given up. */
export const careMutants: readonly Mutant[] = [
  {
    name: 'care-unchallenged',
    what: 'a payer takes bills without having the node show what it keeps',
    file: DESK,
    from: '      shown ??= await this.#show(row, told, own)',
    to: '      const signed = agreementSchema.decodeDocument(periods.at(-1)?.after.document ?? new Uint8Array(0))\n      shown ??= node === row.node ? await this.#show(row, told, own) : { agreement: signed }',
    ...CARE,
    more: HONEST,
    rule: 'care-with-evidence',
  },
  {
    name: 'care-billed-again',
    what: 'a payer takes a period a second time',
    file: EVIDENCE,
    from: '  if (after.revision <= from.revision || before.revision < from.revision || after.atSecond < from.atSecond)\n',
    to: '  if (last !== undefined && after.revision <= from.revision) return from.leftByteSeconds\n  if (before.revision < from.revision || after.atSecond < from.atSecond)\n',
    ...CARE,
    nodes: 12,
    more: { careShare: 1, cheats: ['care-bills-again'], byzantineShare: 0.9 },
    rule: 'care-billed-once',
  },
  {
    name: 'care-over-limit',
    what: 'a payer takes bills above what a day may cost',
    file: DESK,
    from: '    return accepted <= untilNow ? undefined :',
    to: '    return accepted <= row.budgetMicroUsd ? undefined :',
    ...CARE,
    nodes: 12,
    more: { careShare: 1, cheats: ['care-overspends'], byzantineShare: 0.9 },
    rule: 'care-within-budget',
  },
  {
    name: 'care-given-up-early',
    what: 'a caretaker gives up its copies by what a payer said before it was away',
    file: 'packages/storage/src/care/caretaker.ts',
    from: 'isCurrent: wasCurrent })',
    to: 'isCurrent: ward.book.row.isCurrent })',
    ...CARE,
    more: HONEST,
    rule: 'care-kept-until-told',
  },
  {
    name: 'care-never-told',
    what: 'a payer that is back never says that it told all, and everything is kept twice over',
    file: 'packages/storage/src/care/handover.ts',
    from: 'await send({ put: [], drop: [], isComplete: true })',
    to: 'await send({ put: [], drop: [], isComplete: false })',
    ...CARE,
    more: HONEST,
    rule: 'care-told',
  },
  {
    name: 'care-parts-refused',
    what: 'bills are refused where a node was paid in parts',
    file: EVIDENCE,
    from: 'const most = from.leftByteSeconds + since',
    to: 'const most = since',
    ...CARE,
    more: HONEST,
    rule: 'care-fair',
  },
  {
    name: 'care-periods-stay',
    what: 'a caretaker keeps what it has billed for ever',
    file: 'packages/storage/src/care/ward-bills.ts',
    from: '      if (isAccepted) await this.#end(node, page)\n',
    to: '      if (isAccepted) await this.#end(node, { ...page, keys: [] })\n',
    ...CARE,
    more: HONEST,
    rule: 'care-rows-bounded',
  },
  {
    name: 'care-unrepaired',
    what: 'a caretaker makes nothing again of what a silent payer stops paying for',
    file: 'packages/storage/src/care/ward.ts',
    from: 'const isOverdue = silentMs >= takeOverAfterMs\n',
    to: 'const isOverdue = silentMs < takeOverAfterMs\n',
    ...CARE,
    more: HONEST,
    rule: 'objects-readable',
  },
]
