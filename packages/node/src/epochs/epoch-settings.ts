import { readFile } from 'node:fs/promises'
import { EpochsError } from '@stead/epochs'
import type { NodeConfig } from '../config/settings.ts'
import { NodeError } from '../errors.ts'

/** Checks the settings of a node that takes part in epochs. @throws EpochsError EPOCHS_OPERATOR_KEY; as {@link readPolicies} */
export async function checkEpochSettings(config: NodeConfig): Promise<void> {
  if (config.epochs.propose && config.epochs.operatorKey === undefined)
    throw new EpochsError('EPOCHS_OPERATOR_KEY', 'epochs.propose is set, epochs.operatorKey is not')
  await readPolicies(config)
}

/** The policies of programs that the settings name. @throws NodeError NODE_CONFIG_UNREADABLE */
export async function readPolicies(config: NodeConfig): Promise<readonly Uint8Array[]> {
  return await Promise.all(config.epochs.policies.map(readPolicy))
}

async function readPolicy(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new NodeError('NODE_CONFIG_UNREADABLE', `the policy ${path} cannot be read`, { details: { path }, cause })
  }
}
