import type { Address, Fuel, MicroUsd } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { JobDetail, JobEvidence, SettlementTransaction } from '@stead/sdk/api'
import { daemonClient } from '../daemon-access.ts'
import type { DevMember } from '../dev/dev-network.ts'
import { patiently } from '../patiently.ts'

/** What one node got for a job's purses. `net = gross - fee`. */
export interface NodeEarnings {
  readonly node: Address
  readonly tasks: number
  readonly fuel: Fuel
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  /** Gas of the node's claims that took from these purses, which it pays itself. */
  readonly gasUsed: bigint
  readonly netMicroUsd: MicroUsd
}

/** The books of the purses that paid for a job: `deposited = paid + fees + remaining`, and `paid` is the sum of nets. */
export interface SettlementBooks {
  readonly depositedMicroUsd: MicroUsd
  readonly paidMicroUsd: MicroUsd
  readonly feesMicroUsd: MicroUsd
  readonly remainingMicroUsd: MicroUsd
  readonly gasUsed: bigint
  readonly transactions: readonly SettlementTransaction[]
}

/** A job after everybody was paid and has claimed. */
export interface SettledJob {
  readonly nodes: readonly NodeEarnings[]
  readonly settlement: SettlementBooks
  readonly evidence: JobEvidence
}

/** Pays what is open, lets every provider claim, and reads the books from the chain. */
export async function settleJob(
  components: { readonly payer: DaemonClient; readonly providers: readonly DevMember[] },
  job: JobDetail,
): Promise<SettledJob> {
  const { payer, providers } = components
  await patiently(() => payer.settle())
  // One after the other: their claims share a chain that mines a block for each.
  for (const provider of providers) {
    const client = daemonClient(provider.dataDir)
    await patiently(() => client.settle())
  }
  const evidence = await patiently(() => payer.getJobEvidence(job.id))
  return { ...booksOf(job, evidence), evidence }
}

/** The books from the claims that the chain knows. */
export function booksOf(
  job: Pick<JobDetail, 'nodes'>,
  evidence: Pick<JobEvidence, 'purses' | 'transactions'>,
): Omit<SettledJob, 'evidence'> {
  const claims = evidence.purses.flatMap((purse) => purse.claims)
  const { transactions } = evidence
  const gasOf = new Map(transactions.map((each) => [each.transaction, each.gasUsed]))
  const deposited = sum(evidence.purses.map((purse) => purse.depositedMicroUsd))
  const paid = sum(claims.map((claim) => claim.netMicroUsd))
  const fees = sum(claims.map((claim) => claim.feeMicroUsd))
  const addresses = new Set<Address>([...job.nodes.map((each) => each.node), ...claims.map((claim) => claim.node)])
  const nodes = [...addresses].map((node): NodeEarnings => {
    const own = claims.filter((claim) => claim.node === node)
    const work = job.nodes.find((each) => each.node === node)
    const ownTransactions = new Set(own.map((claim) => claim.transaction))
    return {
      node,
      tasks: work?.tasks ?? 0,
      fuel: work?.fuel ?? (0n as Fuel),
      grossMicroUsd: sum(own.map((claim) => claim.grossMicroUsd)),
      feeMicroUsd: sum(own.map((claim) => claim.feeMicroUsd)),
      gasUsed: [...ownTransactions].reduce((total, hash) => total + (gasOf.get(hash) ?? 0n), 0n),
      netMicroUsd: sum(own.map((claim) => claim.netMicroUsd)),
    }
  })
  return {
    nodes,
    settlement: {
      depositedMicroUsd: deposited,
      paidMicroUsd: paid,
      feesMicroUsd: fees,
      remainingMicroUsd: (deposited - paid - fees) as MicroUsd,
      gasUsed: transactions.reduce((total, each) => total + each.gasUsed, 0n),
      transactions,
    },
  }
}

function sum(amounts: readonly bigint[]): MicroUsd {
  return amounts.reduce((total, amount) => total + amount, 0n) as MicroUsd
}
