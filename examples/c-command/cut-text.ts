const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13)

/** Cuts text into pieces of at most `sizeBytes`, between words where there is a space in the piece. */
export function cutText(bytes: Uint8Array, sizeBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(from + sizeBytes, bytes.length)
    if (to < bytes.length) {
      let space = to
      while (space > from && !isSpace(bytes[space])) space--
      if (space > from) to = space
    }
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  return pieces
}
