import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeDirectories } from '@stead/node/files'
import { bytesToHex, createSigner, keccakText, loadSecp256k1 } from '@stead/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accountOf } from '../src/chain/account-key.ts'
import { paidOperator } from '../src/chain/paid-operator.ts'
import type { CommandContext } from '../src/command-context.ts'
import type { NodePlace } from '../src/node-place.ts'

const secp256k1 = await loadSecp256k1()
const addressOf = (name: string) => createSigner(secp256k1, keccakText(name)).address

let home: string
let messages: string[]
let environment: Record<string, string>
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stead-keys-'))
  mkdirSync(join(home, 'keys'))
  ;[messages, environment] = [[], {}]
})
afterEach(() => rmSync(home, { recursive: true }))

function writeKey(path: string, name: string, mode = 0o600): string {
  writeFileSync(path, `${bytesToHex(keccakText(name))}\n`, { mode })
  return path
}

const place = (member?: string): NodePlace => ({ directories: nodeDirectories(home, {}), member })
const context = (): CommandContext =>
  ({ environment, terminal: { message: (text: string) => void messages.push(text) } }) as unknown as CommandContext
const operator = (keyFile?: string, member?: string) =>
  accountOf({ keyFile, side: 'operator' }, place(member), context())

describe('the key of an operator', () => {
  it('is the one that is named, else the node’s epochs.operatorKey, else that of the data folder, else the node’s', async () => {
    writeKey(join(home, 'keys', 'node.key'), 'node')
    expect((await operator()).description).toMatch(
      /^operator 0x[0-9a-f]{40}, key .*node\.key \(from the data folder, which has no operator\.key\)$/,
    )
    writeKey(join(home, 'keys', 'operator.key'), 'folder')
    expect((await operator()).signer.address).toBe(addressOf('folder'))
    const configured = writeKey(join(home, 'cold.key'), 'configured')
    writeFileSync(join(home, 'config.json'), JSON.stringify({ epochs: { operatorKey: configured } }))
    const found = await operator()
    expect(found.signer.address).toBe(addressOf('configured'))
    expect(found.description).toContain(`key ${configured} (from epochs.operatorKey in ${join(home, 'config.json')})`)
    environment.STEAD_EPOCHS_OPERATOR_KEY = writeKey(join(home, 'other.key'), 'variable')
    expect((await operator()).description).toContain('(from STEAD_EPOCHS_OPERATOR_KEY)')
    const given = await operator(writeKey(join(home, 'given.key'), 'given'))
    expect([given.signer.address, given.swapCommand]).toEqual([
      addressOf('given'),
      `stead swap <dollars> usd --key-file ${join(home, 'given.key')}`,
    ])
  })

  it('is never another one than what somebody named', async () => {
    writeKey(join(home, 'keys', 'operator.key'), 'folder')
    await expect(operator(join(home, 'gone.key'))).rejects.toMatchObject({
      code: 'CLI_KEY_MISSING',
      message: expect.stringContaining('gone.key (from --key-file)'),
    })
    environment.STEAD_EPOCHS_OPERATOR_KEY = join(home, 'lost.key')
    await expect(operator()).rejects.toMatchObject({
      code: 'CLI_KEY_MISSING',
      message: expect.stringContaining('lost.key (from STEAD_EPOCHS_OPERATOR_KEY)'),
    })
  })

  it('on a local network is the member’s, whatever the user’s own node is set to', async () => {
    writeKey(join(home, 'keys', 'operator.key'), 'member')
    environment.STEAD_EPOCHS_OPERATOR_KEY = join(home, 'lost.key')
    const found = await operator(undefined, 'provider-2')
    expect(found.signer.address).toBe(addressOf('member'))
    expect(found.swapCommand).toBe('stead swap <dollars> usd --as operator --node provider-2')
  })

  it('that others can read, or that is none, is refused with the place where its name came from', async () => {
    const exposed = writeKey(join(home, 'exposed.key'), 'exposed', 0o644)
    environment.STEAD_EPOCHS_OPERATOR_KEY = exposed
    await expect(operator()).rejects.toMatchObject({ code: 'NODE_KEY_EXPOSED', next: `Run: chmod 600 ${exposed}` })
    expect(messages).toEqual([`operator: key ${exposed} (from STEAD_EPOCHS_OPERATOR_KEY)`])
    environment.STEAD_EPOCHS_OPERATOR_KEY = join(home, 'none.key')
    writeFileSync(join(home, 'none.key'), 'not a key', { mode: 0o600 })
    await expect(operator()).rejects.toMatchObject({ code: 'NODE_KEY_INVALID' })
  })

  it('that is nowhere is asked for, with all the places that were looked at', async () => {
    await expect(operator()).rejects.toMatchObject({
      code: 'CLI_KEY_MISSING',
      details: { looked: [join(home, 'keys', 'operator.key'), join(home, 'keys', 'node.key')] },
      next: expect.stringContaining('--key-file'),
    })
  })
})

describe('who is paid', () => {
  const paid = (named?: string, keyFile?: string) => paidOperator({ named, keyFile }, place(), context())

  it('is who is named, else who the node pays, else the account of the key', async () => {
    writeKey(join(home, 'keys', 'operator.key'), 'folder')
    expect(await paid()).toBe(addressOf('folder'))
    const cold = addressOf('in a drawer')
    writeFileSync(join(home, 'config.json'), JSON.stringify({ provide: { operator: cold } }))
    expect(await paid()).toBe(cold)
    expect(await paid(undefined, writeKey(join(home, 'given.key'), 'given'))).toBe(addressOf('given'))
    expect(await paid(addressOf('another').toUpperCase().replace('0X', '0x'))).toBe(addressOf('another'))
    await expect(paid('0x12')).rejects.toMatchObject({ code: 'CLI_USAGE' })
  })

  it('needs no key where the node’s configuration names it', async () => {
    environment.STEAD_PROVIDE_OPERATOR = addressOf('in a drawer')
    expect(await paid()).toBe(addressOf('in a drawer'))
  })
})
