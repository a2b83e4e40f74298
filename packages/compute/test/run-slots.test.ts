import { describe, expect, it } from 'vitest'
import { RunSlots } from '../src/provider/run-slots.ts'

const never = new AbortController().signal

describe('the places in which tasks run', () => {
  it('are given to owners in turn, so that a long queue starves nobody', async () => {
    const slots = new RunSlots({ concurrency: 1, queueMax: 100 })
    const order: string[] = []
    await slots.enter('first', never)
    const waits = ['greedy', 'greedy', 'greedy', 'modest'].map((owner) =>
      slots.enter(owner, never).then(() => order.push(owner)),
    )
    for (let i = 0; i < waits.length; i++) {
      slots.leave(1000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(waits)
    expect(order).toEqual(['greedy', 'modest', 'greedy', 'greedy'])
  })

  it('accept no more than they say', () => {
    const slots = new RunSlots({ concurrency: 2, queueMax: 4 })
    const accept = (owner: string, count: number) => Array.from({ length: count }, () => slots.accept(owner))
    expect(accept('greedy', 6)).toEqual([true, true, true, true, false, false])
    expect(accept('modest', 3)).toEqual([true, true, false])
    slots.dismiss('modest')
    expect(slots.accept('greedy')).toBe(false)
    expect(slots.accept('modest')).toBe(true)
  })

  it('forget who gave up waiting', async () => {
    const slots = new RunSlots({ concurrency: 1, queueMax: 10 })
    await slots.enter('a', never)
    const abort = new AbortController()
    const gaveUp = expect(slots.enter('b', abort.signal)).rejects.toThrow('gone')
    abort.abort(new Error('gone'))
    await gaveUp
    slots.leave(1000)
    expect(slots.running).toBe(0)
    await slots.enter('c', never)
    expect(slots.running).toBe(1)
  })

  it('say when all is done', async () => {
    const slots = new RunSlots({ concurrency: 1, queueMax: 1 })
    await slots.idle()
    slots.accept('a')
    let isIdle = false
    const idle = slots.idle().then(() => {
      isIdle = true
    })
    await Promise.resolve()
    expect(isIdle).toBe(false)
    slots.dismiss('a')
    await idle
  })
})
