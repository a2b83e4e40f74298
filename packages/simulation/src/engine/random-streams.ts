import { SeededRandom } from '@stead/testkit'

/**
 * Independent randomness for each node and purpose, all from one seed: what one of them draws does not change what
 * another one gets, so that a change in one place leaves the rest of a run as it was.
 */
export class RandomStreams {
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  /** The stream of a name; the same name gives the same stream from its beginning. */
  stream(name: string): SeededRandom {
    let mixed = (this.#seed ^ 0x9e3779b9) | 0
    for (let index = 0; index < name.length; index++) {
      mixed = Math.imul(mixed ^ name.charCodeAt(index), 0x01000193)
      mixed = (mixed << 7) | (mixed >>> 25)
    }
    return new SeededRandom(mixed)
  }
}
