import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { firstOf } from '../src/s3/http/first-of.ts'

test('the first of some events is waited for, and none is listened to afterwards', async () => {
  const [drain, close] = [new EventEmitter(), new EventEmitter()]
  const first = firstOf([drain, 'drain'], [close, 'close'])
  close.emit('close')
  await first
  expect([drain.listenerCount('drain'), close.listenerCount('close')]).toEqual([0, 0])
})
