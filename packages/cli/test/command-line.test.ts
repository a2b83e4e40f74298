import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { writeDevState } from '../src/dev/dev-layout.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'stead-cli-'))

function stead(args: readonly string[], environment: Record<string, string> = {}, folder = home) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=@stead/source', main, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: home, XDG_STATE_HOME: home, ...environment },
    timeout: 20_000,
  })
  return { status, stdout, stderr }
}

describe('the command line', () => {
  it('prints help on standard output and exits 0, for itself and for each command', () => {
    const { status, stdout } = stead(['--help'])
    expect(status).toBe(0)
    for (const name of ['up', 'dev', 'run', 'quote', 'status', 'audit', 'doctor', 'finish'])
      expect(stdout).toContain(name)
    expect(stead(['up', '--help']).stdout).toContain('--operator')
    expect(stead(['jobs', 'watch', '--help']).status).toBe(0)
    expect(stead(['run', '--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('<directory>') })
  })

  it.each([
    [['nonsense']],
    [['up', '--nonsense']],
    [['jobs', 'watch']],
    [['jobs', 'watch', '0x12']],
    [['config']],
    [['run']],
    [[]],
  ])('exits 2 on %j, with the reason and without a stack trace', (args) => {
    const { status, stdout, stderr } = stead(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: .*CLI_USAGE/)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it.each([
    [['nonsense'], 'stead --help'],
    [['up', '--nonsense'], 'stead up --help'],
    [['jobs', 'watch'], 'stead jobs watch --help'],
    [['audit', 'epoch', 'newest'], 'stead audit epoch --help'],
    [['earnings', '--from', 'latest'], 'stead earnings --help'],
  ])('names the help of the command that was meant after %j', (args, help) => {
    expect(stead(args).stderr).toContain(`next: See what there is: ${help}\n`)
  })

  it('says what is wrong with a range of epochs', () => {
    const refused = (...args: string[]) => {
      const { status, stderr } = stead(args)
      return [status, stderr.split('\n')[0]]
    }
    const nobody = `0x${'1'.repeat(40)}`
    expect(refused('earnings', '--from', 'latest')).toEqual([
      2,
      'error: --from is the number of an epoch, not "latest" (CLI_USAGE)',
    ])
    expect(refused('audit', 'address', nobody, '--from', '-1')[1]).toContain('--from is the number of an epoch')
    expect(refused('earnings', '--from', '5', '--to', '2')[1]).toContain('--from 5 is after --to 2')
    expect(refused('audit', 'epoch', '99999999999999999999')[1]).toContain(
      'epoch 99999999999999999999 is no epoch: the last that there can be is 999999999',
    )
  })

  it('asks whose earnings are exported where no node says it', () => {
    const { status, stderr } = stead(['export', 'earnings', '--data-dir', join(home, 'nobody')])
    expect([status, stderr]).toEqual([2, expect.stringContaining('next: Name the operator: --address <operator>')])
  })

  it('says where no node runs, and how to start one, as one JSON document where asked', () => {
    const { status, stdout, stderr } = stead(['status', '--json', '--data-dir', join(home, 'nowhere')])
    expect(status).toBe(5)
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'API_NO_DAEMON', retryable: true })
    expect(stderr).toContain(`next: Start one there: stead up --data-dir ${join(home, 'nowhere')}\n`)
    expect(stead(['status']).stderr).toContain('next: Start one: stead up, or')
  })

  it('says which folder a machine is recovered in, and where other commands look instead, before anything is written', () => {
    const project = join(home, 'project')
    writeDevState(join(project, '.stead'), { version: 1, providers: 1, rpcUrl: 'http://127.0.0.1:1', listen: {} })
    writeFileSync(join(project, 'words'), 'no phrase')
    const recover = ['recover', '--phrase-file', 'words']
    const told = stead(recover, {}, project).stderr
    expect(told).toContain(`go to ${join(home, '.local', 'share', 'stead')}; to another folder: --data-dir <folder>\n`)
    expect(told).toContain(`mean the local network in ${join(project, '.stead')} while it runs\n`)
    expect(stead([...recover, '--data-dir', '../new'], {}, project).stderr).toContain(`go to ${join(home, 'new')}\n`)
  })

  it('says that there is no such folder to one who asks for the phrase of a node in it', () => {
    const { status, stderr } = stead(['phrase', '--data-dir', join(home, 'nowhere')])
    expect(status).toBe(1)
    expect(stderr).toContain(`no recovery phrase in ${join(home, 'nowhere')}: there is no such folder (CLI_NO_PHRASE)`)
    expect(stderr).toContain('next: Name the folder of the node: --data-dir <path>\n')
  })

  it('names a folder that is no job package, and an input that is not there', () => {
    expect(stead(['run', 'missing'])).toMatchObject({ status: 1, stderr: expect.stringContaining('CLI_JOB_DIRECTORY') })
    const directory = join(home, 'job')
    mkdirSync(directory, { recursive: true })
    writeFileSync(
      join(directory, 'stead.job.ts'),
      "export const job = { name: 'x', summary: 'x', options: [], plan: async () => ({}), report: () => ({}) }",
    )
    const missingInput = stead(['run', directory, '--input', 'missing.csv'])
    expect(missingInput).toMatchObject({ status: 1, stderr: expect.stringContaining('missing.csv') })
    expect(missingInput.stderr).toContain('CLI_INPUT_UNREADABLE')
  })

  it('names the package whose own code fails, and where to correct it', () => {
    const directory = join(home, 'faulty')
    mkdirSync(directory, { recursive: true })
    writeFileSync(
      join(directory, 'stead.job.ts'),
      "export const job = { name: 'faulty', summary: 'x', options: [], plan: async () => { throw new TypeError('no such column') }, report: () => ({}) }",
    )
    const { status, stderr } = stead(['run', directory])
    expect(status).toBe(1)
    expect(stderr).toContain('the plan of faulty failed: no such column (JOB_PLAN_FAILED)')
    expect(stderr).toContain(`next: Correct ${join(directory, 'stead.job.ts')}`)
  })

  it('shows where each setting came from', () => {
    const { stdout } = stead(['config', 'show', '--json', '--data-dir', join(home, 'node')], { STEAD_API_PORT: '4321' })
    const { settings } = JSON.parse(stdout)
    expect(settings).toContainEqual({ key: 'api.port', value: 4321, origin: 'environment', source: 'STEAD_API_PORT' })
  })

  it('refuses to run a node that was not told its chain', () => {
    const { status, stderr } = stead(['up', '--data-dir', join(home, 'node'), '--log-level', 'silent'])
    expect(status).toBe(1)
    expect(stderr).toContain('NODE_CHAIN_MISSING')
    expect(stderr).toContain('stead dev')
  })

  const chain = ['--rpc', 'http://127.0.0.1:1', '--address-book', join(home, 'no-book.json')]
  it.each([
    ['NODE_CHAIN_MISSING', []],
    ['NODE_CHAIN_MISSING', ['--rpc', 'http://127.0.0.1:1']],
    ['NODE_CONFIG_INVALID', ['--listen', 'here', ...chain]],
    ['CHAIN_ADDRESS_BOOK', chain],
    ['NODE_OPERATOR_MISSING', ['--provide', ...chain]],
    ['EPOCHS_OPERATOR_KEY', ['--propose-epochs', ...chain]],
    ['NODE_CONFIG_UNREADABLE', ['--watch-epochs', '--epochs-policies', join(home, 'no.policy'), ...chain]],
  ])('makes no folder for a node that ends with %s, given %j', (code, args) => {
    const directory = join(home, 'new', 'node')
    const { stderr } = stead(['up', '--data-dir', directory, ...args])
    expect(stderr).toContain(`(${code})`)
    expect(existsSync(join(home, 'new'))).toBe(false)
  })
})
