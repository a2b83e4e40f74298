import { describe, expect, it } from 'vitest'
import { type FilterRule, folderFilter, nameFilter } from '../../src/objects/name-filter.ts'

const exclude = (pattern: string): FilterRule => ({ isIncluded: false, pattern })
const include = (pattern: string): FilterRule => ({ isIncluded: true, pattern })

describe('names that are taken', () => {
  it.each([
    [[], 'a/b', true],
    [[exclude('*')], 'a/b', false],
    [[exclude('*.log')], 'a/b.log', false],
    [[exclude('*.log')], 'a/b.log.gz', true],
    [[exclude('a/*')], 'a/b/c', false],
    [[exclude('a/*')], 'b/a/c', true],
    [[exclude('a?')], 'ab', false],
    [[exclude('a?')], 'abc', true],
    [[exclude('[a-c]x')], 'bx', false],
    [[exclude('[!a-c]x')], 'bx', true],
    [[exclude('[')], '[', false],
    [[exclude('a.b')], 'axb', true],
    [[exclude('a+(b)|c')], 'a+(b)|c', false],
    [[exclude('größe?')], 'größe😀', false],
    [[exclude('*'), include('*.txt')], 'a/b.txt', true],
    [[include('*.txt'), exclude('*')], 'a/b.txt', false],
  ] as const)('%j: %j %j', (rules, name, isTaken) => {
    expect(nameFilter(rules)(name)).toBe(isTaken)
  })

  it('costs no time that grows faster than the name', () => {
    const start = performance.now()
    expect(nameFilter([exclude('*a'.repeat(12))])(`${'a'.repeat(40)}b`)).toBe(true)
    expect(performance.now() - start).toBeLessThan(2000)
  })
})

describe('folders that are looked into', () => {
  it.each([
    [[], true],
    [[exclude('a/b/*')], false],
    [[exclude('a/*')], false],
    [[exclude('a*')], false],
    [[exclude('*')], false],
    [[exclude('a/b')], true],
    [[exclude('a/b/c*')], true],
    [[exclude('*.log')], true],
    [[exclude('a/*'), include('*.txt')], true],
    [[include('*.txt'), exclude('a/*')], false],
  ] as const)('%j: %j', (rules, isEntered) => {
    expect(folderFilter(rules)('a/b')).toBe(isEntered)
  })
})
