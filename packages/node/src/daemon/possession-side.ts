import { ChallengeWatch, STAKED_UNPAID_SECONDS_MIN, type StorageProvider } from '@stead/storage'
import type { NodeConfig } from '../config/settings.ts'
import { NodeError } from '../errors.ts'
import type { Foundation } from './foundation.ts'
import { openOperatorAccount } from './operator-account.ts'
import type { StopStack } from './stop-stack.ts'

/** What the watch over possession challenges needs. */
export interface ChallengeWatchParts {
  readonly foundation: Foundation
  readonly storage: StorageProvider
  readonly stops: StopStack
}

/**
 * Refuses to keep pieces of others for less than they can be asked about, where the node has stake.
 * @throws NodeError NODE_UNPAID_TOO_SHORT; the chain's errors
 */
export async function requireUnpaidSeconds({ chain, signer }: Foundation, config: NodeConfig): Promise<void> {
  const { unpaidSeconds } = config.storage
  if (unpaidSeconds >= STAKED_UNPAID_SECONDS_MIN || (await chain.operatorOf(signer.address)) === undefined) return
  const sentence = `storage.unpaidSeconds is ${unpaidSeconds}, a node with stake needs ${STAKED_UNPAID_SECONDS_MIN} at least`
  throw new NodeError('NODE_UNPAID_TOO_SHORT', sentence, {
    details: { haveSeconds: unpaidSeconds, needSeconds: STAKED_UNPAID_SECONDS_MIN, node: signer.address },
  })
}

/** Watches for challenges from now on. @throws CoreError STORE_FAILED, STORE_CORRUPT; NodeError of the operator's key */
export async function openChallengeWatch(
  { foundation, storage, stops }: ChallengeWatchParts,
  config: NodeConfig,
): Promise<ChallengeWatch> {
  const { chain, addressBook, signer, logger } = foundation
  const account = openOperatorAccount(foundation, config)
  const { unpaidSeconds } = config.storage
  const watch = new ChallengeWatch(
    {
      ...foundation,
      node: signer.address,
      adjudicator: await chain.possession(addressBook),
      operator: await account?.possession(addressBook),
      answerTo: (agreement, seed) => storage.answerTo(agreement, seed),
      onBonded: () => {
        if (account === undefined)
          logger.warn(
            'without --operator-key this node cannot defend itself against a challenge of an old revision',
            {},
          )
        if (unpaidSeconds < STAKED_UNPAID_SECONDS_MIN)
          logger.error('storage.unpaidSeconds is too short for a node with stake', { unpaidSeconds })
      },
    },
    { deployedAtBlock: addressBook.deployedAtBlock },
  )
  await watch.start()
  stops.push('possession watch', async () => {
    await watch.stop()
    await account?.stop()
  })
  return watch
}
