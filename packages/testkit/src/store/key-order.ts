/** Order of two texts by their UTF-8 bytes, which is the order of their code points; `<` on strings differs beyond U+FFFF. */
export function compareKeys(left: string, right: string): number {
  const leftPoints = left[Symbol.iterator]()
  const rightPoints = right[Symbol.iterator]()
  for (;;) {
    const leftStep = leftPoints.next()
    const rightStep = rightPoints.next()
    if (leftStep.done === true || rightStep.done === true)
      return Number(leftStep.done !== true) - Number(rightStep.done !== true)
    const difference = (leftStep.value.codePointAt(0) ?? 0) - (rightStep.value.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
}
