import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Address,
  type ContentId,
  type Hash,
  hash,
  type MicroUsd,
  microUsd,
  type Signer,
  silentLogger,
  type UnixMs,
  type Wei,
} from '@stead/core'
import { readAddressBook, signNodeConsent, writeAddressBook } from '@stead/evm'
import { AnvilProcess } from '@stead/evm/anvil'
import { deployContracts } from '@stead/evm/deploy'
import { systemClock } from '@stead/node/identity'
import { bytesToHex, contentIdOf, createSigner, keccakText, loadSecp256k1, statementDigest } from '@stead/protocol'
import {
  Assignment,
  answerStatement,
  type ChainFacts,
  type ComputedEpoch,
  computeEpoch,
  coverageProgram,
  defaultQualityParameters,
  encodeChainFacts,
  encodeEvidence,
  encodePolicy,
  epochNumber,
  evidenceDigest,
  firstLink,
  nextLink,
  type ProbeReport,
  policyId,
  probeNonce,
  signProbeLog,
  utilityProgram,
} from '@stead/rewards'
import { buildTestPurse } from '@stead/testkit'
import type { ChainPlace } from '../../src/chain/chain-place.ts'
import { type OpenEconomy, withEconomy } from '../../src/chain/with-economy.ts'
import { chainFactsReader, shippedPrograms } from '../../src/epoch/epoch-auditor.ts'

export const TOKEN: bigint = 10n ** 18n
const EPOCH_SECONDS = 1000
export const CHALLENGE_SECONDS = 100
const ONE_COIN = 10n ** 18n
const secp256k1 = await loadSecp256k1()
const quality = { ...defaultQualityParameters, probersPerNode: 5, probersMin: 3, probesPerEpoch: 4 }
const utilityPolicy = encodePolicy(utilityProgram, { quality })
const coveragePolicy = encodePolicy(coverageProgram, {
  rateMicroUsd: dollars(1),
  networksEnough: 4,
  qualityFloorPpm: 500_000 as never,
  networkMaxMicroUsd: dollars(1),
  operatorMaxMicroUsd: dollars(1),
  epochMaxMicroUsd: dollars(2),
  cells: ['compute eu-west'],
})
export const UTILITY: Hash = policyId(utilityPolicy)
export const COVERAGE: Hash = policyId(coveragePolicy)

function dollars(amount: number): MicroUsd {
  return microUsd(BigInt(Math.round(amount * 1_000_000)))
}

/** The key that a name stands for. */
export function signerOf(name: string): Signer {
  return createSigner(secp256k1, keccakText(name))
}

/** An operator with one node, and the folder in which a person would have the keys of both. */
export interface Member {
  readonly operator: Signer
  readonly node: Signer
  readonly dataDir: string
}

/**
 * A chain with contracts whose epochs end when a test says so, and everything that four honest operators and their
 * nodes do in them: claims, probes, logs, roots. Documents are files that are named by their content id.
 */
export class EpochNetwork {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'stead-epochs-'))
  readonly evidence: string = join(this.directory, 'evidence')
  readonly documents: Map<ContentId, Uint8Array> = new Map()
  readonly members: readonly Member[] = [0, 1, 2, 3].map((index) => this.#member(index))
  readonly #anvil: AnvilProcess
  #salt = 0
  #previous: ContentId | undefined

  private constructor() {
    mkdirSync(this.evidence)
    this.#anvil = new AnvilProcess(
      { clock: systemClock, logger: silentLogger },
      { directory: join(this.directory, 'chain') },
    )
  }

  static async start(): Promise<EpochNetwork> {
    const network = new EpochNetwork()
    await network.#anvil.start()
    const deployer = signerOf('deployer')
    await network.give(deployer.address)
    const book = await deployContracts(
      { clock: systemClock, logger: silentLogger, signer: deployer },
      {
        rpcUrl: network.place.rpcUrl,
        dollar: 'test',
        epochSeconds: EPOCH_SECONDS,
        challengeSeconds: CHALLENGE_SECONDS,
        decisionSeconds: CHALLENGE_SECONDS,
        programs: [
          { id: UTILITY, source: 'minted' },
          { id: COVERAGE, source: 'sponsored' },
        ],
      },
    )
    await writeAddressBook(network.place.addressBook, book)
    for (const { operator, node } of network.members) await network.give(operator.address, node.address)
    return network
  }

  get place(): ChainPlace {
    return { rpcUrl: this.#anvil.rpcUrl, addressBook: join(this.directory, 'address-book.json') }
  }

  /** What every command that reads this chain is given. */
  get chainArguments(): string[] {
    return ['--rpc', this.place.rpcUrl, '--address-book', this.place.addressBook]
  }

  as<Value>(signer: Signer, work: (open: OpenEconomy) => Promise<Value>): Promise<Value> {
    return withEconomy(this.place, work, signer)
  }

  /** Gas and a thousand dollars for each. */
  async give(...accounts: readonly Address[]): Promise<void> {
    const isDeployed = this.#isDeployed
    for (const account of accounts) {
      await this.#anvil.faucet(account, {
        gasWei: ONE_COIN as Wei,
        ...(isDeployed
          ? { dollarMicroUsd: dollars(1000), dollar: (await readAddressBook(this.place.addressBook)).dollar }
          : {}),
      })
    }
    this.#isDeployed = true
  }

  #isDeployed = false

  async passSeconds(seconds: number): Promise<void> {
    await this.#rpc('evm_increaseTime', seconds)
    await this.#rpc('evm_mine')
  }

  /** Each operator buys tokens on the exchange and bonds its node. */
  async bondAll(tokens: bigint): Promise<void> {
    for (const { operator, node } of this.members) {
      await this.as(operator, async ({ chain, economy, exchange }) => {
        const deadline = ((await chain.blockTime()) + 600_000) as UnixMs
        const request = { direction: 'dollars-to-tokens', amountIn: dollars(400), minimumOut: 1n, deadline } as const
        await exchange.swap(request)
        await economy.bond(node.address, tokens, signNodeConsent(node, operator.address, chain.identity))
      })
    }
  }

  /** A payer pays each member's node so much, and the nodes claim it. */
  async earn(amounts: readonly number[]): Promise<void> {
    const payer = signerOf('payer')
    await this.give(payer.address)
    await this.as(payer, async ({ chain }) => {
      const leaves = this.members.map(({ node, operator }, index) => ({
        node: node.address,
        operator: operator.address,
        allocationMicroUsd: dollars(amounts[index] ?? 1),
      }))
      const salt = hash(`0x${(++this.#salt).toString(16).padStart(64, '0')}`)
      const purse = buildTestPurse(chain.identity, { payer: payer.address, voucherKey: payer, salt }, leaves)
      await chain.fund(purse)
      await chain.claim(amounts.flatMap((amount, index) => (amount > 0 ? [purse.claimOf(index, dollars(amount))] : [])))
    })
  }

  /** Ends the epoch that runs. */
  async endEpoch(): Promise<void> {
    await this.passSeconds(EPOCH_SECONDS)
  }

  facts(epoch: number): Promise<ChainFacts> {
    return withEconomy(this.place, async (open) => (await chainFactsReader(open)).facts(epochNumber(epoch)))
  }

  /** Computes an epoch from the chain and the logs of all nodes; publishes what belongs to it. */
  async compute(epoch: number): Promise<ComputedEpoch> {
    const facts = await this.facts(epoch)
    const programs = new Set(facts.programs.map(({ program }) => program))
    const evidence = encodeEvidence({
      version: 1,
      epoch: facts.epoch,
      facts: this.publish(encodeChainFacts(facts)),
      policies: [utilityPolicy, ...(programs.has(COVERAGE) ? [coveragePolicy] : [])],
      logs: this.members.flatMap((member) => this.#log(facts, member)),
      ...(this.#previous === undefined ? {} : { previous: this.#previous }),
    })
    const load = async (id: ContentId) => this.documents.get(id)
    const computed = await computeEpoch({ secp256k1, programs: shippedPrograms(), load }, this.publish(evidence))
    this.#previous = this.publish(computed.resultDocument.bytes)
    if (computed.sheetDocument !== undefined) this.publish(computed.sheetDocument.bytes)
    return computed
  }

  /** The first member proposes a root, or what it pretends to be one. */
  async propose({ result, facts }: ComputedEpoch, root: Hash = result.root): Promise<void> {
    const [proposer] = this.members
    if (proposer === undefined) throw new RangeError('no members')
    const evidence = evidenceDigest(result.evidence)
    await this.as(proposer.operator, ({ economy }) =>
      economy.propose(facts.epoch, { root, evidence }, proposer.node.address),
    )
  }

  async finalize(): Promise<void> {
    await this.passSeconds(CHALLENGE_SECONDS + 1)
    await this.as(signerOf('deployer'), async ({ economy }) => {
      await economy.finalize((await economy.proposal())?.attempt ?? 0)
    })
  }

  /** The first member buys the lot that is for sale. */
  async buyLot(): Promise<void> {
    const [buyer] = this.members
    if (buyer === undefined) throw new RangeError('no members')
    await this.as(buyer.operator, async ({ economy }) => {
      const { lot, costTokenUnits } = await economy.lotForSale()
      await economy.buyLot(lot, costTokenUnits)
    })
  }

  publish(bytes: Uint8Array): ContentId {
    const id = contentIdOf('dag-cbor', bytes)
    this.documents.set(id, bytes)
    writeFileSync(join(this.evidence, id), bytes)
    return id
  }

  async stop(): Promise<void> {
    await this.#anvil.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  #log(facts: ChainFacts, { node: prober }: Member): ContentId[] {
    const assignment = new Assignment(facts.beacon, facts.nodes, quality.probersPerNode)
    const place = assignment.indexOf(prober.address)
    if (place === undefined) return []
    const { chainId, escrow, epoch, beacon } = facts
    const log = { chainId, escrow, epoch, beacon, prober: prober.address, seed: keccakText(`seed ${prober.address}`) }
    const reports = assignment.targetsOf(place).flatMap((target) => {
      const member = this.members.find(({ node }) => node.address === assignment.nodes[target]?.node)
      return member === undefined ? [] : [reportOf(log, member, this.members.indexOf(member))]
    })
    return [this.publish(signProbeLog(prober, { version: 1, ...log, reports }))]
  }

  #member(index: number): Member {
    const [operator, node] = [`operator ${index}`, `node ${index}`]
    const dataDir = join(this.directory, `member-${index}`)
    mkdirSync(join(dataDir, 'keys'), { recursive: true })
    for (const [file, name] of [['operator.key', operator] as const, ['node.key', node] as const]) {
      writeFileSync(join(dataDir, 'keys', file), `${bytesToHex(keccakText(name))}\n`, { mode: 0o600 })
    }
    return { operator: signerOf(operator), node: signerOf(node), dataDir }
  }

  async #rpc(method: string, ...params: readonly unknown[]): Promise<void> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    await fetch(this.place.rpcUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  }
}

/** What a prober says of a node that answered every probe within 40 ms. */
function reportOf(
  log: Parameters<typeof firstLink>[0] extends infer Pair ? Omit<Pair, 'node'> & { readonly seed: Uint8Array } : never,
  { node }: Member,
  index: number,
): ProbeReport {
  const latencies = new Uint8Array(2 * quality.probesPerEpoch)
  let link = firstLink({ ...log, node: node.address })
  for (let probe = 0; probe < quality.probesPerEpoch; probe++) {
    new DataView(latencies.buffer).setUint16(2 * probe, 40)
    link = nextLink(link, probe, probeNonce(log.seed, node.address, probe))
  }
  const { slot, payload } = answerStatement(link)
  const signature = node.sign(statementDigest(slot, payload))
  const network = Uint8Array.of(4, 10, 0, index)
  return { node: node.address, latencies, network, region: 'eu-west', resources: 1, signature }
}
