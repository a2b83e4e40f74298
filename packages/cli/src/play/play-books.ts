import type {
  Address,
  BondState,
  CapAccrued,
  ClaimsCredited,
  EventPlace,
  LotBought,
  PoolState,
  RewardPaid,
  RootTerms,
} from '@stead/core'
import { NOBODY, type TokenBook, type TokenTransfer } from '@stead/evm'
import { type ComputedEpoch, type EpochEarnings, explainEarnings } from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import type { DevMember } from '../dev/dev-network.ts'
import { EpochAuditor } from '../epoch/epoch-auditor.ts'
import { CliError } from '../errors.ts'
import { CAST, type CastMember } from './cast.ts'
import type { PlayRecord } from './epoch-play.ts'

/** One token's books: every unit that was ever made, and who has it now. */
export interface TokenBooks {
  readonly transfers: readonly TokenTransfer[]
  readonly supplyUnits: bigint
  /** As the token says, of everybody who ever had any. */
  readonly balances: ReadonlyMap<Address, bigint>
}

/** An operator of the play, with everything that evidence and chain say of it. */
export interface OperatorBooks extends CastMember {
  readonly name: string
  readonly node: Address
  readonly operator: Address
  /** By epoch, the closing one last. */
  readonly earnings: readonly EpochEarnings[]
  /** q in parts per million by epoch; undefined where it is not known or the node was not bonded. */
  readonly qualityPpm: readonly (number | undefined)[]
  readonly mintedTokenUnits: bigint
  readonly bond: BondState
  /** In the Escrow and on its account. */
  readonly dollarMicroUsd: bigint
}

/** Everything after a play, read from chain and evidence alone. */
export interface PlayBooks {
  readonly epochs: readonly ComputedEpoch[]
  readonly operators: readonly OperatorBooks[]
  readonly claims: readonly ClaimsCredited[]
  readonly lots: readonly LotBought[]
  readonly rewards: readonly RewardPaid[]
  readonly caps: readonly CapAccrued[]
  readonly tokens: TokenBooks
  readonly dollars: TokenBooks
  readonly pool: PoolState
  readonly terms: RootTerms
  readonly places: { readonly stake: Address; readonly rewards: Address }
}

/** Audits every epoch of a play and reads its books. @throws CliError CLI_AUDIT_MISMATCH, CLI_EVIDENCE_MISSING; ChainError */
export async function readBooks(
  open: OpenEconomy,
  load: Parameters<typeof EpochAuditor.open>[1]['load'],
  { record, members }: { readonly record: PlayRecord; readonly members: readonly DevMember[] },
): Promise<PlayBooks> {
  const auditor = await EpochAuditor.open(open, { load, publishedResult: async () => undefined })
  const epochs: ComputedEpoch[] = []
  for (let epoch = record.firstEpoch; epoch <= record.firstEpoch + record.epochs; epoch++) {
    const root = await auditor.rootOf(epoch)
    const verdict = await auditor.audit(epoch)
    if (verdict.kind === 'difference') {
      const message = `the ${root.state} root of epoch ${epoch} does not follow from its evidence: ${verdict.what}`
      throw new CliError('CLI_AUDIT_MISMATCH', message, { details: { epoch, ...verdict.details } })
    }
    epochs.push(verdict.computed)
  }
  const { chain, book, history, ledger, economy, exchange } = open
  const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  const rewards = await ledger.rewardsPaid(span)
  return {
    epochs,
    operators: await Promise.all(
      members.flatMap(({ name, node, operator }, index) => {
        const cast = CAST[index]
        return operator === undefined || cast === undefined
          ? []
          : [operatorBooks(open, { ...cast, name, node, operator }, { epochs, rewards })]
      }),
    ),
    rewards,
    claims: await ledger.claims(span),
    lots: await ledger.lotsBought(span),
    caps: await ledger.capsAccrued(span),
    tokens: await tokenBooks(await chain.tokenBook(book.token), span),
    dollars: await tokenBooks(await chain.tokenBook(book.dollar), span),
    pool: await exchange.pool(),
    terms: await economy.rootTerms(),
    places: { stake: book.stake, rewards: book.rewards },
  }
}

type Known = Pick<OperatorBooks, 'name' | 'node' | 'operator' | 'role' | 'does'>

async function operatorBooks(
  { economy, chain }: OpenEconomy,
  known: Known,
  { epochs, rewards }: { readonly epochs: readonly ComputedEpoch[]; readonly rewards: readonly RewardPaid[] },
): Promise<OperatorBooks> {
  const { node, operator } = known
  const [bond, owed, { dollarMicroUsd }] = await Promise.all([
    economy.bondOf(node),
    chain.owedMicroUsd(operator),
    chain.balances(operator),
  ])
  const paid = rewards.filter((reward) => reward.operator === operator)
  return {
    ...known,
    earnings: [...explainEarnings(operator, epochs)],
    qualityPpm: epochs.map(({ findings }) => findings.quality.of(node)?.qualityPpm),
    mintedTokenUnits: paid.reduce((sum, { amountUnits }) => sum + amountUnits, 0n),
    bond,
    dollarMicroUsd: dollarMicroUsd + owed,
  }
}

async function tokenBooks(
  token: TokenBook,
  span: { readonly fromBlock: number; readonly toBlock: number },
): Promise<TokenBooks> {
  const transfers = await token.transfers(span)
  const holders = new Set(transfers.flatMap(({ from, to }) => [from, to]))
  holders.delete(NOBODY)
  const balances = await Promise.all([...holders].map(async (each) => [each, await token.balanceOf(each)] as const))
  return { transfers, supplyUnits: await token.supply(), balances: new Map(balances) }
}

/** The sum of transfers from some accounts to others; undefined stands for anybody. */
export function moved(
  { transfers }: Pick<TokenBooks, 'transfers'>,
  way: { readonly from?: Address | undefined; readonly to?: Address | undefined },
  among?: readonly EventPlace[],
): bigint {
  const wanted = among === undefined ? undefined : new Set(among.map(({ transaction }) => transaction))
  return transfers
    .filter(({ from, to, transaction }) => {
      if (way.from !== undefined && from !== way.from) return false
      if (way.to !== undefined && to !== way.to) return false
      return wanted === undefined || wanted.has(transaction)
    })
    .reduce((sum, { units }) => sum + units, 0n)
}
