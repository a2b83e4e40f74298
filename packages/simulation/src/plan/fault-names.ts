import { type FaultProfile, PROFILES } from '../faults/profiles.ts'

/** Numbers of a profile that are no faults: how long others last. */
const DURATIONS: ReadonlySet<string> = new Set(['awayMsMax', 'lastsMsMax'])

/** The faults that a profile has: `crashes`, `wires.lossShare`; names that {@link withoutFaults} understands. */
export function faultNames(profile: FaultProfile): readonly string[] {
  return Object.entries(profile).flatMap(([name, value]) => {
    if (typeof value === 'object' && value !== null)
      return Object.entries(value).flatMap(([inner, rate]) => (isFault(inner, rate) ? [`${name}.${inner}`] : []))
    return isFault(name, value) ? [name] : []
  })
}

/** Every name that some profile has. */
export function allFaultNames(): readonly string[] {
  return [...new Set(Object.values(PROFILES).flatMap(faultNames))].sort()
}

/** The profile without some of its faults. */
export function withoutFaults(profile: FaultProfile, names: ReadonlySet<string>): FaultProfile {
  const entries = Object.entries(profile).map(([name, value]: readonly [string, unknown]) => {
    if (typeof value !== 'object' || value === null) return [name, names.has(name) ? 0 : value]
    const inner = Object.entries(value).map(([key, rate]) => [key, names.has(`${name}.${key}`) ? 0 : rate])
    return [name, Object.fromEntries(inner)]
  })
  return Object.fromEntries(entries) as FaultProfile
}

function isFault(name: string, rate: unknown): boolean {
  return typeof rate === 'number' && rate > 0 && !DURATIONS.has(name)
}
