// Puts the contracts on any EVM chain and writes the address book that makes the chain usable:
//   node scripts/bootstrap.mjs scripts/deploy.ts --rpc <url> --key-file <file> --dollar <address|test> --address-book <file>
// The key file holds 64 hexadecimal digits with mode 0600; a missing one is made, and its address then needs gas.
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isSteadError, messageOf, silentLogger } from '@stead/core'
import { writeAddressBook } from '@stead/evm'
import { deployContracts } from '@stead/evm/deploy'
import { loadOrCreateKey, systemClock, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { z } from 'zod'

const { values } = parseArgs({
  options: {
    rpc: { type: 'string' },
    'key-file': { type: 'string' },
    dollar: { type: 'string' },
    holder: { type: 'string' },
    'liquidity-dollars': { type: 'string' },
    'epoch-seconds': { type: 'string' },
    'thaw-seconds': { type: 'string' },
    'fee-bps': { type: 'string' },
    'address-book': { type: 'string' },
  },
})

function required(name: keyof typeof values): string {
  const value = values[name]
  if (value !== undefined) return value
  process.stderr.write(`--${name} is missing; the first lines of scripts/deploy.ts show the whole command\n`)
  process.exit(2)
}

const bookPath = required('address-book')
const rpcUrl = required('rpc')
const keyFile = required('key-file')
const dollar = required('dollar')
if (existsSync(bookPath)) {
  process.stderr.write(`${bookPath} is there already; a second deployment would hide the first\n`)
  process.exit(2)
}
// The clock's waits do not keep a process alive, as a daemon needs it; a script has nothing else that does.
const alive = setInterval(() => undefined, 60_000)
try {
  const secp256k1 = await loadSecp256k1()
  const signer = createSigner(secp256k1, loadOrCreateKey(keyFile, { secp256k1, random: systemRandom }))
  const dollarsOf = (text: string | undefined): bigint | undefined =>
    text === undefined ? undefined : BigInt(text) * 1_000_000n
  const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))
  const book = await deployContracts(
    { clock: systemClock, logger: silentLogger, signer },
    {
      rpcUrl,
      dollar,
      holder: values.holder,
      liquidityMicroUsd: dollarsOf(values['liquidity-dollars']),
      epochSeconds: numberOf(values['epoch-seconds']),
      thawSeconds: numberOf(values['thaw-seconds']),
      feeBps: numberOf(values['fee-bps']),
    },
  )
  await writeAddressBook(bookPath, book)
  process.stdout.write(`${JSON.stringify(book, undefined, 2)}\n`)
} catch (error) {
  const what = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)
  process.stderr.write(`${what}\n${isSteadError(error) ? `${error.next}\n` : ''}`)
  process.exitCode = isSteadError(error) && error.retryable ? 5 : 1
} finally {
  clearInterval(alive)
}
