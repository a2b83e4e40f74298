import { describe, expect, it } from 'vitest'
import { interruptible } from '../src/job/interruptible.ts'

describe('work that Ctrl-C ends', () => {
  it('fails as interrupted, whatever the abort made it throw', async () => {
    const controller = new AbortController()
    const work = interruptible(controller.signal, 'interrupted; the job may have been taken on', async () => {
      controller.abort()
      throw controller.signal.reason
    })
    await expect(work).rejects.toMatchObject({ code: 'CLI_INTERRUPTED', next: 'See: stead jobs' })
  })

  it('fails as itself where nobody interrupted it', async () => {
    const fault = new TypeError('broken')
    const work = interruptible(new AbortController().signal, 'interrupted', () => Promise.reject(fault))
    await expect(work).rejects.toBe(fault)
  })
})
