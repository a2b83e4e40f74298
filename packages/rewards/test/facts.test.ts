import { type Address, address, isSteadError, microUsd } from '@stead/core'
import {
  type ClaimEvent,
  ClaimTally,
  encodeChainFacts,
  epochNumber,
  FACT_NODES_MAX,
  mintCap,
  openChainFacts,
  tokenUnits,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf, hashOf, makeFacts, makeNodes } from './world.ts'

function claim(block: number, logIndex: number, change: Partial<ClaimEvent> = {}): ClaimEvent {
  return {
    blockNumber: BigInt(block),
    logIndex,
    node: addressOf(`node ${block % 3}`),
    operator: addressOf(`operator ${block % 2}`),
    grossMicroUsd: microUsd(1000n * BigInt(block + 1)),
    feeMicroUsd: microUsd(50n * BigInt(block + 1)),
    ...change,
  }
}

/** Cheap, because there are many. */
const dustAddress = (index: number): Address => address(`0x${index.toString(16).padStart(40, '0')}`)

const CLAIMS = Array.from({ length: 12 }, (_, index) => claim(index, index % 4))

describe('claim tally', () => {
  test('gives the same totals for every order and repetition of the same events', () => {
    const plain = new ClaimTally()
    for (const event of CLAIMS) plain.add(event)
    const { duplicates: none, ...expected } = plain.totals()
    expect(none).toBe(0)
    expect(expected.feeTotalMicroUsd).toBe(CLAIMS.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n))
    fc.assert(
      fc.property(
        fc.shuffledSubarray(CLAIMS, { minLength: CLAIMS.length }),
        fc.array(fc.constantFrom(...CLAIMS), { maxLength: 8 }),
        (shuffled, again) => {
          const tally = new ClaimTally()
          for (const event of [...shuffled, ...again]) tally.add(event)
          expect(tally.totals()).toEqual({ ...expected, duplicates: again.length })
        },
      ),
    )
  })

  test('the same receipt twice pays once; another event in its place is refused with the place', () => {
    const tally = new ClaimTally()
    tally.add(claim(1, 0))
    tally.add(claim(1, 0))
    expect(tally.totals()).toMatchObject({ events: 1, duplicates: 1, feeTotalMicroUsd: 100n })
    for (const change of [
      { feeMicroUsd: microUsd(101n) },
      { operator: addressOf('thief') },
      { node: addressOf('x') },
    ]) {
      expect(() => tally.add(claim(1, 0, change))).toThrow(expect.objectContaining({ code: 'REWARDS_CONFLICT' }))
    }
  })

  test('events beyond its columns are kept', () => {
    const tally = new ClaimTally()
    for (let index = 0; index < 10_000; index++) tally.add(claim(index, 0))
    for (let index = 0; index < 10_000; index++) tally.add(claim(index, 0))
    expect(tally.totals()).toMatchObject({ events: 10_000, duplicates: 10_000 })
  })

  test('no place in a chain and no amount stops an epoch: a block stuffed with logs, a number of blocks, test money', () => {
    const tally = new ClaimTally()
    const places = [
      [1, 65_536],
      [1, 2 ** 22],
      [2 ** 31, 0],
      [Number.MAX_SAFE_INTEGER, 7],
    ] as const
    for (const [block, logIndex] of [...places, ...places])
      tally.add({ ...claim(0, logIndex), blockNumber: BigInt(block) })
    expect(tally.totals()).toMatchObject({ events: places.length, duplicates: places.length })
    const rich = new ClaimTally()
    const amounts = { grossMicroUsd: microUsd(2n ** 127n), feeMicroUsd: microUsd(2n ** 122n) }
    for (let index = 0; index < 100; index++) rich.add({ ...claim(index, 0), ...amounts })
    const { fees, feeTotalMicroUsd } = rich.totals()
    expect(feeTotalMicroUsd).toBe(fees.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n))
    expect(feeTotalMicroUsd).toBeLessThan(2n ** 63n)
  })

  test('dust of more nodes than facts can hold crowds out nobody who earned something', () => {
    const tally = new ClaimTally()
    const earner = addressOf('earner')
    for (let index = 0; index < FACT_NODES_MAX + 10; index++) {
      const dust = { grossMicroUsd: microUsd(1n), feeMicroUsd: microUsd(0n), node: dustAddress(index) }
      tally.add({ ...claim(index, 0), ...dust })
    }
    tally.add({ ...claim(0, 1), operator: earner, grossMicroUsd: microUsd(40n), feeMicroUsd: microUsd(2n) })
    const { fees, feeTotalMicroUsd } = tally.totals()
    expect([fees.length, feeTotalMicroUsd]).toEqual([FACT_NODES_MAX, 2n])
    expect(fees.some(({ operator }) => operator === earner)).toBe(true)
  })
})

describe('chain facts', () => {
  const nodes = makeNodes(4)
  const fees = nodes.map(({ node, operator }, index) => ({
    node,
    operator,
    grossMicroUsd: microUsd(BigInt(2000 * index)),
    feeMicroUsd: microUsd(BigInt(100 * index)),
  }))
  const sales = [3, 7, 9].map((lot) => ({
    lot: epochNumber(lot),
    burnedTokenUnits: tokenUnits(5n),
    saleFeesMicroUsd: microUsd(600n),
    kappaBps: 8000,
  }))
  const programs = ['a', 'b'].map((name) => ({ program: hashOf(name), depositedMicroUsd: microUsd(1n << 60n) }))
  const facts = makeFacts(nodes, { epoch: epochNumber(10), fees, sales, programs })

  test('have one spelling, whatever order they are gathered in', () => {
    const bytes = encodeChainFacts(facts)
    expect(encodeChainFacts(openChainFacts(bytes))).toEqual(bytes)
    const shuffled = { ...facts, nodes: facts.nodes.toReversed(), fees: fees.toReversed(), sales: sales.toReversed() }
    expect(encodeChainFacts({ ...shuffled, programs: programs.toReversed() })).toEqual(bytes)
  })

  test('that contradict themselves are refused with both numbers', () => {
    const [first] = facts.nodes
    const [fee] = fees
    if (first === undefined || fee === undefined) throw new Error('no nodes')
    const wrong = [
      { feeTotalMicroUsd: microUsd(1n) },
      { nodes: [...facts.nodes, first] },
      { nodes: [...facts.nodes, { ...first, operator: addressOf('second operator') }] },
      { fees: [...fees, fee] },
      { fees: [{ ...fee, feeMicroUsd: microUsd(1n) }], feeTotalMicroUsd: microUsd(1n) },
      { sales: [...sales, ...sales] },
      { sales: sales.map((sale) => ({ ...sale, kappaBps: 9001 })) },
      { programs: [...programs, ...programs] },
      { endsAtSeconds: facts.beginsAtSeconds },
      { toBlock: facts.fromBlock - 1n },
    ]
    for (const change of wrong) {
      expect(() => encodeChainFacts({ ...facts, ...change })).toThrow(
        expect.objectContaining({
          code: 'REWARDS_MALFORMED',
          details: expect.objectContaining({ what: expect.any(String) }),
        }),
      )
    }
  })

  test('from hostile bytes are refused by a typed error, never by another', () => {
    const bytes = encodeChainFacts(facts)
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
        const changed = bytes.slice()
        changed[at] = value
        try {
          openChainFacts(changed)
        } catch (error) {
          expect(isSteadError(error)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

test('the cap of a lot is linear and rounded down: parts never add up to more than κ·B', () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 15n })
  fc.assert(
    fc.property(
      fc.array(amount, { minLength: 1, maxLength: 20 }),
      fc.bigInt({ min: 0n, max: 10n ** 27n }),
      fc.nat({ max: 9000 }),
      (fees, burned, kappaBps) => {
        const total = fees.reduce((sum, fee) => sum + fee, 0n)
        const sale = {
          lot: epochNumber(0),
          burnedTokenUnits: tokenUnits(burned),
          saleFeesMicroUsd: microUsd(total),
          kappaBps,
        }
        const minted = fees.reduce((sum, fee) => sum + mintCap(sale, fee), 0n)
        expect(minted).toBeLessThanOrEqual((burned * BigInt(kappaBps)) / 10_000n)
      },
    ),
  )
  expect(mintCap({ burnedTokenUnits: tokenUnits(9n), saleFeesMicroUsd: microUsd(0n), kappaBps: 9000 }, 0n)).toBe(0n)
})
