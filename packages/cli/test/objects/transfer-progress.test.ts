import { expect, it } from 'vitest'
import { TransferProgress, timeText } from '../../src/objects/transfer-progress.ts'
import type { Terminal } from '../../src/terminal/terminal.ts'

const terminal = { isInteractive: false, columns: 80 } as Terminal

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
  const failing = progress.counting(async (onBytes) => {
    onBytes(2000)
    throw new Error('why')
  })
  await expect(failing).rejects.toThrow('why')
  await progress.counting(async (onBytes) => onBytes(1024))
  expect(progress.end()).toMatch(/^1\.0 KiB in /)
})
