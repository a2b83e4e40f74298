import { type FinalRoot, isSteadError, type RootProposal, type UnixMs } from '@stead/core'
import { type EpochService, scheduleOf } from '@stead/epochs'
import { type EpochNumber, epochNumber, evidenceIdOf } from '@stead/rewards'
import type { EpochLine, EpochList, OpenProposal, RewardClaimStatus } from '@stead/sdk/api'

const EPOCHS_SHOWN = 32

/** Epochs as this node sees them. @throws ChainError, CoreError of the store */
export async function epochOverview(service: EpochService): Promise<EpochList> {
  const { economy, calendar, time, history } = service.ports
  if (time.head === undefined) time.observe(await history.head())
  const [open, final] = await Promise.all([economy.proposal(), economy.finalRoot()])
  const now = time.epoch()
  const epochs: EpochLine[] = []
  for (let epoch: number = now; epoch >= 0 && epoch > now - EPOCHS_SHOWN; epoch--) {
    epochs.push(await lineOf(service, epochNumber(epoch), { open, final }))
  }
  const faults = Array.from(service.faults, ([duty, reason]) => ({ duty, reason }))
  return {
    now,
    terms: { genesisAt: (calendar.genesisSeconds * 1000) as UnixMs, epochSeconds: calendar.epochSeconds },
    proposal: open === undefined ? null : proposalOf(service, open),
    final:
      final === undefined ? null : { epoch: final.epoch, root: final.root, evidence: evidenceIdOf(final.evidence) },
    epochs,
    faults,
    claim: claimOf(service),
  }
}

function proposalOf(service: EpochService, open: RootProposal): OpenProposal {
  const { epoch, attempt, proposer, endsAt, proposed, challenge } = open
  const verdict = service.watcher.verdictOn(attempt, proposed)
  return {
    epoch,
    attempt,
    proposer,
    endsAt,
    root: proposed.root,
    evidence: evidenceIdOf(proposed.evidence),
    challenge:
      challenge === undefined
        ? null
        : {
            challenger: challenge.challenger,
            root: challenge.other.root,
            evidence: evidenceIdOf(challenge.other.evidence),
          },
    verdict: verdict?.verdict ?? null,
    reason: verdict?.reason ?? null,
  }
}

interface OnChain {
  readonly open: RootProposal | undefined
  readonly final: FinalRoot | undefined
}

async function lineOf(service: EpochService, epoch: EpochNumber, chain: OnChain): Promise<EpochLine> {
  const logs = (await service.logs.all(epoch)).length
  const missing = await quietly(() => service.logs.missing(epoch))
  const known = service.computer.known(epoch)
  const line = { epoch, evidence: known?.evidence ?? null, root: known?.root ?? null, logs, missing: missing ?? [] }
  const own = chain.final === undefined ? undefined : await service.computer.finalOf(epoch)
  if (own === undefined) return { ...line, ...stateOf(service, epoch, chain) }
  const reason = service.finalRoot.faultOf(epoch) ?? null
  return { ...line, state: 'final', reason, root: own.root, evidence: evidenceIdOf(own.evidence) }
}

/** State and reason; evidence and root where the chain has them. */
function stateOf(
  service: EpochService,
  epoch: EpochNumber,
  { open, final }: OnChain,
): Pick<EpochLine, 'state' | 'reason'> & Partial<EpochLine> {
  const { time, calendar } = service.ports
  if (epoch === time.epoch()) return { state: 'running', reason: null }
  if (open?.epoch === epoch) {
    const { root, evidence } = open.proposed
    const { verdict, reason = null } = service.watcher.verdictOn(open.attempt, open.proposed) ?? {}
    const state = open.challenge !== undefined ? 'challenged' : verdict === 'mismatch' ? 'mismatch' : 'proposed'
    return { state, reason: reason ?? null, root, evidence: evidenceIdOf(evidence) }
  }
  if (final !== undefined && final.epoch > epoch) {
    return { state: 'final', reason: `covered by the root of epoch ${final.epoch}` }
  }
  if (time.now() < scheduleOf(calendar, epoch).logsCloseAt) {
    return { state: 'gathering', reason: 'logs are gathered' }
  }
  const verdict = service.watcher.verdictOf(epoch)
  if (verdict !== undefined) return { state: 'dropped', reason: verdict.reason ?? 'nobody decided in time' }
  // Only the newest epoch whose logs are in is proposed by itself; what it builds on holds the ones before.
  const isPassedOver = time.now() >= scheduleOf(calendar, epochNumber(epoch + 1)).logsCloseAt
  const reason = isPassedOver ? 'over, and nobody proposed it: it is part of the next root' : 'not proposed yet'
  return { state: 'gathering', reason }
}

function claimOf(service: EpochService): RewardClaimStatus | null {
  const state = service.claimer?.state
  if (state === undefined) return null
  const { reason, waitingMicroUsd, gasMicroUsd, error, sending } = state
  return { reason, waitingMicroUsd, gasMicroUsd, error: error ?? null, sending: sending ?? null }
}

/** What an old epoch began with may not be found any more; the rest is shown all the same. */
async function quietly<Value>(ask: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (isSteadError(error)) return undefined
    throw error
  }
}
