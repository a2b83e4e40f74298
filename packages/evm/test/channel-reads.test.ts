import { hash } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { claimedRead, voucherSignerRead } from '../src/contract-reads.ts'
import { NOBODY } from '../src/nobody.ts'

const CHANNEL = hash(`0x${'cc'.repeat(32)}`)
const SIGNER = '51'.repeat(20)
const words = (...numbers: readonly string[]) => `0x${numbers.map((word) => word.padStart(64, '0')).join('')}` as const

describe('what an Escrow says of a channel', () => {
  it('is what was claimed and who signs for it, nothing before the first claim', () => {
    const answer = words('f4240', '1', SIGNER)
    expect(claimedRead(CHANNEL).read(answer)).toBe(1_000_000n)
    expect(voucherSignerRead(CHANNEL).read(answer)).toBe(`0x${SIGNER}`)
    expect(voucherSignerRead(CHANNEL).read(words('0', '0', '0'))).toBeUndefined()
  })

  it('is what was claimed alone, where it was deployed before it told signers', () => {
    expect(claimedRead(CHANNEL).read(words('f4240', '1'))).toBe(1_000_000n)
    expect(voucherSignerRead(CHANNEL).read(words('f4240', '1'))).toBe(NOBODY)
    expect(voucherSignerRead(CHANNEL).read(words('0', '0'))).toBeUndefined()
  })

  it('is refused from a contract that answers something else', () => {
    for (const answer of ['0x', words('1')] as const)
      expect(() => voucherSignerRead(CHANNEL).read(answer)).toThrow(
        expect.objectContaining({ code: 'CHAIN_WRONG_CONTRACT' }),
      )
  })
})
