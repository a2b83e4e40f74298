import { describe, expect, it } from 'vitest'
import { shownLine, shownName, shownText } from '../src/terminal/shown-name.ts'

describe('a name as it is shown', () => {
  it('has nothing that a terminal obeys, and all other letters', () => {
    expect(shownName('a\u001b[31m\r\n\t\u0000\u007f\u009b\u202e\u2066\u2028')).toBe(
      'a\\x1b[31m\\r\\n\\t\\x00\\x7f\\x9b\\u202e\\u2066\\u2028',
    )
    const plain = 'größe/日本 😀 \u0301a.txt'
    expect(shownName(plain)).toBe(plain)
  })

  it('is that of no other: a backslash is escaped as well', () => {
    expect(shownName('a\\nb')).toBe('a\\\\nb')
    expect(shownName('a\nb')).toBe('a\\nb')
  })

  it('may be among lines of text, which have backslashes of their own', () => {
    expect(shownText('a\n\u001bb\\c')).toBe('a\n\\x1bb\\c')
    expect(shownLine('a\n\u001bb\\c')).toBe('a\\n\\x1bb\\c')
  })
})
