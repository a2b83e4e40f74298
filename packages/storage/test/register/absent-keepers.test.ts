import { describe, expect, it } from 'vitest'
import { RegisterWorld } from './register-world.ts'

const value = (number: number): Uint8Array => Uint8Array.of(number)
const AWAY = { code: 'STORAGE_ROOT_AWAY' }

function setAway(world: RegisterWorld, places: readonly number[]): void {
  for (const [place, each] of world.keepers.entries()) each.isAway = places.includes(place)
}

/** A pointer on seven keepers that its machine has written; the machine is gone, and seven more nodes are there. */
async function written(seed: number) {
  const world = new RegisterWorld(seed)
  const { pointer } = world.machine(0)
  await world.within(pointer.swap(0, value(1)))
  await world.within(pointer.swap(1, value(2)))
  for (let number = 0; number < 7; number++) world.addKeeper()
  return { world, pointer }
}

describe('keepers that are said to be gone for good', () => {
  it.each([3, 4])('%i of seven: those that are left agree alone, with others in their place', async (dead) => {
    const { world } = await written(20 + dead)
    const gone = Array.from({ length: dead }, (_, place) => place)
    setAway(world, gone)
    const { pointer, pointers, store } = world.machine(1, undefined, { mayBegin: false })
    await expect(world.within(pointer.read())).rejects.toMatchObject(AWAY)
    pointers.takeAbsentForGone()
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(pointer.swap(2, value(3)))).toBe('done')
    // Nobody has to be told again: neither this machine after a start, nor another one.
    expect(await world.within(world.machine(2, store).pointer.read())).toEqual({ sequence: 3, value: value(3) })
    const other = world.machine(3, undefined, { mayBegin: false })
    expect(await world.within(other.pointer.read())).toEqual({ sequence: 3, value: value(3) })
  })

  it('do not keep back what was written once, and told to be decided to nobody', async () => {
    const world = new RegisterWorld(27)
    await world.within(world.machine(0).pointer.swap(0, value(1)))
    for (let number = 0; number < 7; number++) world.addKeeper()
    setAway(world, [0, 1, 2, 3])
    const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
    await expect(world.within(pointer.read())).rejects.toMatchObject(AWAY)
    pointers.takeAbsentForGone()
    expect(await world.within(pointer.read())).toEqual({ sequence: 1, value: value(1) })
    expect(await world.within(pointer.swap(1, value(2)))).toBe('done')
  })

  it('are left out where no other node can be had now: a later round finds some', async () => {
    const { world } = await written(28)
    setAway(world, [0, 1, 2])
    const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
    pointers.takeAbsentForGone()
    world.isWithoutNodes = true
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(pointers.keepersNow())).toHaveLength(4)
    world.isWithoutNodes = false
    expect(await world.within(pointers.mend(() => false))).toBe(1)
    expect(await world.within(pointers.keepersNow())).toHaveLength(7)
    expect(await world.within(pointer.swap(2, value(3)))).toBe('done')
  })

  it('are not replaced when too few are left to know the newest', async () => {
    const { world } = await written(30)
    setAway(world, [0, 1, 2, 3, 4])
    const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
    pointers.takeAbsentForGone()
    await expect(world.within(pointer.read())).rejects.toMatchObject(AWAY)
    setAway(world, [])
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
  })

  it('stay where enough answer as usual', async () => {
    const { world } = await written(31)
    setAway(world, [0, 1])
    const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
    pointers.takeAbsentForGone()
    expect(await world.within(pointer.read())).toEqual({ sequence: 2, value: value(2) })
    expect(await world.within(pointers.keepersNow())).toHaveLength(7)
    const before = new Set(world.keepers.slice(0, 7).map(({ key }) => key.toString()))
    expect((await world.within(pointers.keepersNow())).every((key) => before.has(key.toString()))).toBe(true)
  })

  it('say so when they come back after all: whoever asks them finds the others', async () => {
    const { world, pointer: first } = await written(32)
    setAway(world, [0, 1, 2, 3])
    const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
    pointers.takeAbsentForGone()
    await world.within(pointer.read())
    expect(await world.within(pointer.swap(2, value(3)))).toBe('done')
    setAway(world, [])
    expect(await world.within(first.swap(2, value(9)))).toBe('moved')
    expect(await world.within(first.read())).toEqual({ sequence: 3, value: value(3) })
  })

  it('leave no half of a write behind: what some had taken is finished or given up, never both', async () => {
    for (let seed = 40; seed < 60; seed++) {
      const { world, pointer: first } = await written(seed)
      const writing = first.swap(2, value(3)).then(
        (outcome) => outcome,
        () => 'unknown',
      )
      await world.run(Math.floor(world.random.fraction() * 30))
      const gone = [0, 1, 2, 3, 4, 5, 6].filter(() => world.random.fraction() < 0.5).slice(0, 4)
      setAway(world, gone)
      const { pointer, pointers } = world.machine(1, undefined, { mayBegin: false })
      pointers.takeAbsentForGone()
      const seen = await world.within(pointer.read())
      const outcome = await world.within(writing)
      const after = await world.within(pointer.read())
      expect([2, 3]).toContain(seen?.sequence)
      expect(after?.sequence).toBeGreaterThanOrEqual(seen?.sequence ?? 0)
      if (outcome === 'done') expect(after).toEqual({ sequence: 3, value: value(3) })
      setAway(world, [])
      expect(await world.within(first.read())).toEqual(after)
    }
  })
})
