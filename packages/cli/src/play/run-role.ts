import { setTimeout as sleepFor } from 'node:timers/promises'
import { type Address, hasCode, isSteadError, silentMetrics } from '@stead/core'
import { chainIdentityOf, EvmChain } from '@stead/evm'
import { runDaemon } from '@stead/node'
import type { NetworkDecorator, SteadNode } from '@stead/node/daemon'
import { loadOrCreateKey, systemClock, systemRandom } from '@stead/node/identity'
import { createSigner } from '@stead/protocol'
import { Command, Option } from 'commander'
import { addNodeSettings, nodePlanOf } from '../node-config.ts'
import type { Role } from './cast.ts'
import { type Liar, proposeFalseRoot } from './false-root.ts'
import { colludingNetwork, slowNetwork } from './role-network.ts'
import { publishSecondLog } from './second-log.ts'

/** What a node that plays a part is told beside what every node is. */
interface GivenRole extends Readonly<Record<string, unknown>> {
  readonly role: Role
  readonly partner?: string
  readonly dataDir?: string
}

/** What the play says to a node over the channel between parent and child: the epoch to lie about. */
export interface Cue {
  readonly type: 'lie'
  readonly epoch: number
}

const RETRY_MS = 200
/** Longer than any epoch of the play and the time in which its logs are gathered. */
const LIE_WITHIN_MS = 120_000

/** A node as `stead up` runs it, but for what its part asks of it. Arguments: --role, --partner, those of `stead up`. */
export async function runRole(args: readonly string[]): Promise<void> {
  const command = addNodeSettings(new Command('play-role'))
    .addOption(new Option('--data-dir <path>'))
    .addOption(new Option('--role <role>').makeOptionMandatory())
    .addOption(new Option('--partner <address>'))
    .exitOverride()
  command.parse([...args], { from: 'user' })
  const given = command.opts<GivenRole>()
  const { dataDir } = given
  const decorateNetwork = decoratorOf(given)
  await runDaemon({
    ...nodePlanOf(given, { dataDir, environment: process.env }),
    ...(decorateNetwork === undefined ? {} : { decorateNetwork }),
    onReady: (_, node) => {
      process.on('message', (cue: Cue) => void lie(given.role, node, cue))
    },
  })
}

function decoratorOf({ role, partner }: GivenRole): NetworkDecorator | undefined {
  if (role === 'slow') return (network) => slowNetwork(network, (delayMs) => sleepFor(delayMs))
  return role === 'colluding' ? (network) => colludingNetwork(network, partner as Address) : undefined
}

/** Lies as soon as it can be done. Whether it came to pass is seen on the chain. */
async function lie(role: Role, node: SteadNode, { epoch }: Cue): Promise<void> {
  const liar = role === 'proposer-of-a-lie' ? await openLiar(node) : undefined
  const startedMs = systemClock.monotonicMs()
  while (systemClock.monotonicMs() - startedMs < LIE_WITHIN_MS) {
    try {
      if (liar !== undefined) return await proposeFalseRoot(liar, epoch)
      if (await publishSecondLog(node, epoch)) return
    } catch (error) {
      if (!isSteadError(error)) throw error
      const isEarly = hasCode(error, 'EPOCHS_NOT_OVER') || hasCode(error, 'REWARDS_NOT_OVER') || error.retryable
      if (!isEarly) return node.logger.error('the lie was refused', { epoch, error })
    }
    await sleepFor(RETRY_MS)
  }
}

/** @throws NodeError for a key that cannot be used; TypeError where none is named */
async function openLiar(node: SteadNode): Promise<Liar> {
  const { foundation, config, logger } = node
  const { addressBook, secp256k1 } = foundation
  const { rpcUrl } = config.chain
  const keyFile = config.epochs.operatorKey
  if (rpcUrl === undefined || keyFile === undefined) throw new TypeError('a liar has a chain and an operator key')
  const signer = createSigner(secp256k1, loadOrCreateKey(keyFile, { secp256k1, random: systemRandom }))
  const chain = new EvmChain(
    { logger, metrics: silentMetrics, clock: systemClock, signer },
    { rpcUrl, identity: chainIdentityOf(addressBook), deployedAtBlock: addressBook.deployedAtBlock },
  )
  return { node, operator: signer.address, economy: await chain.economy(addressBook) }
}
