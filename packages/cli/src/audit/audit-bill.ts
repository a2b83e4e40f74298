import type { DaemonClient } from '@stead/sdk'
import type { JobEvidence } from '@stead/sdk/api'
import type { AuditVerdict } from './audit-verdict.ts'

/** What an audit reads: blobs from the node, claims from the chain. */
export interface AuditComponents {
  readonly client: DaemonClient
  readonly rpcUrl: string
  readonly addressBook: string
}

/** TO BE DONE when compute's audit lands. */
export async function auditBill(_components: AuditComponents, _evidence: JobEvidence): Promise<AuditVerdict> {
  return { kind: 'difference', what: 'not built yet' }
}
