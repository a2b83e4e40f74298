import type { Mutant } from './mutant.ts'

const STORAGE = { profile: 'storage' } as const

/** Faults that the coarse rules notice: sums that both sides make alike, and what grows without end. */
export const netMutants: readonly Mutant[] = [
  {
    name: 'quote-looks-pile-up',
    what: 'each look at a quote leaves the one before waiting',
    file: 'packages/market/src/payer/quote-keeper.ts',
    from: `  #look(delayMs: number): void {
    this.#timer?.clear()`,
    to: '  #look(delayMs: number): void {',
    profile: 'none',
    faultMinutes: 15,
    rule: 'timers-bounded',
  },
  {
    name: 'rejections-on-disk',
    what: 'a stranger fills the disk with rejections of deliveries that nobody asked for',
    file: 'packages/market/src/provider/pay-desk.ts',
    from: '    channel.ledger.refuse(deliveries)\n',
    to: `    channel.ledger.refuse(deliveries)
    const rowOf = (id: Uint8Array): string => deliveryRowKey(channel.id, \`r\${deliveryKey(id)}\`)
    await journal.write(deliveries.map((id) => put(PROVIDER_TABLES.seen, rowOf(id), id)), 'process')
`,
    profile: 'byzantine',
    more: { byzantineShare: 0.3, cheats: ['hoards'] },
    rule: 'rows-bounded',
  },
  {
    name: 'last-second-twice',
    what: 'both sides count the second in which a period ends twice',
    file: 'packages/storage/src/meter.ts',
    from: 'return BigInt(bytes) * BigInt(toSecond - fromSecond)',
    to: 'return BigInt(bytes) * BigInt(toSecond - fromSecond + 1)',
    ...STORAGE,
    rule: 'time-as-kept',
  },
  {
    name: 'amount-rounded-down',
    what: 'both sides round what is due down',
    file: 'packages/storage/src/meter.ts',
    from: 'byteSeconds * priceMicroUsdPerTibHour + TEBIBYTE_HOUR - 1n',
    to: 'byteSeconds * priceMicroUsdPerTibHour',
    ...STORAGE,
    rule: 'price-as-agreed',
  },
  {
    name: 'paid-late-for-ever',
    what: 'a payer pays for nothing but what was kept two and a half minutes ago',
    file: 'packages/storage/src/consumer/agreement-driver.ts',
    from: '    const due = dueAt(before, atSecond)\n    const need',
    to: `    const late = BigInt(before.bytes) * 150n
    const all = dueAt(before, atSecond)
    const due = all > late ? all - late : 0n
    const need`,
    ...STORAGE,
    rule: 'time-kept-is-billed',
  },
  {
    name: 'answer-awaited-for-hours',
    what: 'a payer waits for hours for an answer that was lost, and cannot stop meanwhile',
    file: 'packages/storage/src/consumer/bill-risk.ts',
    from: 'const ASK_TIMEOUT_MS = 30_000',
    to: 'const ASK_TIMEOUT_MS = 10_000_000',
    ...STORAGE,
    rule: 'storage-stops',
  },
  {
    name: 'removed-file-counted',
    what: 'a file of piece logs that was compacted away counts as used for ever',
    file: 'packages/storage/src/pieces/piece-index.ts',
    from: '    this.#files.delete(number)\n',
    to: '',
    ...STORAGE,
    // Long enough for files to fill and to be compacted.
    nodes: 8,
    faultMinutes: 4,
    rule: 'disk-adds-up',
  },
]
