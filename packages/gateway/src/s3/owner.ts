import { sha256Hex } from './auth/signature.ts'
import type { XmlNode } from './xml/write-xml.ts'

/** The one account that everything belongs to, in the form that clients take. */
export const OWNER_ID: string = sha256Hex('stead')

/** The owner as listings show it. */
export const OWNER: readonly XmlNode[] = [
  ['ID', OWNER_ID],
  ['DisplayName', 'stead'],
]

/** A time as S3's XML has it. */
export function xmlTime(unixMs: number): string {
  return new Date(unixMs).toISOString()
}
