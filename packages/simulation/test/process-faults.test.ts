import { loadSecp256k1 } from '@stead/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Scheduler } from '../src/engine/scheduler.ts'
import { Trace } from '../src/engine/trace.ts'
import { PROFILES, runWorld } from '../src/index.ts'
import { eventLoopTurns } from '../src/node/event-loop-turn.ts'
import { ProcessFaults } from '../src/node/process-faults.ts'

// The test runner listens too and would take these for its own.
let listeners: NodeJS.UnhandledRejectionListener[] = []
beforeEach(() => {
  listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
})
afterEach(() => {
  for (const listener of listeners) process.on('unhandledRejection', listener)
})

it('a rejected promise that nobody listens to is caught while the world is played', async () => {
  const faults = new ProcessFaults()
  faults.start()
  const scheduler = new Scheduler({ trace: new Trace(), turn: eventLoopTurns() })
  scheduler.at(5, () => void Promise.reject(new Error('nobody listens')))
  for (let atMs = 10; atMs < 100; atMs++) scheduler.at(atMs, () => undefined)
  await scheduler.run(100)
  const caught = faults.take()
  faults.stop()
  expect(caught).toHaveLength(1)
  expect(caught[0]).toContain('nobody listens')
  expect(faults.take()).toEqual([])
})

it('works off promises between events in short turns as in long ones', async () => {
  const scheduler = new Scheduler({ trace: new Trace(), turn: eventLoopTurns() })
  const order: number[] = []
  for (let event = 0; event < 20; event++) {
    scheduler.at(event, () => {
      void (async () => {
        for (let step = 0; step < 500; step++) await Promise.resolve()
        order.push(event, scheduler.nowMs)
      })()
    })
  }
  await scheduler.run(50)
  expect(order).toEqual(Array.from({ length: 20 }, (_, event) => [event, event]).flat())
})

it('what the process caught breaks a rule of the world that was played', async () => {
  const secp256k1 = await loadSecp256k1()
  let asked = 0
  const strayErrors = (): readonly string[] => (++asked === 3 ? ['a promise was rejected and nobody listened'] : [])
  const options = { seed: 1, nodes: 4, faultMinutes: 0.1, faults: PROFILES.none, hasRealSignatures: false }
  const { violations } = await runWorld({ secp256k1, turn: eventLoopTurns(), strayErrors }, options)
  expect(violations).toMatchObject([{ rule: 'no-own-fault', what: 'a promise was rejected and nobody listened' }])
})
