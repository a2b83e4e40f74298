import { type Hash, type MicroUsd, microUsd, type RootProposal, type RootResult } from '@stead/core'
import type { EpochNotice } from '@stead/epochs'
import { hashFromBytes, signStatement } from '@stead/protocol'
import {
  decisionPayload,
  type EpochNumber,
  encodeEvidence,
  encodeResult,
  epochNumber,
  evidenceDigest,
  openEvidence,
  openProbeLog,
  openResult,
  rewardUnits,
  signProbeLog,
  treeOfResult,
} from '@stead/rewards'
import { buildTestPurse } from '@stead/testkit'
import { unlessRefused } from '../engine/refusals.ts'
import type { EpochLiar } from './epoch-attacker.ts'
import type { EpochCheat } from './epoch-cheats.ts'

/** One round of an attack; says what it did, when it did something. */
export type EpochAttack = (liar: EpochLiar) => Promise<string | undefined>

/** What a liar adds to its own line. */
const LIE_UNITS = 10n ** 21n
/** A deal of a dollar and more with oneself: thousands of times what honest work of a run costs. */
const DEAL_MICRO_USD: MicroUsd = microUsd(2_000_000n)

const wordOf = ({ random }: EpochLiar): Hash => hashFromBytes(random.bytes(32))

/** The epoch that ended last; undefined before the first has. */
function endedOf({ service }: EpochLiar): EpochNumber | undefined {
  const { time } = service.ports
  const epoch = time.head === undefined ? 0 : time.epoch()
  return epoch === 0 ? undefined : epochNumber(epoch - 1)
}

/** The true result, with more for the liar and published as an honest one would be; before it is known, a root of nothing. */
async function falseResult(liar: EpochLiar, epoch: EpochNumber): Promise<RootResult> {
  const { service, chain, signer } = liar
  const known = await unlessRefused(service.computer.own(epoch))
  const bytes = known === undefined ? undefined : await service.shelf.get(known.result)
  if (known === undefined || bytes === undefined) return { root: wordOf(liar), evidence: wordOf(liar) }
  const truth = openResult(bytes)
  const lines = truth.lines.map((line) =>
    line.operator === chain.account
      ? { ...line, cumulativeUnits: rewardUnits(line.cumulativeUnits + LIE_UNITS), reasons: [] }
      : line,
  )
  const { root } = treeOfResult({ lines })
  const document = await service.shelf.put(encodeResult({ ...truth, lines, root }), epoch)
  const notice = { version: 1, kind: 'result', epoch, node: signer.address, document } as const
  await service.board.publish({ ...notice, evidence: known.digest, root })
  return { root, evidence: known.digest }
}

/** Puts a result on chain: as a proposal, or against the honest one. */
async function putForward(liar: EpochLiar, epoch: EpochNumber, result: RootResult): Promise<string | undefined> {
  const { economy, signer } = liar
  const open = await economy.proposal()
  if (open === undefined) {
    await economy.propose(epoch, result, signer.address)
    return `proposed a false root for epoch ${epoch}`
  }
  if (open.challenge !== undefined || open.proposer === liar.chain.account) return undefined
  await economy.challenge(open.attempt, result, signer.address)
  return `challenged what was proposed for epoch ${epoch}`
}

const falseRoots: EpochAttack = async (liar) => {
  const epoch = endedOf(liar)
  return epoch === undefined ? undefined : await putForward(liar, epoch, await falseResult(liar, epoch))
}

/** Evidence with a log that nobody else has and nobody gets: what follows from it, nobody can say. */
const withholdsEvidence: EpochAttack = async (liar) => {
  const epoch = endedOf(liar)
  if (epoch === undefined) return undefined
  const { shelf, computer } = liar.service
  const known = await unlessRefused(computer.own(epoch))
  const bytes = known === undefined ? undefined : await shelf.get(known.evidence)
  // Before anybody can know the truth: a digest of nothing.
  if (known === undefined || bytes === undefined)
    return await putForward(liar, epoch, { root: wordOf(liar), evidence: wordOf(liar) })
  const evidence = openEvidence(bytes)
  const hidden = await shelf.put(encodeEvidence({ ...evidence, logs: evidence.logs.slice(1) }), epoch)
  return await putForward(liar, epoch, { root: known.root, evidence: evidenceDigest(hidden) })
}

async function sayVote(liar: EpochLiar, open: RootProposal, result: RootResult): Promise<void> {
  const { signature } = signStatement(liar.signer, open.decisionSlot, decisionPayload(result))
  const { root, evidence } = result
  const notice: EpochNotice = {
    version: 1,
    kind: 'vote',
    epoch: epochNumber(open.epoch),
    node: liar.signer.address,
    root,
    evidence,
    attempt: open.attempt,
    signature,
  }
  await liar.service.board.publish(notice)
}

/** Votes for both sides of whatever is challenged, and sees to it that something is. */
const twoVotes: EpochAttack = async (liar) => {
  const open = await liar.economy.proposal()
  if (open?.challenge === undefined) return await falseRoots(liar)
  await sayVote(liar, open, open.proposed)
  await sayVote(liar, open, open.challenge.other)
  liar.onEquivocation()
  return `voted both ways on attempt ${open.attempt}`
}

/** Signs a second log for an epoch whose first one is out. */
const twoLogs: EpochAttack = async (liar) => {
  const epoch = endedOf(liar)
  if (epoch === undefined) return undefined
  const { board, shelf, ports } = liar.service
  const own = board.of(epoch, 'log').find(({ node }) => node === liar.signer.address)
  const first = own?.document === undefined ? undefined : await shelf.get(own.document)
  if (first === undefined) return undefined
  const { log } = openProbeLog(ports.secp256k1, first)
  if (log.reports.length === 0) return undefined
  const document = await shelf.put(signProbeLog(liar.signer, { ...log, reports: [] }), epoch)
  await board.publish({ version: 1, kind: 'log', epoch, node: liar.signer.address, document })
  liar.onEquivocation()
  return `signed two logs for epoch ${epoch}`
}

/** Buys from its own node: payer and provider are one person, and nothing is delivered. */
const selfDeals: EpochAttack = async ({ chain, signer, random }) => {
  const salt = hashFromBytes(random.bytes(32))
  const leaf = { node: signer.address, operator: chain.account, allocationMicroUsd: DEAL_MICRO_USD }
  const purse = buildTestPurse(chain.identity, { payer: chain.account, voucherKey: signer, salt }, [leaf])
  await chain.fund(purse)
  await chain.claim([purse.claimOf(0, DEAL_MICRO_USD)])
  await chain.payout(chain.account)
  return `paid itself ${DEAL_MICRO_USD} micro-dollars`
}

/** What a cheat does beside its duties; those without an attack bend what leaves their node. */
export const EPOCH_ATTACKS: Readonly<Record<EpochCheat, EpochAttack | undefined>> = {
  'false-roots': falseRoots,
  'withholds-evidence': withholdsEvidence,
  'two-votes': twoVotes,
  'two-logs': twoLogs,
  slanders: undefined,
  'false-hearsay': undefined,
  'self-deals': selfDeals,
  'sybil-deals': selfDeals,
}
