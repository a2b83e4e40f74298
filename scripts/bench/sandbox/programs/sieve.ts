import type { TaskHandler } from '../../../../packages/toolchain/src/index.ts'

const LIMIT = 20_000

/** Primes by a sieve in a typed array, then sorted by their digits with a comparison function. */
const handler: TaskHandler = (_input, { args }) => {
  const rounds = Number(args[0] ?? 1)
  let sum = 0
  for (let round = 0; round < rounds; round++) {
    const composite = new Uint8Array(LIMIT)
    const primes: number[] = []
    for (let number = 2; number < LIMIT; number++) {
      if (composite[number] === 1) continue
      primes.push(number)
      for (let multiple = number * number; multiple < LIMIT; multiple += number) composite[multiple] = 1
    }
    const key = (prime: number): number => (prime % 10) * 100_000 + prime
    primes.sort((left, right) => key(left) - key(right))
    for (const [index, prime] of primes.entries()) sum = (sum * 31 + prime * (index + round)) % 1_000_000_007
  }
  return String(sum)
}

export default handler
