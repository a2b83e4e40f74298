import { type Address, address } from '@stead/core'
import type { CommandContext } from '../command-context.ts'
import type { NodePlace } from '../node-place.ts'
import { accountOf } from './account-key.ts'
import { addressOf } from './amounts.ts'
import { nodeSetting } from './node-setting.ts'

/**
 * Who is paid for a node: the one that is named; else the one that its configuration names (`provide.operator`), whose
 * key may be far away; else the account of the operator's key. @throws as `accountOf`; CliError CLI_USAGE
 */
export async function paidOperator(
  { named, keyFile }: { readonly named: string | undefined; readonly keyFile?: string | undefined },
  node: NodePlace,
  context: CommandContext,
): Promise<Address> {
  if (named !== undefined) return addressOf(named)
  const setting = keyFile === undefined ? await nodeSetting('provide.operator', node, context) : undefined
  if (setting !== undefined) return address(setting.value)
  return (await accountOf({ keyFile, side: 'operator' }, node, context)).signer.address
}
