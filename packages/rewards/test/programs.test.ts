import { type Address, microUsd } from '@stead/core'
import {
  type CoverageParameters,
  coverageProgram,
  defaultQualityParameters,
  encodePolicy,
  epochNumber,
  firstQualityParameters,
  firstUtilityProgram,
  type LotPart,
  mintCap,
  type Program,
  type ProgramInput,
  ProgramRegistry,
  policyId,
  ppm,
  QualityTable,
  rewardUnits,
  type Share,
  tokenUnits,
  utilityProgram,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sumLines } from '../src/epoch/sum-lines.ts'
import { addressOf } from './world.ts'

const [first, second] = [addressOf('operator 1'), addressOf('operator 2')]
const utilityParameters = { quality: defaultQualityParameters }

function input(change: Partial<ProgramInput>): ProgramInput {
  const empty = { epoch: epochNumber(5), operators: [], quality: new QualityTable([]), parts: [], soldLots: [] }
  return { ...empty, budgetMicroUsd: microUsd(0n), given: new Map(), ...change }
}

function part(operator: Address, fee: bigint, qualityPpm: number, reason = ''): LotPart {
  return { operator, feeMicroUsd: microUsd(fee), qualityPpm: ppm(qualityPpm), reason }
}

function shareOf(shares: readonly Share[], operator: Address): Share {
  const found = shares.find((share) => share.operator === operator)
  if (found === undefined) throw new Error(`no share of ${operator}`)
  return found
}

describe('utility', () => {
  const lot = {
    lot: epochNumber(4),
    burnedTokenUnits: tokenUnits(1000n),
    kappaBps: 8000,
    saleFeesMicroUsd: microUsd(4n),
  }

  test('gives κ·q·B·f/F rounded down, and says why it is not the whole cap', () => {
    const parts = [part(first, 3n, 500_000), part(second, 1n, 1_000_000)]
    const shares = utilityProgram.shares(
      input({ operators: [first, second], soldLots: [{ ...lot, parts }] }),
      utilityParameters,
    )
    expect(shareOf(shares, first).amountUnits).toBe(300n)
    expect(shareOf(shares, first).reasons).toContainEqual({ code: 'quality', about: 'lot 4', need: 600n, have: 300n })
    expect(shareOf(shares, second).amountUnits).toBe(200n)
    expect(shareOf(shares, second).reasons.map(({ code }) => code)).toEqual(['no-fees'])
  })

  test('gives every zero its reason', () => {
    const parts = [part(first, 3n, 0, 'not-bonded'), part(second, 1n, 0, 'quality-unknown')]
    const third = addressOf('operator 3')
    const shares = utilityProgram.shares(
      input({ operators: [first, second, third], soldLots: [{ ...lot, parts }], parts: [part(third, 7n, 1_000_000)] }),
      utilityParameters,
    )
    const codes = [first, second, third].map((operator) => shareOf(shares, operator).reasons.map(({ code }) => code))
    expect(codes).toEqual([['not-bonded', 'no-fees'], ['quality-unknown', 'no-fees'], ['unsold-lot']])
    for (const { amountUnits } of shares) expect(amountUnits).toBe(0n)
  })

  test('never gives an operator more than the cap of the contract, nor all together more than κ·B', () => {
    const anyPart = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.nat({ max: 1_000_000 }))
    fc.assert(
      fc.property(
        fc.array(anyPart, { minLength: 1, maxLength: 12 }),
        fc.bigInt({ min: 0n, max: 10n ** 24n }),
        fc.nat({ max: 9000 }),
        (given, burned, kappaBps) => {
          const parts = given.map(([fee, q], index) => part(addressOf(`operator ${index}`), fee, q))
          const total = microUsd(given.reduce((sum, [fee]) => sum + fee, 0n))
          const sold = {
            lot: epochNumber(4),
            burnedTokenUnits: tokenUnits(burned),
            kappaBps,
            saleFeesMicroUsd: total,
            parts,
          }
          const operators = parts.map(({ operator }) => operator)
          const shares = utilityProgram.shares(input({ operators, soldLots: [sold] }), utilityParameters)
          let sum = 0n
          for (const { operator, amountUnits, reasons } of shares) {
            const fee = parts.find((entry) => entry.operator === operator)?.feeMicroUsd ?? 0n
            expect(amountUnits).toBeLessThanOrEqual(mintCap(sold, fee))
            if (amountUnits === 0n) expect(reasons.length).toBeGreaterThan(0)
            sum += amountUnits
          }
          expect(sum).toBeLessThanOrEqual((burned * BigInt(kappaBps)) / 10_000n)
        },
      ),
    )
  })
})

describe('policies', () => {
  test('have known ids: a change of code version or parameters is another program', () => {
    const id = policyId(encodePolicy(utilityProgram, utilityParameters))
    expect(id).toBe('0x13fb342aa54c64b5a0bd5742dd277632b6c14c37f0ecbb41184bac2b7838bf39')
    expect(policyId(encodePolicy({ ...utilityProgram, codeVersion: 3 }, utilityParameters))).not.toBe(id)
    const quality = { ...defaultQualityParameters, answerMaxMs: 4999 }
    expect(policyId(encodePolicy(utilityProgram, { quality }))).not.toBe(id)
  })

  test('of the first version are what they were before there were audits, and have none', () => {
    const first = encodePolicy(firstUtilityProgram, { quality: firstQualityParameters })
    expect(policyId(first)).toBe('0xcee76b8fba71bc27b6130d1b30140b910c25f74ddc484622600d031ba6189ffd')
    expect(() => encodePolicy(firstUtilityProgram, utilityParameters)).toThrow(
      expect.objectContaining({ code: 'REWARDS_MALFORMED' }),
    )
  })

  test('of programs that are not here, or with senseless parameters, are refused by a typed error', () => {
    const registry = new ProgramRegistry().add(utilityProgram)
    const policy = encodePolicy(utilityProgram, utilityParameters)
    expect(registry.bind(policy)).toMatchObject({ name: 'utility', funding: 'mint', parameters: utilityParameters })
    const later = encodePolicy({ ...utilityProgram, codeVersion: 9 }, utilityParameters)
    expect(() => registry.bind(later)).toThrow(expect.objectContaining({ code: 'REWARDS_POLICY_UNKNOWN' }))
    expect(() => registry.bind(new Uint8Array([1]))).toThrow(expect.objectContaining({ code: 'PROTOCOL_MALFORMED' }))
    expect(() => registry.add(utilityProgram)).toThrow(RangeError)
    for (const change of [
      { probersMin: 11 },
      { probersPerNode: 0 },
      { probesPerEpoch: 0 },
      { answerMaxMs: 0 },
      { availabilityFullPpm: ppm(500_000) },
      { latencyClasses: [] },
      {
        latencyClasses: [
          { upToMs: 10, scorePpm: ppm(1) },
          { upToMs: 10, scorePpm: ppm(1) },
        ],
      },
      {
        latencyClasses: [
          { upToMs: 10, scorePpm: ppm(1) },
          { upToMs: 20, scorePpm: ppm(2) },
        ],
      },
    ]) {
      const quality = { ...defaultQualityParameters, ...change }
      expect(() => encodePolicy(utilityProgram, { quality })).toThrow(
        expect.objectContaining({ code: 'REWARDS_MALFORMED' }),
      )
    }
  })

  test.each<readonly [string, readonly Share[]]>([
    [
      'twice',
      [
        { operator: first, amountUnits: rewardUnits(1n), reasons: [] },
        { operator: first, amountUnits: rewardUnits(1n), reasons: [] },
      ],
    ],
    ['a budget', [{ operator: first, amountUnits: rewardUnits(101n), reasons: [] }]],
    ['gets -1', [{ operator: first, amountUnits: -1n as never, reasons: [] }]],
    ['without a reason', [{ operator: first, amountUnits: rewardUnits(0n), reasons: [] }]],
  ])('whose program breaks its promise (%s) stop the epoch', (what, shares) => {
    const rogue: Program<CoverageParameters> = { ...coverageProgram, name: 'rogue', shares: () => shares }
    const zero = microUsd(0n)
    const bound = new ProgramRegistry().add(rogue).bind(
      encodePolicy(rogue, {
        rateMicroUsd: zero,
        networksEnough: 1,
        qualityFloorPpm: ppm(0),
        networkMaxMicroUsd: zero,
        operatorMaxMicroUsd: zero,
        epochMaxMicroUsd: zero,
        cells: ['compute anywhere'],
      }),
    )
    expect(() => sumLines([{ program: bound, depositedMicroUsd: microUsd(100n) }], input({}), [])).toThrow(
      expect.objectContaining({ code: 'REWARDS_PROGRAM_FAULT', message: expect.stringContaining(what) }),
    )
  })
})
