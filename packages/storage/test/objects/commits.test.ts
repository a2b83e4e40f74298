import { describe, expect, it } from 'vitest'
import { Workplace } from './workplace.ts'

describe('writes one after another', () => {
  it('are all committed, however soon after the last one they come', async () => {
    const place = new Workplace()
    const store = place.open()
    await store.createBucket('bucket')
    for (let turns = 0; turns < 60; turns++) {
      await store.put('bucket', 'a', [])
      for (let turn = 0; turn < turns % 20; turn++) await Promise.resolve()
      await store.delete('bucket', 'a')
    }
    expect((await store.list('bucket', { limit: 1 })).objects).toEqual([])
  })
})
