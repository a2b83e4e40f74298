/** A command for the node in a folder, for a person to run next as it stands; without a folder for the usual one. */
export function commandIn(dataDir: string | undefined, command: string): string {
  return dataDir === undefined ? command : `${command} --data-dir ${shellWord(dataDir)}`
}

/** A word as a shell takes it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
