import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../src/config/load-config.ts'
import { listSettings } from '../src/config/settings.ts'

const settings = listSettings(3)

function load(parts: { file?: unknown; environment?: Record<string, string>; flags?: Record<string, unknown> }) {
  const file = join(mkdtempSync(join(tmpdir(), 'stead-config-')), 'config.json')
  if (parts.file !== undefined) {
    writeFileSync(file, typeof parts.file === 'string' ? parts.file : JSON.stringify(parts.file))
  }
  return loadConfig(settings, { file, environment: parts.environment ?? {}, flags: parts.flags ?? {} })
}

function failure(parts: Parameters<typeof load>[0]): unknown {
  try {
    load(parts)
  } catch (error) {
    return error
  }
  return undefined
}

describe('the configuration', () => {
  it('puts flag over environment over file over default and says where each came from', () => {
    const { config, values } = load({
      file: { api: { port: 1000 }, log: { level: 'warn' }, provide: { region: 'eu-west' } },
      environment: { STEAD_API_PORT: '2000', STEAD_LOG_LEVEL: 'error' },
      flags: { 'api.port': '3000' },
    })
    expect([config.api.port, config.log.level, config.provide.region, config.log.format]).toEqual([
      3000,
      'error',
      'eu-west',
      'text',
    ])
    const origins = Object.fromEntries(values.map((value) => [value.key, value.origin]))
    expect([origins['api.port'], origins['log.level'], origins['provide.region'], origins['log.format']]).toEqual([
      'flag',
      'environment',
      'file',
      'default',
    ])
    expect(values.find((value) => value.key === 'log.level')?.source).toBe('STEAD_LOG_LEVEL')
  })

  it('shares nothing and listens to nobody special unless told', () => {
    const { config } = load({})
    expect(config.provide.enabled).toBe(false)
    expect(config.network.bootstrap).toEqual([])
    expect(config.provide.concurrency).toBe(3)
  })

  it('names a misspelt setting and the one that was meant, in a file and in the environment', () => {
    const inFile = failure({ file: { api: { prot: 1 } } })
    expect(hasCode(inFile, 'NODE_CONFIG_INVALID') && inFile.next).toContain('api.port')
    const inEnvironment = failure({ environment: { STEAD_API_PROT: '1' } })
    expect(hasCode(inEnvironment, 'NODE_CONFIG_INVALID') && inEnvironment.next).toContain('STEAD_API_PORT')
  })

  it.each([
    [{ flags: { 'api.port': '70000' } }, 'api.port'],
    [{ environment: { STEAD_API_PORT: 'http' } }, 'STEAD_API_PORT'],
    [{ file: { provide: { enabled: 'yes' } } }, 'provide.enabled'],
    [{ file: { provide: { operator: '0x12' } } }, 'provide.operator'],
    [{ file: { network: { listen: 'everywhere' } } }, 'network.listen'],
    [{ file: { chain: { rpcUrl: 'ftp://x' } } }, 'chain.rpcUrl'],
  ])('refuses a value that cannot be, with its place: %j', (parts, place) => {
    const error = failure(parts)
    expect(hasCode(error, 'NODE_CONFIG_INVALID') && error.message).toContain(place)
  })

  it.each(['{', '[]', '"text"', '{"api": 3}'])('refuses a file that is no configuration: %s', (content) => {
    const error = failure({ file: content })
    expect(hasCode(error, 'NODE_CONFIG_UNREADABLE') || hasCode(error, 'NODE_CONFIG_INVALID')).toBe(true)
  })

  it('takes lists from flags and from the environment', () => {
    const { config } = load({
      environment: { STEAD_NETWORK_ANNOUNCE: '/ip4/1.2.3.4/tcp/1,/ip4/1.2.3.4/tcp/2' },
      flags: { 'network.listen': ['/ip4/127.0.0.1/tcp/0'] },
    })
    expect(config.network.listen).toEqual(['/ip4/127.0.0.1/tcp/0'])
    expect(config.network.announce).toHaveLength(2)
  })

  it('has a help, a reason and names of its own for every setting', () => {
    for (const setting of settings) {
      expect(setting.help.length, setting.key).toBeGreaterThan(10)
      expect(setting.reason.length, setting.key).toBeGreaterThan(10)
      if (setting.defaultValue !== undefined) expect(setting.schema.safeParse(setting.defaultValue).success).toBe(true)
    }
    expect(new Set(settings.map((setting) => setting.flagName)).size).toBe(settings.length)
  })
})
