import { keccak_256 } from '@noble/hashes/sha3.js'
import { address, hash } from '@stead/core'
import { addressWord, concatBytes, hashFromBytes, uintWord } from '@stead/protocol'
import { EMPTY_ROOT, type RewardLeaf, RewardTree, rewardUnits, rootOfBranch } from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildNodes } from '../src/epoch/reward-tree.ts'

/** The leaves for which OpenZeppelin's own library (`@openzeppelin/merkle-tree` 1.0) gave the roots below. */
function leafOf(index: number): RewardLeaf {
  return {
    program: hash(`0x${(1 + (index % 3)).toString(16).padStart(64, '0')}`),
    operator: address(`0x${(0x1000 + index).toString(16).padStart(40, '0')}`),
    cumulativeUnits: rewardUnits(10n ** 18n * BigInt(index + 1) + BigInt(index)),
  }
}

const leaves = (count: number): RewardLeaf[] => Array.from({ length: count }, (_, index) => leafOf(index))

describe('reward tree', () => {
  test.each([
    [1, '0xc9833b0c6d8d68ab048f858b481c596b3071745d403d29c046d2180c6e10a00f'],
    [2, '0xe41f45bd2c0128d69a079ec412ceb1f3d061f871fbfb229c3a7547d98be3a474'],
    [3, '0xb70d503ed67cc3e30828d9a7d13aa4f0886d491466dedb9ecdb8d9949a82485c'],
    [5, '0xaa8bcd2363085e3880cb5ec2617c720216ea9ef2393d80977469e140dad8dc0c'],
    [8, '0x01b15082a19c599c9243396f80846f64debf738bcc6b688d6af881e534ac8f03'],
    [13, '0xb4d0662c3a58ce55667db7d56ecf7cd13b2324ff83fbab9a67c4aac1dcd07f29'],
  ])('%d leaves have the root that OpenZeppelin gives', (count, root) => {
    expect(new RewardTree(leaves(count)).root).toBe(root)
  })

  test('a branch is the one that OpenZeppelin gives', () => {
    const [leaf] = leaves(1)
    if (leaf === undefined) throw new Error('no leaf')
    expect(new RewardTree(leaves(5)).branch(leaf)).toEqual([
      '0x8e6ebb3b9ac1306fa22e44d39a3b869cab5d0bf87ee59e15a4a3c665a1788589',
      '0x027e7ef18c4a4489b0da67b3b236dd6b035de78977fedfeda823aed71a9cbd56',
    ])
  })

  test('the example of OpenZeppelin’s own manual comes out', () => {
    const values = [
      [`0x${'11'.repeat(20)}`, 5_000_000_000_000_000_000n],
      [`0x${'22'.repeat(20)}`, 2_500_000_000_000_000_000n],
    ] as const
    const hashes = values.map(([owner, amount]) =>
      keccak_256(keccak_256(concatBytes(addressWord(address(owner)), uintWord(amount)))),
    )
    const [root] = buildNodes(hashes)
    if (root === undefined) throw new Error('no root')
    expect(hashFromBytes(root)).toBe('0xd4dee0beab2d53f2cc83e567171bd2820e49898130a22622b10ead383e90bd77')
  })

  test('no leaves have the empty root, and what is not in a tree has no branch', () => {
    expect(new RewardTree([]).root).toBe(EMPTY_ROOT)
    expect(() => new RewardTree(leaves(3)).branch(leafOf(7))).toThrow(RangeError)
  })

  test('every leaf is proven in any order of leaves, and no other amount is', () => {
    const sizes = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(
        sizes.chain((size) => fc.shuffledSubarray(leaves(size), { minLength: size })),
        (shuffled) => {
          const tree = new RewardTree(shuffled)
          expect(tree.root).toBe(new RewardTree(leaves(shuffled.length)).root)
          for (const leaf of shuffled) {
            const branch = tree.branch(leaf)
            expect(rootOfBranch(leaf, branch)).toBe(tree.root)
            const more = { ...leaf, cumulativeUnits: rewardUnits(leaf.cumulativeUnits + 1n) }
            expect(rootOfBranch(more, branch)).not.toBe(tree.root)
          }
        },
      ),
      { numRuns: 30 },
    )
  })
})
