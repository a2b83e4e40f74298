import { Writable } from 'node:stream'
import type { WriteStream } from 'node:tty'
import { expect, it } from 'vitest'
import { ProgressLine } from '../progress-line.ts'

/** What a line writes to a stream that is a terminal or none. */
function written(isTTY: boolean, use: (line: ProgressLine) => void): string {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  use(new ProgressLine(Object.assign(stream, { isTTY, columns: 10 }) as unknown as WriteStream))
  return text
}

it('a line of progress takes the place of the last, and never of a second row', () => {
  const use = (line: ProgressLine): void => {
    line.show('1 of 3')
    line.show('2 of 3 that are left')
    line.clear()
    line.clear()
  }
  expect(written(true, use)).toBe('1 of 3\x1b[1G\x1b[2K2 of 3 th\x1b[1G\x1b[2K')
  expect(written(false, use)).toBe('')
})
