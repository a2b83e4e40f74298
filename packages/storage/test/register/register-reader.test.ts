import type { PeerId } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { type Keeper, RegisterWorld } from './register-world.ts'

const AT_A_TIME = 33

function bytesOfText(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

async function begun(
  seed: number,
): Promise<{ world: RegisterWorld; swap: (at: number, text: string) => Promise<string> }> {
  const world = new RegisterWorld(seed)
  const { pointer } = world.machine(0, undefined, { keepers: world.first })
  const swap = async (at: number, text: string): Promise<string> =>
    await world.within(pointer.swap(at, bytesOfText(text)))
  return { world, swap }
}

function setAway(world: RegisterWorld, places: readonly number[]): void {
  for (const [place, each] of world.keepers.entries()) each.isAway = places.includes(place)
}

describe('a reader of a register without its key', () => {
  it('sees each value that was acknowledged, from three keepers on, while two are away or lie', async () => {
    const vices = ['forgets', 'old', 'hides', 'away'] as const
    for (let seed = 0; seed < 20; seed++) {
      const vice = vices[seed % vices.length] ?? 'away'
      const { world, swap } = await begun(seed)
      const reader = world.reader(1, world.first.slice(0, 3 * AT_A_TIME))
      for (let sequence = 1; sequence <= 6; sequence++) {
        expect(await swap(sequence - 1, `value ${sequence}`)).toBe('done')
        expect(await world.within(reader.read())).toMatchObject({ sequence, value: bytesOfText(`value ${sequence}`) })
        if (sequence === 3)
          for (const keeper of world.keepers.slice(1, 3))
            if (vice === 'away') keeper.isAway = true
            else keeper.vice = vice
      }
      const fresh = world.reader(2, world.first.slice(0, 3 * AT_A_TIME))
      expect((await world.within(fresh.read()))?.sequence).toBe(6)
    }
  })

  it('says of a value that it may be given up, until it was or others built on it', async () => {
    const { world, swap } = await begun(3)
    await swap(0, 'first')
    const reader = world.reader(1, world.first)
    expect(await world.within(reader.read())).toEqual({ sequence: 1, value: bytesOfText('first') })
    const { pointer } = world.machine(2, undefined, { keepers: world.first })
    await world.within(pointer.read())
    // It reaches two of seven, of whom nobody else hears.
    world.held = new Set([2, 3, 4, 5, 6])
    const waiting = swap(1, 'second')
    waiting.catch(() => undefined)
    await world.run(200)
    setAway(world, [6])
    expect(await world.within(reader.read())).toEqual({
      sequence: 2,
      value: bytesOfText('second'),
      isUnsettled: true,
    })
    setAway(world, [0, 1])
    expect(await world.within(pointer.swap(1, bytesOfText('other')))).toBe('done')
    setAway(world, [])
    expect(await world.within(reader.read())).toEqual({ sequence: 2, value: bytesOfText('other') })
    world.held = undefined
    expect(await world.within(waiting)).toBe('moved')
  })

  it('is not stopped by a peer in the table that cannot be a keeper', async () => {
    const { world, swap } = await begun(4)
    await swap(0, 'first')
    const { pointers, pointer } = world.machine(3, undefined, { keepers: world.first })
    await world.within(pointer.read())
    world.addKeeper()
    setAway(world, [0])
    await world.within(pointers.mend((key) => world.keepers[0]?.key.every((byte, at) => byte === key[at]) === true))
    for (const peers of world.provided.values()) peers.add('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' as PeerId)
    const reader = world.reader(1, new Uint8Array(0))
    expect(await world.within(reader.read())).toEqual({ sequence: 1, value: bytesOfText('first') })
  })

  it('finds keepers that took the place of others, and says so where too few answer', async () => {
    const { world, swap } = await begun(7)
    await swap(0, 'first')
    const early = world.reader(1, world.first.slice(0, 3 * AT_A_TIME))
    await world.within(early.read())
    const gone = new Set<Keeper>(world.keepers.slice(0, 2))
    for (const keeper of gone) keeper.isAway = true
    for (let more = 0; more < 2; more++) world.addKeeper()
    const isGone = (key: Uint8Array): boolean =>
      [...gone].some((each) => each.key.every((byte, at) => byte === key[at]))
    const { pointers, pointer } = world.machine(3, undefined, { keepers: world.first.slice(0, 7 * AT_A_TIME) })
    await world.within(pointer.read())
    expect(await world.within(pointers.mend(isGone))).toBe(1)
    expect(await world.within(pointer.swap(1, bytesOfText('second')))).toBe('done')
    const late = world.reader(2, world.first.slice(0, 3 * AT_A_TIME))
    for (const reader of [early, late])
      expect(await world.within(reader.read())).toEqual({ sequence: 2, value: bytesOfText('second') })
    for (const keeper of world.keepers.slice(2, 5)) keeper.isAway = true
    for (const reader of [early, late, world.reader(4, new Uint8Array(0))])
      await expect(world.within(reader.read())).rejects.toMatchObject({ code: 'STORAGE_SHARE_AWAY' })
  })
})
