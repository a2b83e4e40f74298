import type { Address } from '@stead/core'
import type { EpochEarnings } from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { auditAddress } from '../epoch/audit-address.ts'
import type { DocumentSource } from '../epoch/document-source.ts'
import { CliError } from '../errors.ts'
import type { Column } from '../terminal/table.ts'

/** An operator's epochs, each recomputed from chain and evidence. @throws CliError CLI_AUDIT_MISMATCH and as an audit */
export async function earningsRows(
  components: {
    readonly open: OpenEconomy
    readonly source: DocumentSource
    readonly onProgress: (line: string) => void
  },
  operator: Address,
): Promise<readonly EpochEarnings[]> {
  const audit = await auditAddress(components, { operator, fromEpoch: 0 })
  const { difference } = audit
  if (difference === undefined) return audit.epochs
  const { epoch } = difference.root
  throw new CliError('CLI_AUDIT_MISMATCH', `epoch ${epoch}: ${difference.what}`, { details: { epoch } })
}

/** Columns of earnings; money is whole micro-dollars, tokens are units of 10^-18. */
export const earningsColumns: readonly Column<EpochEarnings>[] = [
  { title: 'epoch', value: (row) => String(row.epoch) },
  { title: 'grossMicroUsd', value: (row) => String(row.grossMicroUsd) },
  { title: 'feeMicroUsd', value: (row) => String(row.feeMicroUsd) },
  { title: 'netMicroUsd', value: (row) => String(row.netMicroUsd) },
  { title: 'mintedTokenUnits', value: (row) => String(row.mintedTokenUnits) },
  { title: 'sponsoredMicroUsd', value: (row) => String(row.sponsoredMicroUsd) },
  {
    title: 'reasons',
    value: ({ programs }) =>
      programs.flatMap(({ reasons }) => reasons.map(({ code, about }) => `${code} ${about}`)).join('; '),
  },
]
