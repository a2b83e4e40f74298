// One child of the epoch bench: `write <folder> <nodes> <operators>` makes an epoch's logs, `compute <folder> <claims>`
// takes them in as an audit would and prints {seconds, …, peakBytes}. Apart, so that the peak is the computation's alone.
import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, type ContentId, microUsd } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import {
  Assignment,
  type ChainFacts,
  ClaimTally,
  type ClaimTotals,
  computeEpoch,
  defaultQualityParameters,
  encodeChainFacts,
  encodeEvidence,
  encodePolicy,
  epochNumber,
  ProgramRegistry,
  policyId,
  utilityProgram,
} from '@stead/rewards'
import { makeFacts, makeLog, makeNodes, secp256k1, type WorldNode } from '../../packages/rewards/test/world.ts'

const policy = encodePolicy(utilityProgram, { quality: defaultQualityParameters })

function factsOf(nodes: readonly Pick<WorldNode, 'node' | 'operator'>[], claims?: ClaimTotals): ChainFacts {
  const { fees, feeTotalMicroUsd } = claims ?? { fees: [], feeTotalMicroUsd: microUsd(0n) }
  return makeFacts(nodes, { utility: policyId(policy), fees, feeTotalMicroUsd })
}

function writeLogs(folder: string, count: number): void {
  const nodes = makeNodes(count)
  const facts = factsOf(nodes)
  const parameters = defaultQualityParameters
  const assignment = new Assignment(facts.beacon, facts.nodes, parameters.probersPerNode)
  const lengths: number[] = []
  const ids: ContentId[] = []
  const file = openSync(join(folder, 'logs'), 'w')
  for (const prober of nodes) {
    const log = makeLog(facts, nodes, { prober, parameters, assignment })
    lengths.push(log.length)
    ids.push(contentIdOf('dag-cbor', log))
    writeFileSync(file, log)
  }
  closeSync(file)
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ lengths, ids }))
  writeFileSync(join(folder, 'nodes.json'), JSON.stringify(nodes.map(({ node, operator }) => ({ node, operator }))))
}

/** Claims of all nodes in turn, as an RPC would page them. */
function tallyClaims(
  nodes: readonly { readonly node: Address; readonly operator: Address }[],
  count: number,
): ClaimTotals {
  const tally = new ClaimTally()
  for (let i = 0; i < count; i++) {
    const at = nodes[i % nodes.length]
    if (at === undefined) throw new Error('no nodes')
    const fee = BigInt(1 + (i % 977))
    const place = { blockNumber: BigInt(i >> 6), logIndex: i & 63 }
    tally.add({ ...place, ...at, grossMicroUsd: microUsd(20n * fee), feeMicroUsd: microUsd(fee) })
  }
  return tally.totals()
}

async function compute(folder: string, claims: number): Promise<object> {
  const nodes = JSON.parse(readFileSync(join(folder, 'nodes.json'), 'utf8')) as readonly WorldNode[]
  const { lengths, ids } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    readonly lengths: readonly number[]
    readonly ids: readonly ContentId[]
  }
  const begun = performance.now()
  const totals = tallyClaims(nodes, claims)
  const claimsSeconds = (performance.now() - begun) / 1000
  const facts = encodeChainFacts(factsOf(nodes, totals))
  const factsId = contentIdOf('dag-cbor', facts)
  const evidence = encodeEvidence({ version: 1, epoch: epochNumber(0), facts: factsId, policies: [policy], logs: ids })
  const evidenceId = contentIdOf('dag-cbor', evidence)
  const places = new Map<ContentId, { readonly at: number; readonly length: number }>()
  let at = 0
  for (const [i, id] of ids.entries()) {
    places.set(id, { at, length: lengths[i] ?? 0 })
    at += lengths[i] ?? 0
  }
  const file = openSync(join(folder, 'logs'), 'r')
  const load = async (id: ContentId): Promise<Uint8Array | undefined> => {
    if (id === evidenceId) return evidence
    if (id === factsId) return facts
    const place = places.get(id)
    if (place === undefined) return undefined
    const bytes = new Uint8Array(place.length)
    readSync(file, bytes, 0, place.length, place.at)
    return bytes
  }
  const programs = new ProgramRegistry().add(utilityProgram)
  const { findings, resultDocument } = await computeEpoch({ secp256k1, programs, load }, evidenceId)
  closeSync(file)
  const unknown = findings.quality.nodes.filter(({ qualityPpm }) => qualityPpm === undefined).length
  if (unknown > 0 || totals.events !== claims) throw new Error(`${unknown} nodes unknown, ${totals.events} claims`)
  return {
    seconds: (performance.now() - begun) / 1000,
    claimsSeconds,
    logBytes: at,
    resultBytes: resultDocument.bytes.length,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    library: secp256k1.name,
  }
}

const [mode = '', folder = '', count = '0'] = process.argv.slice(2)
if (mode === 'write') writeLogs(folder, Number(count))
else process.stdout.write(`${JSON.stringify(await compute(folder, Number(count)))}\n`)
