import { percentDecode, percentEncode } from './percent-coding.ts'

/** The query of a request, decoded. */
export class Query {
  readonly #pairs: readonly (readonly [name: string, value: string])[]

  /** @param text what is behind the `?`; a plus is a space. @throws S3Error InvalidURI */
  constructor(text: string) {
    const parts = text.split('&').filter((part) => part !== '')
    this.#pairs = parts.map((part) => {
      const at = part.indexOf('=')
      const [name, value] = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
      return [percentDecode(name.replaceAll('+', '%20')), percentDecode(value.replaceAll('+', '%20'))] as const
    })
  }

  /** The first value of this name. */
  get(name: string): string | undefined {
    return this.#pairs.find((pair) => pair[0] === name)?.[1]
  }

  has(name: string): boolean {
    return this.#pairs.some((pair) => pair[0] === name)
  }

  /** How often a name is there. */
  count(name: string): number {
    return this.#pairs.filter((pair) => pair[0] === name).length
  }

  get names(): readonly string[] {
    return this.#pairs.map(([name]) => name)
  }

  /** Sorted and encoded as it is signed, without one name. */
  canonical(without: string): string {
    const encoded = this.#pairs
      .filter(([name]) => name !== without)
      .map(([name, value]) => [percentEncode(name), percentEncode(value)] as const)
    encoded.sort(([nameA, valueA], [nameB, valueB]) => order(nameA, nameB) || order(valueA, valueB))
    return encoded.map(([name, value]) => `${name}=${value}`).join('&')
  }
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
