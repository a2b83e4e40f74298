import { describe, expect, it } from 'vitest'
import { untilAll } from '../src/start/until-all.ts'

const terms = { wanted: 4, what: 'pieces are back', giveUpMs: 200, tellMs: 10_000, lookMs: 1, next: 'Try again.' }

/** Waits where looks find so many, the last again and again. */
async function wait(
  found: readonly number[],
  signal: AbortSignal = new AbortController().signal,
  tellMs = terms.tellMs,
): Promise<{ readonly looks: number; readonly messages: readonly string[] }> {
  const messages: string[] = []
  let looks = 0
  const count = async (): Promise<number> => found[Math.min(looks++, found.length - 1)] ?? 0
  await untilAll({ count, terminal: { message: (text) => void messages.push(text) }, signal }, { ...terms, tellMs })
  return { looks, messages }
}

describe('waiting for all', () => {
  it('says how many there are when there are more, and not at each look', async () => {
    const { looks, messages } = await wait([0, 0, 0, 1, 1, 3, 3, 4])
    expect(looks).toBe(8)
    expect(messages).toEqual([
      '0 of 4 pieces are back',
      '1 of 4 pieces are back',
      '3 of 4 pieces are back',
      '4 of 4 pieces are back',
    ])
  })

  it('goes on for as long as there are more, however long that is', async () => {
    let now = 0
    const count = async (): Promise<number> => {
      // Each takes longer than half of what is waited for one.
      await new Promise((resolve) => setTimeout(resolve, 120))
      return now++
    }
    const terminal = { message: () => undefined }
    await untilAll({ count, terminal, signal: new AbortController().signal }, terms)
    expect(now).toBe(5)
  })

  it('gives up when there are no more, and says how many there were, how long it waited, and what to do', async () => {
    await expect(wait([1, 2])).rejects.toMatchObject({
      code: 'CLI_DEV_FAILED',
      message: '2 of 4 pieces are back, and no more in 0 s',
      details: { need: 4, have: 2 },
      next: 'Try again.',
    })
  })

  it('says again that it waits, and how long it will, while there are no more', async () => {
    const found = [...Array.from({ length: 20 }, () => 1), 4]
    const { messages } = await wait(found, new AbortController().signal, 1)
    expect(messages).toContain('1 of 4 pieces are back, and no more in 0 s; waiting for up to 0 s …')
  })

  it('can be interrupted', async () => {
    await expect(wait([0], AbortSignal.abort())).rejects.toThrow()
  })
})
