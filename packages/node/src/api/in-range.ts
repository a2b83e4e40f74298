import { StorageError } from '@stead/storage'

/** Reads bytes that an API client chose. @throws StorageError STORAGE_BAD_RANGE for those that are not there */
export async function inRange<Value>(read: () => Promise<Value>): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RangeError) throw new StorageError('STORAGE_BAD_RANGE', error.message)
    throw error
  }
}
