import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CommandContext } from '../src/command-context.ts'
import { noDaemon } from '../src/daemon-access.ts'
import { writeDevState } from '../src/dev/dev-layout.ts'
import { commandFor, neighbourOf, nodePlace, toldNodePlace } from '../src/node-place.ts'

const home = mkdtempSync(join(tmpdir(), 'stead-place-'))
const root = join(home, 'project', '.stead')
writeDevState(root, { version: 1, providers: 3, rpcUrl: 'http://127.0.0.1:1', listen: {} })
const elsewhere = join(home, 'elsewhere')
mkdirSync(elsewhere)
afterAll(() => rmSync(home, { recursive: true }))

function contextIn(workingDirectory: string, dataDir?: string) {
  const messages: string[] = []
  const environment = { XDG_STATE_HOME: join(home, 'state'), XDG_DATA_HOME: join(home, 'data') }
  const terminal = { message: (text: string) => void messages.push(text) }
  return { messages, context: { workingDirectory, dataDir, environment, terminal } as unknown as CommandContext }
}

const project = join(home, 'project')

describe('on a local network', () => {
  it('an operator is the first provider and a payer the payer, unless a member is named', () => {
    const { context } = contextIn(join(project))
    const found = (side: 'operator' | 'payer', node?: string) =>
      nodePlace(side, node === undefined ? {} : { node }, context).directories.dataDir
    expect(found('operator')).toBe(join(root, 'provider-1'))
    expect(found('payer')).toBe(join(root, 'payer'))
    expect(found('operator', 'provider-3')).toBe(join(root, 'provider-3'))
    expect(found('payer', 'provider-2')).toBe(join(root, 'provider-2'))
  })

  it('a person is told which member it is, and how to name another one', () => {
    const { context, messages } = contextIn(project)
    toldNodePlace('operator', {}, context)
    toldNodePlace('operator', { node: 'provider-3' }, context)
    toldNodePlace('payer', {}, context)
    expect(messages).toEqual([
      'provider-1 of the local network in .stead; another one: --node provider-2',
      'provider-3 of the local network in .stead',
      'payer of the local network in .stead',
    ])
  })

  it('a member that there is not is refused with those that there are, and none gets out of the folder', () => {
    const { context } = contextIn(project)
    for (const node of ['provider-4', 'provider-0', 'provider-01', 'supervisor', '../..', '']) {
      expect(() => nodePlace('operator', { node }, context)).toThrow(/it has payer, provider-1 \.\. provider-3/)
    }
  })

  it('the folder of a member is that member, from anywhere and without a word', () => {
    const { context, messages } = contextIn(elsewhere, join(root, 'provider-2'))
    const place = toldNodePlace('operator', {}, context)
    expect([place.directories.stateDir, place.member, messages]).toEqual([join(root, 'provider-2'), 'provider-2', []])
    expect(nodePlace('payer', {}, context).member).toBe('provider-2')
    expect(neighbourOf('payer', context)?.directories.stateDir).toBe(join(root, 'payer'))
    expect(() => nodePlace('operator', { node: 'provider-1' }, context)).toThrow(
      expect.objectContaining({ next: `Name one of them: --data-dir ${root} --node provider-1` }),
    )
    expect(commandFor(place, 'stead settle')).toBe('stead settle --node provider-2')
  })

  it('the folder of the network is the network, also as a path from here', () => {
    for (const folder of [root, join(project, '.stead', '.')]) {
      const { context } = contextIn(elsewhere, folder)
      expect(nodePlace('operator', {}, context).directories.dataDir).toBe(join(root, 'provider-1'))
    }
  })
})

describe('a node that does not run', () => {
  it('is started with its local network, or in the folder that was meant, as a shell takes it', () => {
    expect(noDaemon(join(root, 'payer')).next).toBe(`Start its network: stead dev --nodes 3 --data-dir ${root}`)
    expect(noDaemon("/it's here").next).toBe("Start one there: stead up --data-dir '/it'\\''s here'")
  })
})

describe('without a local network', () => {
  it('the node is the user’s own, or the one in the given folder', () => {
    const own = contextIn(elsewhere)
    const place = toldNodePlace('operator', {}, own.context)
    expect(place).toMatchObject({ member: undefined, directories: { dataDir: join(home, 'data', 'stead') } })
    expect([own.messages, commandFor(place, 'stead settle')]).toEqual([[], 'stead settle'])
    const given = contextIn(elsewhere, join(home, 'node'))
    expect(nodePlace('payer', {}, given.context).directories.configDir).toBe(join(home, 'node'))
    expect(neighbourOf('payer', given.context)).toBeUndefined()
  })

  it('a member cannot be named', () => {
    const { context } = contextIn(elsewhere)
    expect(() => nodePlace('operator', { node: 'provider-1' }, context)).toThrow(
      expect.objectContaining({ code: 'CLI_USAGE', next: expect.stringContaining('--data-dir <path>') }),
    )
  })

  it('a network whose description was damaged is none', () => {
    const broken = join(home, 'broken')
    mkdirSync(join(broken, '.stead'), { recursive: true })
    writeFileSync(join(broken, '.stead', 'network.json'), '{"version":1,')
    expect(nodePlace('operator', {}, contextIn(broken).context).member).toBeUndefined()
  })
})
