import type { Hash, Store } from '@stead/core'
import type { Journal } from '../journal/journal.ts'
import { hashKey, PROVIDER_TABLES, remove } from '../journal/tables.ts'

/** Rows that one write removes. */
const SWEPT_AT_ONCE = 1024

/**
 * What was delivered on a channel is of no use without its money, and is not kept; receipts are. Dying half-way harms nothing
 * where nothing is delivered on it any more. @throws CoreError as Store.write
 */
export async function sweepDeliveries(
  { store, journal }: { readonly store: Store; readonly journal: Journal },
  channel: Hash,
): Promise<void> {
  for (const table of [PROVIDER_TABLES.delivered, PROVIDER_TABLES.seen]) {
    for (;;) {
      const rows = await store.scan(table, { prefix: `${hashKey(channel)}/`, limit: SWEPT_AT_ONCE })
      if (rows.length === 0) break
      await journal.write(
        rows.map(({ key }) => remove(table, key)),
        'process',
      )
    }
  }
}
