import { isSteadError } from '@stead/core'

/** What came of something that may be refused; undefined when it was. A fault of the code itself is no refusal. */
export async function unlessRefused<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
