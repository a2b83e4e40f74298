import { type Address, microUsd } from '@stead/core'
import { ChainTime, EpochService, PolicyBook } from '@stead/epochs'
import type { OfferBook } from '@stead/market'
import { calendarOf, coverageProgram, firstUtilityProgram, ProgramRegistry, utilityProgram } from '@stead/rewards'
import type { NodeConfig } from '../config/settings.ts'
import type { StorageBuyer } from '../daemon/buying-storage.ts'
import { operatorOf } from '../daemon/check-settings.ts'
import type { Foundation } from '../daemon/foundation.ts'
import { openOperatorAccount } from '../daemon/operator-account.ts'
import { readPolicies } from './epoch-settings.ts'

/** What a node that takes part in epochs is made of. */
export interface OpenEpochsParts {
  readonly foundation: Foundation
  readonly offers: OfferBook
  readonly storage: Pick<StorageBuyer, 'examine'>
}

/**
 * Takes part in epochs. Loaded only where a setting or a bond asks for it.
 * @throws NodeError of key and policy files; ChainError when the chain does not answer
 */
export async function openEpochs(
  { foundation, offers, storage }: OpenEpochsParts,
  config: NodeConfig,
): Promise<EpochService> {
  const { clock, chain, addressBook } = foundation
  const { watch, propose, keepEpochs } = config.epochs
  const economy = await chain.economy(addressBook)
  const calendar = calendarOf(await economy.epochTerms())
  const programs = new ProgramRegistry().add(utilityProgram).add(firstUtilityProgram).add(coverageProgram)
  const ports = {
    ...foundation,
    economy,
    history: await chain.history(addressBook),
    books: await chain.ledger(addressBook),
    programs,
    calendar,
    time: new ChainTime({ clock, calendar }),
  }
  const policies = new PolicyBook(programs, await readPolicies(config))
  const account = openOperatorAccount(foundation, config)
  const parts = {
    offers,
    policies,
    operator: await account?.economy(addressBook),
    onUnproven: (nodes: readonly Address[]) => void storage.examine(nodes),
    onStopped: async () => await account?.stop(),
  }
  const service = new EpochService(ports, parts, { watch, propose, keepEpochs, claims: claimsOf(config) })
  service.start()
  return service
}

function claimsOf(config: NodeConfig) {
  const { provide, claim } = config
  if (provide.operator === undefined) return undefined
  return {
    operator: operatorOf(config),
    minimumMicroUsd: microUsd(claim.minimumMicroUsd),
    nativeCoinMicroUsd: microUsd(claim.nativeCoinMicroUsd),
  }
}
