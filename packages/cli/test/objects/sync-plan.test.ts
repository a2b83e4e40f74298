import { describe, expect, it } from 'vitest'
import type { Entry } from '../../src/objects/local-files.ts'
import { planSync } from '../../src/objects/sync-plan.ts'

const entry = (name: string, lengthBytes = 1, changedAtMs = 1000): Entry => ({ name, lengthBytes, changedAtMs })
const never = async (): Promise<boolean> => false

describe('what makes a folder like another', () => {
  it('is what is new, longer or changed, and what is not there any more', async () => {
    const source = [entry('new'), entry('longer', 2), entry('later', 1, 5000), entry('same')]
    const target = [entry('longer'), entry('later'), entry('same'), entry('gone')]
    const plan = await planSync(source, target, never)
    expect(plan.transfers.map(({ name }) => name)).toEqual(['new', 'longer', 'later'])
    expect(plan.extra.map(({ name }) => name)).toEqual(['gone'])
    expect(plan.same).toBe(1)
  })

  it('counts an older time as a change too: a file may be put back', async () => {
    expect((await planSync([entry('a', 1, 500)], [entry('a', 1, 1000)], never)).transfers).toHaveLength(1)
  })

  it('looks at content only where length is the same and time is not', async () => {
    const asked: string[] = []
    const source = [entry('a', 2), entry('b', 1, 7), entry('c', 1, 1001.5)]
    const plan = await planSync(source, [entry('a', 1), entry('b'), entry('c')], async ({ name }) => {
      asked.push(name)
      return true
    })
    expect(asked).toEqual(['b'])
    expect(plan.transfers.map(({ name }) => name)).toEqual(['a'])
    expect(plan.same).toBe(2)
  })
})
