import type { Address, ContentId, Hash, Signer } from '@stead/core'
import {
  addressFromBytes,
  contentIdOf,
  createSigner,
  hashFromBytes,
  keccakText,
  loadSecp256k1,
  type Secp256k1,
} from '@stead/protocol'
import {
  Assignment,
  type AuditReport,
  type BondedNode,
  type ChainFacts,
  type ComputedEpoch,
  computeEpoch,
  coverageProgram,
  defaultQualityParameters,
  encodeChainFacts,
  encodeEvidence,
  encodePolicy,
  epochNumber,
  firstUtilityProgram,
  type LoadDocument,
  type ProbeLog,
  type ProbeReport,
  ProgramRegistry,
  policyId,
  type QualityParameters,
  signProbeLog,
  utilityProgram,
} from '../src/index.ts'
import { answerDigest, firstLink, nextLink, probeNonce } from '../src/probes/answer-chain.ts'

/** The fastest that loads here. */
export const secp256k1: Secp256k1 = await loadSecp256k1()

/** What a node is like to those who probe it. */
export interface Behaviour {
  /** Milliseconds to the answer of each probe in turn, over and over; 0 for none. */
  readonly latenciesMs: readonly number[]
  readonly network: Uint8Array
  readonly region: string
  readonly resources: number
}

/** A node of a test, with its key. */
export interface WorldNode extends BondedNode {
  readonly signer: Signer
  readonly behaviour: Behaviour
}

export const CHAIN_ID = 31337
export const ESCROW: Address = addressOf('escrow')
/** Few probes, so that tests of many epochs are quick. */
export const testParameters: QualityParameters = {
  ...defaultQualityParameters,
  probersPerNode: 5,
  probersMin: 3,
  probesPerEpoch: 4,
}

/** An address that a name stands for. */
export function addressOf(name: string): Address {
  return addressFromBytes(keccakText(name).subarray(12))
}

/** A hash that a name stands for. */
export function hashOf(name: string): Hash {
  return hashFromBytes(keccakText(name))
}

/** The key that a name stands for. */
export function signerOf(name: string): Signer {
  return createSigner(secp256k1, keccakText(name))
}

/** A quick, ever-present node; each in a network of its own. */
export function behaviourOf(index: number, change: Partial<Behaviour> = {}): Behaviour {
  const network = Uint8Array.of(4, 10, index >> 8, index & 0xff)
  return { latenciesMs: [40], network, region: 'eu-west', resources: 1, ...change }
}

/** `count` nodes, each of an operator of its own. */
export function makeNodes(count: number): readonly WorldNode[] {
  return Array.from({ length: count }, (_, index) => {
    const signer = signerOf(`node ${index}`)
    return { signer, node: signer.address, operator: addressOf(`operator ${index}`), behaviour: behaviourOf(index) }
  })
}

/** The genesis policy of program 0 with the parameters of tests. */
export const utilityPolicy: Uint8Array = encodePolicy(utilityProgram, { quality: testParameters })
const UTILITY: Hash = policyId(utilityPolicy)

/** Facts of an epoch in which nothing happened, changed as said. */
export function makeFacts(nodes: readonly BondedNode[], change: Partial<ChainFacts> = {}): ChainFacts {
  const epoch = change.epoch ?? epochNumber(0)
  return {
    version: 1,
    chainId: CHAIN_ID,
    escrow: ESCROW,
    epoch,
    beginsAtSeconds: 1_000_000 + 86_400 * epoch,
    endsAtSeconds: 1_086_400 + 86_400 * epoch,
    fromBlock: BigInt(100 * epoch),
    toBlock: BigInt(100 * epoch + 99),
    beacon: hashOf(`beacon ${epoch}`),
    utility: UTILITY,
    nodes: nodes.map(({ node, operator }) => ({ node, operator })),
    fees: [],
    feeTotalMicroUsd: (change.fees ?? []).reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n) as never,
    sales: [],
    programs: [],
    audits: { claimants: [] },
    ...change,
  }
}

/** The seed of a prober's nonces in tests. */
export function seedOf(prober: Address): Uint8Array {
  return keccakText(`seed ${prober}`)
}

/** An honest report on a node that answered in these times; signed by the node for the prober of `log`. */
export function makeReport(
  log: Omit<ProbeLog, 'reports' | 'version'>,
  target: WorldNode,
  latenciesMs: readonly number[],
): ProbeReport {
  const { node, signer, behaviour } = target
  const latencies = new Uint8Array(2 * latenciesMs.length)
  let link = firstLink({ ...log, node })
  for (const [index, latencyMs] of latenciesMs.entries()) {
    if (latencyMs === 0) continue
    new DataView(latencies.buffer).setUint16(2 * index, latencyMs)
    link = nextLink(link, index, probeNonce(log.seed, node, index))
  }
  const { network, region, resources } = behaviour
  const report = { node, latencies, network, region, resources }
  return latenciesMs.some((latencyMs) => latencyMs > 0)
    ? { ...report, signature: signer.sign(answerDigest(link)) }
    : report
}

/** Changes what a prober reports; undefined leaves the report out. */
export type Report = (
  report: ProbeReport,
  target: WorldNode,
  log: Omit<ProbeLog, 'reports' | 'version'>,
) => ProbeReport | undefined

/** The log of one prober over all nodes that the beacon gave it. */
export function makeLog(
  facts: ChainFacts,
  nodes: readonly WorldNode[],
  by: {
    readonly prober: WorldNode
    readonly parameters?: QualityParameters
    readonly assignment?: Assignment
    readonly report?: Report
    readonly audits?: readonly AuditReport[]
  },
): Uint8Array {
  const { prober, parameters = testParameters, audits } = by
  const assignment = by.assignment ?? new Assignment(facts.beacon, facts.nodes, parameters.probersPerNode)
  const worldNodes = new Map(nodes.map((node) => [node.node, node]))
  const { chainId, escrow, epoch, beacon } = facts
  const log = { chainId, escrow, epoch, beacon, prober: prober.node, seed: seedOf(prober.node) }
  const place = assignment.indexOf(prober.node)
  const targets = place === undefined ? [] : assignment.targetsOf(place)
  const reports = targets.flatMap((target) => {
    const node = worldNodes.get(assignment.nodes[target]?.node ?? prober.node)
    if (node === undefined) return []
    const { latenciesMs } = node.behaviour
    const times = Array.from({ length: parameters.probesPerEpoch }, (_, i) => latenciesMs[i % latenciesMs.length] ?? 0)
    const report = makeReport(log, node, times)
    const said = by.report === undefined ? report : by.report(report, node, log)
    return said === undefined ? [] : [said]
  })
  const audited = audits === undefined ? {} : { audits: { reports: audits } }
  return signProbeLog(prober.signer, { version: 1, ...log, reports, ...audited })
}

/** Documents by content id, and the epochs made from them. */
export class Shelf {
  readonly documents: Map<ContentId, Uint8Array> = new Map()
  readonly programs: ProgramRegistry = new ProgramRegistry()
    .add(utilityProgram)
    .add(firstUtilityProgram)
    .add(coverageProgram)
  readonly load: LoadDocument = async (id) => this.documents.get(id)

  put(bytes: Uint8Array): ContentId {
    const id = contentIdOf('dag-cbor', bytes)
    this.documents.set(id, bytes)
    return id
  }

  /** Puts an epoch's evidence together; returns its id. */
  gather(epoch: {
    readonly facts: ChainFacts
    readonly logs: readonly Uint8Array[]
    readonly previous?: ContentId
    readonly policies?: readonly Uint8Array[]
  }): ContentId {
    const { facts, previous } = epoch
    const evidence = {
      version: 1 as const,
      epoch: facts.epoch,
      facts: this.put(encodeChainFacts(facts)),
      policies: epoch.policies ?? [utilityPolicy],
      logs: epoch.logs.map((log) => this.put(log)),
    }
    return this.put(encodeEvidence(previous === undefined ? evidence : { ...evidence, previous }))
  }

  /** Computes an epoch and keeps what it publishes. */
  async compute(evidence: ContentId): Promise<ComputedEpoch> {
    const { programs, load } = this
    const computed = await computeEpoch({ secp256k1, programs, load }, evidence)
    this.put(computed.resultDocument.bytes)
    if (computed.sheetDocument !== undefined) this.put(computed.sheetDocument.bytes)
    return computed
  }
}
