import { PROFILES, type ProfileName } from '../faults/profiles.ts'
import type { WorldOptions } from '../world/world.ts'
import { withoutFaults } from './fault-names.ts'

/** One pays, three provide: jobs ask for two operators that agree, and one of three may be away. */
export const NODES_MIN = 4

/** A world as a command line spells it: what somebody needs to play it again. */
export interface WorldPlan {
  readonly seed: number
  readonly nodes: number
  /** How long faults go on, in simulated minutes. */
  readonly minutes: number
  readonly profile: ProfileName
  /** Faults of the profile that are left out, by name. */
  readonly without: readonly string[]
  readonly hasRealSignatures: boolean
  /** Providers are bonded and take part in epochs. @default false */
  readonly hasEpochs?: boolean
  /** Providers sell storage as well, and payers keep objects there. @default true for the profile `storage` alone */
  readonly hasStorage?: boolean
}

/** Whether a plan's world has storage. */
function hasStorageIn({ hasStorage, profile }: WorldPlan): boolean {
  return hasStorage ?? profile === 'storage'
}

/** The world of a plan. */
export function worldOptionsOf(plan: WorldPlan): WorldOptions {
  const { seed, nodes, minutes, profile, without, hasRealSignatures, hasEpochs = false } = plan
  const hasStorage = hasStorageIn(plan)
  const faults = withoutFaults(PROFILES[profile], new Set(without))
  return { seed, nodes, faultMinutes: minutes, faults, hasRealSignatures, hasEpochs, hasStorage }
}

/** Which world a plan is, for a person: its seed, size, time and faults. */
export function describePlan({ seed, nodes, minutes, profile, without }: WorldPlan): string {
  const left = without.length === 0 ? '' : ` without ${without.join(', ')}`
  return `seed ${seed}, ${nodes} nodes and ${minutes} min of ${profile}${left}`
}

/** The command that plays a plan; every option is named, so that it stays right when a default changes. */
export function commandOf(plan: WorldPlan): string {
  const { seed, nodes, minutes, profile, without, hasRealSignatures, hasEpochs = false } = plan
  const parts = [`npm run sim -- --seed ${seed} --nodes ${nodes} --minutes ${minutes} --faults ${profile}`]
  if (without.length > 0) parts.push(`--without ${without.join(',')}`)
  if (hasEpochs) parts.push('--epochs')
  if (hasStorageIn(plan) && profile !== 'storage') parts.push('--storage')
  if (hasRealSignatures) parts.push('--real-signatures')
  return parts.join(' ')
}
