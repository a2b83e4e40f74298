import { TOKEN_UNITS } from '@stead/core'

/** How a node of the play behaves. */
export type Role =
  | 'honest'
  | 'slow'
  | 'often-offline'
  | 'equivocating'
  | 'self-dealing'
  | 'colluding'
  | 'proposer-of-a-lie'

/** One operator of the play with its one node. */
export interface CastMember {
  readonly role: Role
  /** What it does, in a clause; its name is the subject. */
  readonly does: string
}

/** Who plays, by the number of its provider: seven kinds of operators; the colluding pair makes eight of them. */
export const CAST: readonly CastMember[] = [
  { role: 'honest', does: 'keeps to the rules and proposes the roots' },
  { role: 'slow', does: 'keeps to the rules behind a slow line' },
  { role: 'often-offline', does: 'is switched off in the middle of each epoch' },
  { role: 'equivocating', does: 'publishes two logs for one epoch' },
  { role: 'self-dealing', does: 'pays itself, to be minted tokens for it' },
  { role: 'colluding', does: 'reports its partner only, and answers few others' },
  { role: 'colluding', does: 'reports its partner only, and answers few others' },
  { role: 'proposer-of-a-lie', does: 'proposes a root that gives it a million tokens' },
]

/** The number of a role's first provider, from 1. */
export function providerOf(role: Role): number {
  return CAST.findIndex((member) => member.role === role) + 1
}

/** How much later the slow node's answers leave it. */
export const SLOW_LINE_MS = 700
/** One of so many probes of strangers is answered by a colluding node. */
export const STRANGERS_ANSWERED_PART = 2
/** What the proposer of a lie would like to have. */
export const LIE_TOKEN_UNITS: bigint = 1_000_000n * TOKEN_UNITS
