import { type Economy, microUsd } from '@stead/core'
import { ChainTime, type EpochPorts, EpochService, type EpochServiceOptions, PolicyBook } from '@stead/epochs'
import type { OfferBook } from '@stead/market'
import { calendarOf, ProgramRegistry, utilityProgram } from '@stead/rewards'
import type { MemoryChain } from '@stead/testkit'
import type { EpochDuties } from './epoch-duties.ts'
import { UTILITY_POLICY } from './epoch-terms.ts'
import type { SimChain } from './sim-chain.ts'
import { throughEndpoint } from './sim-economy.ts'

/** What the epochs of one life of a node stand on. */
export interface NodeEpochsParts
  extends Omit<EpochPorts, 'chain' | 'economy' | 'history' | 'books' | 'programs' | 'calendar' | 'time'> {
  readonly offers: OfferBook
  /** The node key's account, and the operator's. */
  readonly node: NodeAccount
  readonly operator: NodeAccount
}

/** An account on the chain, as a node sees it. */
export interface NodeAccount {
  readonly inner: MemoryChain
  readonly chain: SimChain
}

/** Documents of older epochs are deleted, so that a run of an hour shows what grows. */
export const KEEP_EPOCHS = 6

/** The economy through an account's endpoint. */
export function economyOf({ inner, chain }: NodeAccount): Economy {
  return throughEndpoint(inner.economy(), chain.endpoint)
}

/** The duties of a node in epochs, as the daemon puts them together. @throws ChainError when the chain does not answer */
export async function openNodeEpochs(parts: NodeEpochsParts, duties: EpochDuties): Promise<EpochService> {
  const { node, operator, offers, ...own } = parts
  const economy = economyOf(node)
  const calendar = calendarOf(await economy.epochTerms())
  const programs = new ProgramRegistry().add(utilityProgram)
  const ports: EpochPorts = {
    ...own,
    chain: node.chain,
    economy,
    history: throughEndpoint(node.inner.history(), node.chain.endpoint),
    books: throughEndpoint(node.inner.ledger(), node.chain.endpoint),
    programs,
    calendar,
    time: new ChainTime({ clock: own.clock, calendar }),
  }
  const options: EpochServiceOptions = {
    watch: true,
    propose: duties.isProposing,
    keepEpochs: KEEP_EPOCHS,
    claims: {
      operator: operator.chain.account,
      minimumMicroUsd: microUsd(0n),
      nativeCoinMicroUsd: microUsd(0n),
    },
  }
  const policies = new PolicyBook(programs, [UTILITY_POLICY])
  const components = { offers, policies, operator: economyOf(operator), onStopped: async () => undefined }
  return new EpochService(ports, components, options)
}
