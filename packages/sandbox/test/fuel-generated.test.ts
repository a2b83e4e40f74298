import { expect, test } from 'vitest'
import { CHARGE_AHEAD_UNITS_MAX, CHARGE_BEHIND_UNITS_MAX } from '../src/cost-table.ts'
import { type CompiledModule, compileModule } from '../src/prepare.ts'
import { runCall } from '../src/run.ts'
import { functionCall, limits } from './calls.ts'
import { type BareRun, runBare, runUnmetered, workUntil } from './metered-run.ts'
import { meteredExactly, meteredPerInstruction } from './naive-meter.ts'
import { randomProgram } from './random-program.ts'
import { startWatchdog } from './watchdog.ts'

/** How many programs to generate; more for a longer search. */
const PROGRAMS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 2000)
/** The first seed, to search elsewhere or to look at one program again. */
const FIRST_SEED = Number(process.env.STEAD_FUZZ_SEED ?? 1)
/** Units after which a program that has not ended is one that never does. */
const LIMIT = 20_000n
const AHEAD = BigInt(CHARGE_AHEAD_UNITS_MAX)
const BEHIND = BigInt(CHARGE_BEHIND_UNITS_MAX)
/**
 * What is executed before a guest that has used its fuel is ended: a pass or a chain of leaves more, and with it the
 * instructions that count, 14 of them in a loop that does nothing else.
 */
const WORK_MAX = 18n * LIMIT
/** One program of this many also goes through the whole runner, or without any meter: both take longer. */
const SAMPLE = 4

const seen = { ok: 0, trap: 0, 'out-of-fuel': 0, 'stack-overflow': 0, paidAhead: 0 }

/** Compares what a program's charges come to with the count by definition. */
function compare(module: CompiledModule, reference: BareRun): void {
  if (reference.ending === 'out-of-fuel') {
    // Charged a little later, it can meet a trap or the end of its stack first; it has then paid nearly all.
    const run = runBare(module, LIMIT)
    expect(run.ending).not.toBe('ok')
    expect(run.units).toBeGreaterThan(LIMIT - BEHIND)
    return
  }
  const run = runBare(module, LIMIT + AHEAD)
  if (reference.ending !== 'ok' && run.ending === 'out-of-fuel') {
    // A loop whose passes are known has paid for all of them before it traps in one.
    seen.paidAhead++
    return
  }
  expect(run.ending).toBe(reference.ending)
  expect(run.detail).toBe(reference.detail)
  expect(Buffer.compare(run.memory, reference.memory)).toBe(0)
  if (reference.ending === 'ok') expect(run.units).toBe(reference.units)
  else expect(run.units).toBeGreaterThanOrEqual(reference.units - BEHIND)
}

/** The bill is one number: with that much fuel a call ends as it does with more, with one unit less it runs out. */
function checkBill(module: CompiledModule): void {
  const call = functionCall(Uint8Array.of(1, 2, 3))
  const run = (fuel: bigint): unknown => runCall(module, call, limits({ fuel, memoryPages: 3 }))
  const outcome = runCall(module, call, limits({ fuel: 1_000_000n, memoryPages: 3 }))
  if (outcome.status !== 'ok' && outcome.status !== 'trap') return
  expect(run(outcome.fuel)).toEqual(outcome)
  expect(run(outcome.fuel - 1n)).toEqual({ status: 'out-of-fuel', fuel: outcome.fuel - 1n })
}

/** Placed to give back every unit: nothing is added to the count by definition. */
function checkExact(bytes: Uint8Array, bill: BareRun): void {
  const reference = runBare(meteredPerInstruction(bytes), LIMIT)
  compare(meteredExactly(bytes), reference)
  // What bills add is never less than nothing.
  if (bill.ending === 'ok') expect(bill.units).toBeGreaterThanOrEqual(reference.units)
}

function check(seed: number): void {
  const bytes = randomProgram(seed)
  const billed = compileModule(bytes)
  const reference = runBare(meteredPerInstruction(bytes, true), LIMIT)
  seen[reference.ending]++
  if (reference.ending === 'out-of-fuel') expect(workUntil(bytes, LIMIT, 4n * WORK_MAX)).toBeLessThan(WORK_MAX)
  compare(billed, reference)
  if (seed % 2 === 0) checkExact(bytes, reference)
  if (seed % SAMPLE !== 1) return
  checkBill(billed)
  if (reference.ending !== 'ok' && reference.ending !== 'trap') return
  const original = runUnmetered(bytes)
  expect(reference.detail).toBe(original.detail)
  expect(Buffer.compare(reference.memory, original.memory)).toBe(0)
}

test(`fuel is what each executed instruction costs, on ${PROGRAMS} generated programs`, async () => {
  const watchdog = startWatchdog(20_000)
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
    watchdog.step(seed)
    try {
      check(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  await watchdog.end()
  if (PROGRAMS < 500) return
  // The generator reaches every way to end, and most programs do end.
  expect(seen.ok).toBeGreaterThan(PROGRAMS / 2)
  expect(seen['out-of-fuel']).toBeGreaterThan(PROGRAMS / 10)
  expect(seen.trap).toBeGreaterThan(PROGRAMS / 30)
  expect(seen.paidAhead).toBeLessThan(PROGRAMS / 30)
}, 3_600_000)
