import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Address, type ChainIdentity, messageOf } from '@stead/core'
import { z } from 'zod'
import { addressSchema } from './chain-fields.ts'
import { ChainError } from './errors.ts'

/** Where the contracts of one deployment are; the file that makes a chain usable. */
export interface AddressBook {
  /** Version of this format. */
  readonly version: 3
  readonly chainId: number
  readonly escrow: Address
  readonly stake: Address
  /** The settlement dollar, 6 decimals. */
  readonly dollar: Address
  /** SteadToken: what operators bond, and buyers of fees burn. */
  readonly token: Address
  readonly rewards: Address
  /** The adjudicator of nodes that say two things. */
  readonly equivocation: Address
  /** The adjudicator of nodes that do not show what they agreed to keep. */
  readonly possession: Address
  readonly governor: Address
  /** Executes what the governor decides; holds the exchange's liquidity. */
  readonly timelock: Address
  readonly exchangeFactory: Address
  readonly exchangeRouter: Address
  /** Where token and dollar are swapped. */
  readonly exchangePair: Address
  /** The block before which none of these contracts existed. */
  readonly deployedAtBlock: number
}

const ADDRESS_BOOK_BYTES_MAX = 64 * 1024

/** Strict, so that a book of another program or a newer format is refused. */
export const addressBookSchema: z.ZodType<AddressBook> = z.strictObject({
  version: z.literal(3),
  chainId: z.int().min(1),
  escrow: addressSchema,
  stake: addressSchema,
  dollar: addressSchema,
  token: addressSchema,
  rewards: addressSchema,
  equivocation: addressSchema,
  possession: addressSchema,
  governor: addressSchema,
  timelock: addressSchema,
  exchangeFactory: addressSchema,
  exchangeRouter: addressSchema,
  exchangePair: addressSchema,
  deployedAtBlock: z.int().min(0),
})

/** What the chain adapter needs of a book. */
export function chainIdentityOf(book: AddressBook): ChainIdentity {
  return { chainId: book.chainId, escrow: book.escrow, stake: book.stake, dollar: book.dollar }
}

function bookError(path: string, reason: string, cause: unknown): ChainError {
  return new ChainError('CHAIN_ADDRESS_BOOK', `the address book ${path} is not usable: ${reason}`, {
    details: { path },
    cause,
  })
}

/** Reads a book. @throws ChainError CHAIN_ADDRESS_BOOK, also when the file is missing */
export async function readAddressBook(path: string): Promise<AddressBook> {
  let content: unknown
  try {
    const text = await readFile(path, 'utf8')
    if (text.length > ADDRESS_BOOK_BYTES_MAX) throw new RangeError(`${text.length} characters are too many`)
    content = JSON.parse(text)
  } catch (cause) {
    throw bookError(path, messageOf(cause), cause)
  }
  const parsed = addressBookSchema.safeParse(content)
  if (parsed.success) return parsed.data
  throw bookError(path, z.prettifyError(parsed.error).replaceAll('\n', ' '), parsed.error)
}

/** Writes a book, whole or not at all. */
export async function writeAddressBook(path: string, book: AddressBook): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o644)
  try {
    await file.writeFile(`${JSON.stringify(addressBookSchema.parse(book), undefined, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}
