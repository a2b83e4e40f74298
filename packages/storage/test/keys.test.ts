import { hasCode } from '@stead/core'
import { createRecoveryPhrase, PathSecret, rootSecretOf } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const root = new PathSecret(new Uint8Array(32).fill(1))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
const failsWith = (code: string) => (error: unknown) => hasCode(error, code)
const notAuthentic = expect.objectContaining({ code: 'STORAGE_NOT_AUTHENTIC' })

describe('a recovery phrase', () => {
  it('has 24 words, another one each time, and gives one secret however it is typed', () => {
    const random = new SeededRandom(1)
    const phrase = createRecoveryPhrase(random)
    expect(phrase.split(' ')).toHaveLength(24)
    expect(createRecoveryPhrase(random)).not.toBe(phrase)
    const secret = hex(rootSecretOf(phrase).bytes())
    expect(hex(rootSecretOf(`  ${phrase.toUpperCase().replaceAll(' ', '\n ')} `).bytes())).toBe(secret)
  })

  it('of zeros gives the secret that HKDF of zeros is, as it always did', () => {
    const phrase = `${'abandon '.repeat(23)}art`
    expect(hex(rootSecretOf(phrase).bytes())).toBe('6b8106c51c7cc610f34d0eb5c4adffc8de94f7c39eb90c37dced1367ee4349ff')
  })

  it('that is wrong is refused with what is wrong, and its words are not repeated', () => {
    const words = createRecoveryPhrase(new SeededRandom(2)).split(' ')
    const messageFor = (phrase: string): string => {
      try {
        rootSecretOf(phrase)
      } catch (error) {
        expect(error).toSatisfy(failsWith('STORAGE_BAD_PHRASE'))
        return String(error)
      }
      throw new Error('it was taken')
    }
    expect(messageFor(words.slice(1).join(' '))).toContain('24 words, not 23')
    const typo = messageFor(words.with(3, 'abandom').join(' '))
    expect(typo).toContain('number 4')
    expect(typo).not.toContain('abandom')
    const swapped = words.with(0, words[1] ?? '').with(1, words[0] ?? '')
    const mixed = messageFor(swapped.join(' '))
    for (const word of words) expect(mixed.split(/\W+/)).not.toContain(word)
  })
})

describe('the secret of a path', () => {
  it('gives the same below, in one step or several, and another one for every other path', () => {
    const paths = fc.array(name, { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const secret = hex(root.below(...left).bytes())
        expect(hex(left.reduce((place, step) => place.below(step), root).bytes())).toBe(secret)
        const isSame = left.length === right.length && left.every((step, index) => step === right[index])
        expect(hex(root.below(...right).bytes()) === secret).toBe(isSame)
      }),
    )
    expect(hex(root.below('a', 'b').bytes())).not.toBe(hex(root.below('a/b').bytes()))
  })

  it('seals names so that only it can open them, the same name always alike', () => {
    fc.assert(
      fc.property(name, name, (left, right) => {
        const sealed = root.sealName(left)
        expect(root.openName(sealed)).toBe(left)
        expect(hex(root.sealName(right)) === hex(sealed)).toBe(left === right)
        expect(() => root.below('elsewhere').openName(sealed)).toThrow(notAuthentic)
      }),
    )
    const sealed = root.sealName('holiday.jpg')
    expect(Buffer.from(sealed).includes('holiday')).toBe(false)
    for (const bad of [
      sealed.map((byte, index) => (index === 20 ? byte ^ 1 : byte)),
      sealed.subarray(1),
      new Uint8Array(3),
    ])
      expect(() => root.openName(bad)).toThrow(notAuthentic)
  })

  it('wraps keys so that only it can unwrap them', () => {
    const key = new Uint8Array(32).fill(9)
    const wrapped = root.wrapKey(key)
    expect(wrapped).toHaveLength(40)
    expect(root.unwrapKey(wrapped)).toEqual(key)
    for (const bad of [wrapped.with(7, (wrapped[7] ?? 0) ^ 1), wrapped.subarray(8), new Uint8Array(40)])
      expect(() => root.unwrapKey(bad)).toThrow(notAuthentic)
    expect(() => root.below('a').unwrapKey(wrapped)).toThrow(notAuthentic)
    expect(() => root.wrapKey(new Uint8Array(16))).toThrow(RangeError)
  })

  it('refuses names that are none', () => {
    for (const bad of ['', 'x'.repeat(1025), '\ud800']) expect(() => root.below(bad)).toThrow(RangeError)
    expect(() => new PathSecret(new Uint8Array(31))).toThrow(RangeError)
  })
})
