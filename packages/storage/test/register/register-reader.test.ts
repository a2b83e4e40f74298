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

describe('a reader of a register without its key', () => {
  it('sees each value that was acknowledged, from three keepers on, while two are away or lie', async () => {
    const vices = ['forgets', 'old', 'hides', 'away'] as const
    for (let seed = 0; seed < 20; seed++) {
      const vice = vices[seed % vices.length] ?? 'away'
      const { world, swap } = await begun(seed)
      const reader = world.reader(1, world.first.slice(0, 3 * AT_A_TIME))
      for (let sequence = 1; sequence <= 6; sequence++) {
        expect(await swap(sequence - 1, `value ${sequence}`)).toBe('done')
        expect(await world.within(reader.read())).toEqual({ sequence, value: bytesOfText(`value ${sequence}`) })
        if (sequence === 3)
          for (const keeper of world.keepers.slice(1, 3))
            if (vice === 'away') keeper.isAway = true
            else keeper.vice = vice
      }
      const fresh = world.reader(2, world.first.slice(0, 3 * AT_A_TIME))
      expect((await world.within(fresh.read()))?.sequence).toBe(6)
    }
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
