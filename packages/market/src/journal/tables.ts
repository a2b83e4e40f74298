import type { Hash, StoreOperation } from '@stead/core'

/**
 * Tables of the two sides; one node may be both. Keys: a channel is its 64 hexadecimal digits, an index 8 of them, a
 * delivery 32.
 */
export interface SideTables {
  /** channel -> ChannelRow */
  readonly channels: string
  /** channel/number -> SignedDocument of the quote */
  readonly quotes: string
  /** channel/index -> ReceiptRow */
  readonly receipts: string
}

/** The payer's tables. */
export const PAYER_TABLES: SideTables & { readonly purses: string; readonly accepted: string } = {
  channels: 'market-payer-channels',
  quotes: 'market-payer-quotes',
  receipts: 'market-payer-receipts',
  /** purse -> PurseRow */
  purses: 'market-payer-purses',
  /** channel/delivery -> BillEntry that waits for an increment */
  accepted: 'market-payer-accepted',
}

/** The provider's tables. */
export const PROVIDER_TABLES: SideTables & {
  readonly payers: string
  readonly delivered: string
  readonly seen: string
  readonly settlements: string
  readonly claiming: string
} = {
  channels: 'market-provider-channels',
  quotes: 'market-provider-quotes',
  receipts: 'market-provider-receipts',
  /** payer -> PayerRow */
  payers: 'market-provider-payers',
  /** channel/delivery -> BillEntry that waits for payment */
  delivered: 'market-provider-delivered',
  /** channel/… -> ids of deliveries that are over, 16 bytes each */
  seen: 'market-provider-seen',
  /** number -> SettlementRow */
  settlements: 'market-provider-settlements',
  /** channel -> nothing: a claim of this node may be on its way */
  claiming: 'market-provider-claiming',
}

/** The spelling of a hash in keys. */
export function hashKey(hash: Hash): string {
  return hash.slice(2)
}

/** A key that sorts by number, up to 2^32-1. */
export function numberKey(number: number): string {
  return number.toString(16).padStart(8, '0')
}

/** `channel/index`. */
export function channelNumberKey(channel: Hash, number: number): string {
  return `${channel.slice(2)}/${numberKey(number)}`
}

/** `channel/delivery`; the delivery is already spelled in hexadecimal. */
export function deliveryRowKey(channel: Hash, delivery: string): string {
  return `${channel.slice(2)}/${delivery}`
}

/** A row to write. */
export function put(table: string, key: string, value: Uint8Array): StoreOperation {
  return { kind: 'put', table, key, value }
}

/** A row to take away. */
export function remove(table: string, key: string): StoreOperation {
  return { kind: 'delete', table, key }
}
