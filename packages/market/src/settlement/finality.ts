/**
 * By default, how long a transaction is looked at again after it was mined: until then another fork may win, and undo it or put it
 * into another block. Ethereum is final after 13 minutes, chains that settle on it are not undone later than that.
 */
export const FINAL_AFTER_DEFAULT_MS: number = 15 * 60_000
