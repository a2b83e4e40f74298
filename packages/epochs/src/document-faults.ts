/** True for the codes of faults of what others published; false for those of chain, disk and this program. */
export function isOfDocuments(code: string): boolean {
  return (code.startsWith('REWARDS_') && code !== 'REWARDS_PROGRAM_FAULT') || code.startsWith('PROTOCOL_')
}
