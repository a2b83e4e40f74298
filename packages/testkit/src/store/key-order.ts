/**
 * Order of two texts by their UTF-8 bytes, which is the order of their code points; `<` on strings differs beyond U+FFFF.
 * @param left without lone surrogates, as `right`
 */
export function compareKeys(left: string, right: string): number {
  const end = Math.min(left.length, right.length)
  for (let at = 0; at < end; at++) {
    const [leftUnit, rightUnit] = [left.charCodeAt(at), right.charCodeAt(at)]
    if (leftUnit !== rightUnit) return placeOf(leftUnit) - placeOf(rightUnit)
  }
  return left.length - right.length
}

/** Halves of what is beyond U+FFFF come behind all that is not. */
function placeOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
