import type { Hash } from '@stead/core'
import type { SignedAgreement } from '../agreement/agreement.ts'

/** What a node has to show for a challenge: its newest revision of the agreement, and that revision's leaves. */
export interface ChallengeAnswer {
  readonly signed: SignedAgreement
  readonly revision: number
  readonly root: Hash
  /** 0: nothing is kept any more, and the revision alone ends the challenge. */
  readonly leaves: number
  /** Five leaves, packed as the adjudicator reads them. */
  readonly proof: Uint8Array
}
