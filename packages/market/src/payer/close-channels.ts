import type { Hash, Store, StoreOperation } from '@stead/core'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { hashKey, PAYER_TABLES, put, remove } from '../journal/tables.ts'

/**
 * Closes the rows of a closed purse's channels, those that rest included, and takes away what was owed on them: it cannot be
 * paid any more. Receipts stay. None of them is in memory. @throws CoreError STORE_FAILED, STORE_CORRUPT, STORE_FULL
 */
export async function closeChannels(
  { store, journal }: { readonly store: Store; readonly journal: Journal },
  channels: readonly Hash[],
): Promise<void> {
  for (const channel of channels) {
    const value = await store.get(PAYER_TABLES.channels, hashKey(channel))
    const row = value === undefined ? undefined : channelRowSchema.decodeMessage(value)
    const batch: StoreOperation[] = []
    if (row !== undefined && row.stage !== 'closed') {
      const { restingSince: _over, ...kept } = row
      const closed = channelRowSchema.encodeMessage({ ...kept, stage: 'closed' })
      batch.push(put(PAYER_TABLES.channels, hashKey(channel), closed))
    }
    const owed = await store.scan(PAYER_TABLES.accepted, { prefix: `${hashKey(channel)}/` })
    batch.push(...owed.map(({ key }) => remove(PAYER_TABLES.accepted, key)))
    if (batch.length > 0) await journal.write(batch, 'process')
  }
}
