import type { CommandContext } from '../command-context.ts'
import type { NodePlace } from '../node-place.ts'

/** A text of a node's configuration, and who set it. */
export interface NodeSetting {
  readonly value: string
  /** `epochs.operatorKey in <file>`, or a variable of the environment. */
  readonly origin: string
}

/**
 * A text of a node's configuration; undefined where nobody set it. Members of a local network are told theirs by flags
 * and keep keys where the network put them: a setting of the user's own node means nothing there.
 * @throws NodeError NODE_CONFIG_INVALID, NODE_CONFIG_UNREADABLE
 */
export async function nodeSetting(
  key: string,
  { directories, member }: NodePlace,
  { environment }: Pick<CommandContext, 'environment'>,
): Promise<NodeSetting | undefined> {
  if (member !== undefined) return undefined
  const { loadNodeConfig } = await import('@stead/node')
  const { values } = loadNodeConfig({ directories, environment, flags: {} })
  const found = values.find((setting) => setting.key === key)
  if (typeof found?.value !== 'string' || found.value === '') return undefined
  return { value: found.value, origin: found.origin === 'environment' ? found.source : `${key} in ${found.source}` }
}
