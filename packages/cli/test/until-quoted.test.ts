import { address, microUsd, type UnixMs } from '@stead/core'
import type { JobQuote, JobSubmission } from '@stead/sdk/api'
import { describe, expect, it } from 'vitest'
import { untilQuoted } from '../src/start/until-quoted.ts'

const submission = {} as JobSubmission
const terms = { operators: 3, operatorsMin: 2, giveUpMs: 30, lookMs: 1 }

/** What the payer's node says when nodes of these operators answered and the others did not. */
function quoteOf(operators: readonly number[]): JobQuote {
  const matching = operators.map((operator) => ({
    node: address(`0x${String(operator).repeat(40)}`),
    operator: address(`0x${String(operator).repeat(40)}`),
    priceMicroUsdPerGigafuel: microUsd(1n),
    minimumMicroUsdPerTask: microUsd(1n),
    concurrency: 1,
    warm: false,
    validUntil: 0 as UnixMs,
  }))
  const silent = terms.operators - operators.length
  const excluded = silent === 0 ? [] : [{ reason: 'silent', count: silent }]
  return { tasks: 1, matching, excluded, maxCostMicroUsd: microUsd(1n) }
}

/** Waits where the answers come in this order, the last one again and again. */
async function wait(
  answers: readonly (readonly number[])[],
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly asked: number; readonly messages: readonly string[] }> {
  const messages: string[] = []
  let asked = 0
  const client = { quoteJob: async () => quoteOf(answers[Math.min(asked++, answers.length - 1)] ?? []) }
  await untilQuoted({ client, terminal: { message: (text) => void messages.push(text) }, signal }, submission, terms)
  return { asked, messages }
}

describe('the first job of a network', () => {
  it('begins at once where all nodes answer', async () => {
    expect(await wait([[1, 2, 3]])).toEqual({ asked: 1, messages: [] })
  })

  it('waits for nodes that are known and do not answer yet, which is said once', async () => {
    const { asked, messages } = await wait([[], [1], [1, 2], [1, 2, 3]])
    expect([asked, messages]).toEqual([4, ['0 of 3 nodes answer (3 silent); waiting for the others …']])
  })

  it('goes on with fewer that are enough when no more come, and counts operators, not nodes', async () => {
    const { messages } = await wait([[1, 2]])
    expect(messages.at(-1)).toBe('2 of 3 nodes answer (1 silent); going on without the others')
    await expect(wait([[1, 1]])).rejects.toMatchObject({ code: 'CLI_NO_PROVIDERS' })
  })

  it('is not begun where too few answer, and says so', async () => {
    await expect(wait([[1]])).rejects.toMatchObject({
      code: 'CLI_NO_PROVIDERS',
      message: '1 of 3 nodes answer (2 silent); a job needs 2',
      details: { needOperators: 2, haveOperators: 1 },
    })
  })

  it('can be interrupted', async () => {
    await expect(wait([[]], AbortSignal.abort())).rejects.toThrow()
  })
})
