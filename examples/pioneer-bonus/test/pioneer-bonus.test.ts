import { type ContentId, microUsd } from '@stead/core'
import { contentIdOf, loadSecp256k1 } from '@stead/protocol'
import {
  type ComputedEpoch,
  computeEpoch,
  encodeChainFacts,
  encodeEvidence,
  encodePolicy,
  epochNumber,
  ProgramRegistry,
  policyId,
  ppm,
  utilityProgram,
} from '@stead/rewards'
import { expect, test } from 'vitest'
import { behaviourOf, makeFacts, makeLog, makeNodes, utilityPolicy } from '../../../packages/rewards/test/world.ts'
import { pioneerBonus } from '../pioneer-bonus.ts'

const policy = encodePolicy(pioneerBonus, {
  lastEpoch: epochNumber(2),
  bonusMicroUsd: microUsd(150n),
  stepMicroUsd: microUsd(100n),
  qualityFloorPpm: ppm(900_000),
})
const nodes = makeNodes(7).map((node, index) => {
  // Nodes 5 and 6 share a network, and node 0 is hardly ever there.
  const network = Uint8Array.of(4, 192, 0, 2)
  const change = index >= 5 ? { network } : index === 0 ? { latenciesMs: [0, 0, 40, 0] } : {}
  return { ...node, behaviour: behaviourOf(index, change) }
})
const secp256k1 = await loadSecp256k1()
const programs = new ProgramRegistry().add(utilityProgram).add(pioneerBonus)

async function runEpoch(
  shelf: Map<ContentId, Uint8Array>,
  depositedMicroUsd: bigint,
  before?: ComputedEpoch,
): Promise<ComputedEpoch> {
  const put = (bytes: Uint8Array): ContentId => {
    const id = contentIdOf('dag-cbor', bytes)
    shelf.set(id, bytes)
    return id
  }
  const epoch = epochNumber(before === undefined ? 0 : before.result.epoch + 1)
  const deposit = { program: policyId(policy), depositedMicroUsd: microUsd(depositedMicroUsd) }
  const facts = makeFacts(nodes, { epoch, programs: [deposit] })
  const logs = nodes.map((prober) => put(makeLog(facts, nodes, { prober })))
  const policies = [utilityPolicy, policy]
  const evidence = { version: 1 as const, epoch, facts: put(encodeChainFacts(facts)), policies, logs }
  const id = put(encodeEvidence(before === undefined ? evidence : { ...evidence, previous: before.resultDocument.id }))
  const computed = await computeEpoch({ secp256k1, programs, load: async (wanted) => shelf.get(wanted) }, id)
  put(computed.resultDocument.bytes)
  return computed
}

/** What each node's operator got from the bonus in an epoch, or why it got nothing. */
function paid({ result }: ComputedEpoch): readonly (bigint | string)[] {
  return nodes.map(({ operator }) => {
    const line = result.lines.find((entry) => entry.program === policyId(policy) && entry.operator === operator)
    return line?.shareUnits || (line?.reasons[0]?.code ?? 'no line')
  })
}

test('a program of one’s own runs beside the others: pays in steps, once, and not beyond its deposit or its time', async () => {
  const shelf = new Map<ContentId, Uint8Array>()
  const shared =
    nodes[5] && nodes[6] && nodes[5].operator < nodes[6].operator ? [100n, 'no-pioneer'] : ['no-pioneer', 100n]
  const zero = await runEpoch(shelf, 10_000n)
  expect(paid(zero)).toEqual(['no-pioneer', 100n, 100n, 100n, 100n, ...shared])
  const one = await runEpoch(shelf, 10_000n, zero)
  expect(paid(one).slice(0, 5)).toEqual(['no-pioneer', 50n, 50n, 50n, 50n])
  const two = await runEpoch(shelf, 10_000n, one)
  expect(paid(two).slice(0, 5)).toEqual(['no-pioneer', ...Array.from({ length: 4 }, () => 'bonus-complete')])
  const three = await runEpoch(shelf, 10_000n, two)
  expect(new Set(paid(three))).toEqual(new Set(['too-late']))
})

test('a short deposit is shared, and its branch is in the same root as all other programs’', async () => {
  const computed = await runEpoch(new Map(), 12n)
  const lines = computed.result.lines.filter(({ program }) => program === policyId(policy))
  expect(lines.reduce((sum, { shareUnits }) => sum + shareUnits, 0n)).toBe(10n)
  const line = lines.find(({ shareUnits }) => shareUnits > 0n)
  if (line === undefined) throw new Error('nobody was paid')
  expect(line).toMatchObject({ shareUnits: 2n, reasons: [{ code: 'deposit-limit', need: 500n, have: 12n }] })
  expect(computed.tree.branch(line).length).toBeGreaterThan(0)
})
