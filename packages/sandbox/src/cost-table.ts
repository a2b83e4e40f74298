import { CostClass, costClassOf, OPERATION_COUNT } from './binary/opcodes.ts'

/**
 * Version of everything that decides a fuel count: this table, the placement of charges, the stack estimate, the static
 * limits and the host calls' prices. Any change to one of them that can change one count is a new version.
 */
export const METER_VERSION = 4

/**
 * Price of each class of operation. Ten units are about one nanosecond of a 2024 server core when the operation has to
 * wait for the one before it. The weights are rounded from a fit to the times of 18 programs (`npm run bench`, and
 * scripts/bench/sandbox/operation-counts.ts): fuel per second then differs by a factor of 4.6 between them, where the
 * price of 1 for nearly all gave 6.7. What is left is how much of a program's work the processor can do side by side.
 */
const classCosts: Readonly<Record<keyof typeof CostClass, number>> = {
  structure: 0,
  simple: 1,
  load: 10,
  store: 3,
  multiply: 2,
  divide: 64,
  float: 8,
  floatDivide: 32,
  vector: 2,
  vectorMemory: 3,
  slowVector: 16,
  branch: 6,
  branchTable: 6,
  call: 16,
  callIndirect: 80,
  table: 10,
  bulk: 64,
  grow: 1_500,
  convert: 32,
}

/** Price of each operation by operation number (see binary/opcodes.ts); 0 for refused ones, which never get here. */
export const operationCosts: Uint16Array = buildOperationCosts()

function buildOperationCosts(): Uint16Array {
  const byClass = new Uint16Array(Object.keys(CostClass).length)
  for (const [name, index] of Object.entries(CostClass)) byClass[index] = classCosts[name as keyof typeof CostClass]
  const costs = new Uint16Array(OPERATION_COUNT)
  for (let operation = 0; operation < OPERATION_COUNT; operation++)
    costs[operation] = byClass[costClassOf[operation] as number] as number
  return costs
}

/**
 * How far what is charged may be behind what was executed, at any moment: a call that traps is never under-charged by
 * more than this.
 */
export const CHARGE_BEHIND_UNITS_MAX = 1024

/**
 * How far it may be ahead, because it was charged for a path that is then left and given back: 512 units in each frame on
 * the stack (at least 72 of its 458,752 bytes each) and 1,536 in the last, rounded up. A guest that has used its fuel
 * runs on for at most this, 0.4 ms.
 */
export const CHARGE_AHEAD_UNITS_MAX: number = 2 ** 22

/**
 * What a call of a guest function pays besides its own price, for the first instructions of the function called, so that
 * most small functions need no charge of their own: this much through the table, from the host and round a cycle of calls.
 */
export const CALL_PREPAY_UNITS = 64

/** Most that any other call pays ahead: what the usual way through its callee costs. */
export const CALL_PREPAY_UNITS_MAX = 512

/** Prices that depend on an amount, and those of the host's work for a guest. */
export const amountCosts = {
  /** memory.fill, copy and init: one unit for each 2^1 bytes. */
  bulkBytesShift: 1,
  /** table.fill, copy, init and grow: units for each entry; measured 13 to 46 ns. */
  perTableEntry: 256,
  /** memory.grow that succeeds: units for each page of 64 KiB; the host zeroes it when it is touched, 17 us. */
  perGrownPage: 131_072,
  /** Each page that memory begins with; less than a grown one, because compilers declare more than programs touch. */
  perInitialPage: 32_768,
  /** Each value after the first that a branch carries: the baseline compiler moves it in memory. */
  perBranchValue: 4,
  /** Entering a function: each declared local after the first 32, which is set to zero. */
  perLocal: 1,
  localsFree: 32,
  /** Each global of a fresh instance. */
  perGlobal: 16,
  /** Entering a fresh instance: 20 us. */
  instance: 200_000,
  /** Each call of a host function. */
  hostCall: 1_000,
  /** Each path that the host resolves, besides its bytes. */
  path: 8_000,
  /** Each byte that a host function moves in or out of the guest, and each byte of call input and output. */
  perHostByte: 2,
  /** Each byte of seeded randomness. */
  perRandomByte: 32,
} as const
