import { SdkError } from '@stead/sdk'
import { beforeEach, expect, it } from 'vitest'
import { TransferProgress, timeText } from '../../src/objects/transfer-progress.ts'
import type { Terminal } from '../../src/terminal/terminal.ts'

const MIB = 1024 * 1024
const messages: string[] = []
const message = (text: string): void => void messages.push(text)
const terminal = { isInteractive: false, columns: 80, message } as Terminal
const { signal } = new AbortController()
const file = { name: 'file', lengthBytes: 3000 }

beforeEach(() => {
  messages.length = 0
})

it.each([
  [0, '0 s'],
  [0.2, '1 s'],
  [59, '59 s'],
  [59.5, '1 min 0 s'],
  [185, '3 min 5 s'],
  [7800, '2 h 10 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(timeText(seconds)).toBe(text)
})

it('bytes of an attempt that failed do not count', async () => {
  const progress = new TransferProgress(terminal, 'file', 3000)
  const failing = progress.follow(file, signal, async ({ onBytes }) => {
    onBytes(2000)
    throw new Error('why')
  })
  await expect(failing).rejects.toThrow('why')
  await progress.follow(file, signal, async ({ onBytes }) => onBytes(1024))
  expect(progress.end()).toMatch(/^1\.0 KiB in /)
})

it('what an earlier command left is told, and is no part of what this one moved', async () => {
  const progress = new TransferProgress(terminal, 'file', 200 * MIB)
  await progress.follow({ name: 'a\nb', lengthBytes: 200 * MIB }, signal, async ({ onBytes, onResume }) => {
    onResume(48 * MIB)
    onBytes(48 * MIB)
    onBytes(152 * MIB)
  })
  expect(messages).toEqual(['a\\nb: resuming at 48.0 MiB of 200 MiB (24 %)'])
  expect(progress.resumedBytes).toBe(48 * MIB)
  expect(progress.end()).toMatch(/^152 MiB in /)
})

it('what an earlier command left is told once, however long the node is away', async () => {
  const progress = new TransferProgress(terminal, 'file', 3 * MIB)
  let attempts = 0
  await progress.follow({ name: 'file', lengthBytes: 3 * MIB }, signal, async ({ onBytes, onResume }) => {
    onResume(MIB)
    onBytes(MIB)
    if (++attempts < 3) throw new SdkError('API_NO_DAEMON', 'killed')
  })
  expect(messages).toEqual([
    'file: resuming at 1.0 MiB of 3.0 MiB (33 %)',
    'the node does not answer: it is asked again for half a minute',
  ])
  expect(progress.resumedBytes).toBe(MIB)
})

it('that the node is away is told once for all transfers', async () => {
  const progress = new TransferProgress(terminal, '2 files', 2)
  const failures = new Map([
    ['a', 1],
    ['b', 2],
  ])
  const send = async (name: string): Promise<void> =>
    await progress.follow({ name, lengthBytes: 1 }, signal, async ({ onBytes }) => {
      const left = failures.get(name) ?? 0
      failures.set(name, left - 1)
      if (left > 0) throw new SdkError('API_NO_DAEMON', 'killed')
      onBytes(1)
    })
  await Promise.all([send('a'), send('b')])
  expect(messages).toEqual(['the node does not answer: it is asked again for half a minute'])
})

it('what an earlier attempt of the same command left is told, and was moved by it', async () => {
  const progress = new TransferProgress(terminal, 'file', 3 * MIB)
  let isAway = true
  await progress.follow({ name: 'file', lengthBytes: 3 * MIB }, signal, async ({ onBytes, onResume }) => {
    if (!isAway) onResume(MIB)
    onBytes(2 * MIB)
    if (!isAway) onBytes(MIB)
    else {
      isAway = false
      throw new SdkError('API_NO_DAEMON', 'killed')
    }
  })
  expect(messages).toEqual([
    'the node does not answer: it is asked again for half a minute',
    'file: resuming at 1.0 MiB of 3.0 MiB (33 %)',
  ])
  expect(progress.resumedBytes).toBe(0)
  expect(progress.end()).toMatch(/^3\.0 MiB in /)
})
