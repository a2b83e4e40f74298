import { fileURLToPath } from 'node:url'
import type { Address } from '@stead/core'
import { type DevMember, type DevPart, operatorKeyPath } from '../dev/dev-network.ts'
import { CAST, providerOf } from './cast.ts'
import { TASK_PRICE_MICRO_USD } from './epoch-terms.ts'

const ROLE_ENTRY = fileURLToPath(new URL('../../bin/play-role.mjs', import.meta.url))

/** What each provider of the play runs. @param nodeOf The node of another provider */
export function partOf(provider: number, { dataDir }: DevMember, nodeOf: (provider: number) => Address): DevPart {
  const { role } = CAST[provider - 1] ?? { role: 'honest' as const }
  const args = [
    ...['--operator-key', operatorKeyPath(dataDir)],
    // The liar's own node would challenge it.
    ...(role === 'proposer-of-a-lie' ? [] : ['--watch-epochs']),
    ...['--provide-minimum-micro-usd-per-task', String(TASK_PRICE_MICRO_USD)],
    // Gas is free here.
    ...['--claim-native-coin-micro-usd', '0', '--claim-minimum-micro-usd', '0'],
  ]
  if (role === 'honest' || role === 'often-offline' || role === 'self-dealing') return { args }
  const first = providerOf('colluding')
  const partner = role === 'colluding' ? ['--partner', nodeOf(provider === first ? first + 1 : first)] : []
  return { args, program: { file: ROLE_ENTRY, args: ['--role', role, ...partner] } }
}
