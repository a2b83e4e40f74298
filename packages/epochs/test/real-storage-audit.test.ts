import { type Address, type Network, type PeerId, silentLogger } from '@stead/core'
import { addressOfPeerId, createSigner, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { type AuditQuestion, type AuditReport, type AuditRules, defaultAuditParameters } from '@stead/rewards'
import { SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkAudit } from '../../rewards/src/audits/check-audit.ts'
import { NetworkWorld, type SellingNode } from '../../storage/test/support/network-world.ts'
import { type AuditFinding, reportOf, StorageAuditor } from '../src/storage-auditor.ts'

const secp256k1 = await loadSecp256k1()
const DAY_SECONDS = 86_400
/** So that each block has some. */
const ROTTEN_EVERY = 4096
const SEED = new Uint8Array(32).fill(3)
const stranger = createSigner(secp256k1, new Uint8Array(32).fill(250))
/** As the world makes it. */
const payerKey = createSigner(secp256k1, new Uint8Array(32).fill(200))

/** A payer that keeps a segment on twelve nodes, and a stranger who is drawn to look at one of them. */
describe('a stranger who audits a node that keeps pieces of somebody', () => {
  let world: NetworkWorld
  let network: Network
  let keeper: SellingNode
  let payer: Address
  beforeEach(async () => {
    world = await NetworkWorld.of(12)
    await world.within(world.payer.segments.put(new Uint8Array(32).fill(9), new SeededRandom(1).bytes(700_000)))
    const own = world.hub.createNode(peerIdOfPublicKey(stranger.publicKey))
    await own.start()
    network = own
    const first = world.sellers[0]
    if (first === undefined) throw new Error('no node')
    keeper = first
    payer = payerKey.address
  })

  const peers = (): readonly PeerId[] => [
    ...world.sellers.map(({ peer }) => peer),
    peerIdOfPublicKey(payerKey.publicKey),
  ]

  async function audited(): Promise<{ readonly finding: AuditFinding; readonly counts: string | undefined }> {
    const { chainId, escrow } = world.ledger.identity
    const nowSecond = Math.floor(world.clock.now() / 1000)
    const facts = { chainId, escrow, beginsAtSeconds: nowSecond - 60, endsAtSeconds: nowSecond + DAY_SECONDS }
    const rules: AuditRules = { secp256k1, facts, parameters: defaultAuditParameters }
    const directory = { peerOf: async (node: Address) => peers().find((peer) => addressOfPeerId(peer) === node) }
    const auditor = new StorageAuditor({ network, clock: world.clock, logger: silentLogger, directory }, rules)
    const question: AuditQuestion = { node: keeper.node, payer, leaves: SEED }
    const { signal } = new AbortController()
    const found = await world.within(auditor.audit(question, signal))
    const finding =
      found.evidence === undefined ? ((await world.within(auditor.attest(question, found, signal))) ?? found) : found
    const report: AuditReport = reportOf(keeper.node, finding)
    return { finding, counts: checkAudit(rules, question, report) }
  }

  it('finds it proven, with evidence that anybody can check', async () => {
    expect((await audited()).counts).toBe('proven')
  })

  it('finds it lost when the pieces have rotted on its disk', async () => {
    for (const { name, lengthBytes } of await keeper.disk.list())
      for (let byte = ROTTEN_EVERY; byte < lengthBytes; byte += ROTTEN_EVERY) keeper.disk.rot(name, byte)
    expect((await audited()).counts).toBe('lost')
  })

  it('finds it offline when it is dead, because the payer shows what it agreed on', async () => {
    world.kill(keeper)
    expect((await audited()).counts).toBe('offline')
  })

  it('finds nothing of a payer that keeps nothing there, dead or alive', async () => {
    payer = stranger.address
    expect((await audited()).counts).toBe('none')
    world.kill(keeper)
    expect((await audited()).counts).toBe('none')
  })
})
