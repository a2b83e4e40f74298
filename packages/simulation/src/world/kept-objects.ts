/** What may be read of one key; undefined stands for no object. */
type State = Uint8Array | undefined

/** What a payer may expect of its objects, by what was acknowledged: while a change is under way both states are right. */
export class KeptObjects {
  readonly #states: Map<string, readonly State[]> = new Map()

  get keys(): readonly string[] {
    return [...this.#states.keys()]
  }

  /** A change begins: it may be seen from now on. */
  begin(key: string, after: State): void {
    this.#states.set(key, [...this.#of(key), after])
  }

  /** A change was acknowledged: it alone is right. */
  done(key: string, after: State): void {
    this.#states.set(key, [after])
  }

  /** Whether what was read could be there. @param fromByte where `bytes` begin; they are all of the object from there to `toByte` */
  allows(key: string, read: State, range?: { readonly fromByte: number; readonly toByte: number }): boolean {
    return this.#of(key).some((state) => {
      if (state === undefined || read === undefined) return state === read
      const expected = range === undefined ? state : state.subarray(range.fromByte, range.toByte)
      return expected.length === read.length && expected.every((byte, place) => byte === read[place])
    })
  }

  /** Bytes of the longest state of a key; 0 where nothing is. */
  lengthOf(key: string): number {
    return Math.max(0, ...this.#of(key).map((state) => state?.length ?? 0))
  }

  #of(key: string): readonly State[] {
    return this.#states.get(key) ?? [undefined]
  }
}
