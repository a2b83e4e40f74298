import { type Address, address, type UnixMs } from '@stead/core'
import { MemoryStore } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { AskLimits } from '../src/consumer/ask-limits.ts'
import { type AskReason, ENDED_ASKS_TABLE, type EndedAsk } from '../src/consumer/asked-rows.ts'

const DAY_MS = 86_400_000
const BEGIN = 1_800_000_000_000
const DEPOSIT = 10n
const nodeOf = (number: number): Address => address(`0x${number.toString(16).padStart(40, '0')}`)
const NODE = nodeOf(1)

/** Limits whose rows are written as the challenger writes them. */
class Limits {
  readonly store: MemoryStore = new MemoryStore()
  readonly #maxTokenUnits: bigint
  #limits: AskLimits
  #number = 0n

  constructor(maxTokenUnits = 1000n * DEPOSIT) {
    this.#maxTokenUnits = maxTokenUnits
    this.#limits = new AskLimits(this.store, maxTokenUnits)
  }

  async ended(day: number, end: EndedAsk['end'], of: { node?: Address; why?: AskReason } = {}): Promise<void> {
    const { node = NODE, why = 'lied' } = of
    const row = { number: ++this.#number, node, why, end, endedAt: (BEGIN + day * DAY_MS) as UnixMs }
    await this.store.write(this.#limits.note(row), 'process')
  }

  /** As a process that begins now sees it. */
  async restart(): Promise<void> {
    this.#limits = new AskLimits(this.store, this.#maxTokenUnits)
    await this.#limits.load()
  }

  mayAsk(day: number, why: AskReason = 'lied', node: Address = NODE): boolean {
    const moment = { now: (BEGIN + day * DAY_MS) as UnixMs, depositTokenUnits: DEPOSIT }
    return this.#limits.refusal({ node, why }, [], moment) === undefined
  }

  /** The first day from a given one on which a node may be asked. */
  firstDay(from: number): number {
    let day = from
    while (!this.mayAsk(day)) day++
    return day
  }
}

describe('limits of what a payer asks by itself', () => {
  it('double the rest with each answer, up to two and a half years, and begin anew after a penalty', async () => {
    const limits = new Limits()
    const rests: number[] = []
    let day = 0
    for (let time = 0; time < 8; time++) {
      await limits.ended(day, 'answered')
      await limits.restart()
      const next = limits.firstDay(day)
      rests.push(next - day)
      day = next
    }
    expect(rests).toEqual([30, 60, 120, 240, 480, 960, 960, 960])
    await limits.ended(day, 'missed')
    expect(limits.firstDay(day) - day).toBe(7)
    day += 7
    await limits.ended(day, 'answered')
    expect(limits.firstDay(day) - day).toBe(30)
  })

  it('let a node rest a week where the deposit came back', async () => {
    const limits = new Limits()
    await limits.ended(0, 'reclaimed')
    expect([limits.mayAsk(6), limits.mayAsk(7)]).toEqual([false, true])
  })

  it('take an answer to a command for one as well, and not an answer to a lot', async () => {
    const limits = new Limits()
    await limits.ended(0, 'answered', { why: 'random' })
    expect([limits.firstDay(0), limits.mayAsk(7, 'random')]).toEqual([7, true])
    await limits.ended(7, 'answered', { why: 'wanted' })
    expect([limits.firstDay(7) - 7, limits.mayAsk(14, 'random')]).toEqual([30, true])
  })

  it('count what many nodes took in thirty days, of what no command asked for', async () => {
    const limits = new Limits(3n * DEPOSIT)
    for (let number = 2; number < 5; number++) {
      expect(limits.mayAsk(number)).toBe(true)
      await limits.ended(number, 'answered', { node: nodeOf(number) })
      await limits.ended(number, 'answered', { node: nodeOf(10 + number), why: 'wanted' })
      await limits.ended(number, 'missed', { node: nodeOf(20 + number) })
    }
    await limits.restart()
    expect([limits.mayAsk(5), limits.mayAsk(31), limits.mayAsk(32)]).toEqual([false, false, true])
  })

  it('keep no more than 32 rows of a node', async () => {
    const limits = new Limits()
    for (let day = 0; day < 100; day++) await limits.ended(day, 'answered', { why: 'wanted' })
    expect(await limits.store.scan(ENDED_ASKS_TABLE)).toHaveLength(32)
    await limits.restart()
    expect(limits.mayAsk(99 + 959)).toBe(false)
  })
})
