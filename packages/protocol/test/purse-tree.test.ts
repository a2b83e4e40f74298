import { microUsd } from '@stead/core'
import { buildPurseTree, checkPurseBranch, ProtocolError, type PurseLeaf } from '@stead/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyAddress, anyHash } from './arbitraries.ts'

const anyLeaf: fc.Arbitrary<PurseLeaf> = fc.record({
  node: anyAddress,
  operator: anyAddress,
  allocationMicroUsd: fc.bigInt({ min: 0n, max: 1n << 60n }).map(microUsd),
})
const anyLeaves = fc.uniqueArray(anyLeaf, { minLength: 1, maxLength: 20, selector: (leaf) => leaf.node })

describe('purse tree', () => {
  test('every leaf has a branch that proves it, and the total is the sum of the allocations', () => {
    fc.assert(
      fc.property(anyLeaves, (leaves) => {
        const tree = buildPurseTree(leaves)
        expect(tree.totalMicroUsd).toBe(leaves.reduce((sum, leaf) => sum + leaf.allocationMicroUsd, 0n))
        leaves.forEach((leaf, position) => {
          const branch = tree.branches[position]
          if (branch === undefined) throw new Error('no branch')
          checkPurseBranch(tree, leaf, branch)
        })
      }),
      { numRuns: 50 },
    )
  })

  test('no other amount, operator, total, root, index or branch is proven', () => {
    fc.assert(
      fc.property(anyLeaves, anyHash, (leaves, otherRoot) => {
        const tree = buildPurseTree(leaves)
        const [leaf] = leaves
        const [branch] = tree.branches
        if (leaf === undefined || branch === undefined) throw new Error('no leaf')
        const refused = (root: Parameters<typeof checkPurseBranch>[0], of: PurseLeaf, by = branch): void =>
          expect(() => checkPurseBranch(root, of, by)).toThrow(ProtocolError)
        refused(tree, { ...leaf, allocationMicroUsd: microUsd(leaf.allocationMicroUsd + 1n) })
        refused(tree, { ...leaf, operator: `0x${'ab'.repeat(20)}` as PurseLeaf['operator'] })
        refused({ ...tree, totalMicroUsd: microUsd(tree.totalMicroUsd + 1n) }, leaf)
        refused({ ...tree, root: otherRoot }, leaf)
        refused(tree, leaf, { ...branch, index: branch.index | (1n << BigInt(branch.steps.length)) })
        if (branch.steps.length > 0) refused(tree, leaf, { ...branch, steps: branch.steps.slice(1) })
      }),
      { numRuns: 30 },
    )
  })

  test('an inner node cannot be passed off as a leaf, nor a sum shifted to a sibling', () => {
    const node = (byte: string): PurseLeaf => ({
      node: `0x${byte.repeat(20)}` as PurseLeaf['node'],
      operator: `0x${byte.repeat(20)}` as PurseLeaf['operator'],
      allocationMicroUsd: microUsd(100n),
    })
    const leaves = [node('01'), node('02'), node('03'), node('04')]
    const tree = buildPurseTree(leaves)
    const [leaf] = leaves
    const [branch] = tree.branches
    const [first, ...rest] = branch?.steps ?? []
    if (leaf === undefined || branch === undefined || first === undefined) throw new Error('no branch')
    const shifted = { ...first, siblingMicroUsd: microUsd(0n) }
    const greedy = { ...leaf, allocationMicroUsd: microUsd(200n) }
    expect(() => checkPurseBranch(tree, greedy, { ...branch, steps: [shifted, ...rest] })).toThrow(ProtocolError)
  })

  test('sums that overflow 128 bits, no leaves, and equal leaves are refused', () => {
    const huge = (byte: string): PurseLeaf => ({
      node: `0x${byte.repeat(20)}` as PurseLeaf['node'],
      operator: `0x${byte.repeat(20)}` as PurseLeaf['operator'],
      allocationMicroUsd: microUsd((1n << 128n) - 1n),
    })
    expect(() => buildPurseTree([huge('01'), huge('02')])).toThrow(ProtocolError)
    expect(() => buildPurseTree([])).toThrow(RangeError)
    expect(() => buildPurseTree([huge('01'), huge('01')])).toThrow(RangeError)
  })
})
