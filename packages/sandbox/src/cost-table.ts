import { CostClass, costClassOf, OPERATION_COUNT } from './binary/opcodes.ts'

/**
 * Version of everything that decides a fuel count: this table, the placement of charges, the stack estimate, the static
 * limits and the host calls' prices. Any change to one of them that can change one count is a new version.
 */
export const METER_VERSION = 1

/**
 * Price of each class of operation. One unit is about one simple integer operation (0.3 ns of a 2024 server core); the
 * other weights are rounded measurements.
 */
const classCosts: Readonly<Record<keyof typeof CostClass, number>> = {
  structure: 0,
  simple: 1,
  memory: 2,
  divide: 10,
  floatDivide: 8,
  call: 4,
  callIndirect: 8,
  table: 3,
  bulk: 16,
  grow: 64,
}

/** Price of each operation by operation number (see binary/opcodes.ts); 0 for refused ones, which never get here. */
export const operationCosts: Uint8Array = buildOperationCosts()

function buildOperationCosts(): Uint8Array {
  const byClass = new Uint8Array(Object.keys(CostClass).length)
  for (const [name, index] of Object.entries(CostClass)) byClass[index] = classCosts[name as keyof typeof CostClass]
  const costs = new Uint8Array(OPERATION_COUNT)
  for (let operation = 0; operation < OPERATION_COUNT; operation++)
    costs[operation] = byClass[costClassOf[operation] as number] as number
  return costs
}

/** Prices that depend on an amount, and those of the host's work for a guest. */
export const amountCosts = {
  /** memory.fill, copy and init: one unit for each 2^3 bytes. */
  bulkBytesShift: 3,
  /** table.fill, copy, init and grow: units for each entry. */
  perTableEntry: 2,
  /** memory.grow that succeeds: units for each page of 64 KiB, which the host must zero. */
  perGrownPage: 8192,
  /** Entering a fresh instance. */
  instance: 4096,
  /** Each call of a host function. */
  hostCall: 128,
  /** Each byte that a host function moves in or out of the guest, and each byte of call input and output. */
  perHostByte: 1,
  /** Each byte of seeded randomness. */
  perRandomByte: 16,
} as const
