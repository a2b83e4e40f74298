import type { JobOption } from '@stead/sdk/job'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addJobOptions, type GivenJobOptions, ownOptionsOf, runTermsOf } from '../src/job/job-options.ts'

interface Parsed {
  readonly directory: string
  readonly rest: readonly string[]
  readonly options: GivenJobOptions
}

function parse(...args: string[]): Parsed {
  let parsed: Parsed | undefined
  const command = new Command('run').exitOverride()
  addJobOptions(command)
  command.action((directory: string, rest: string[], options: GivenJobOptions) => {
    parsed = { directory, rest, options }
  })
  command.parse(args, { from: 'user' })
  if (parsed === undefined) throw new TypeError('not parsed')
  return parsed
}

const own: readonly JobOption[] = [
  { name: 'time', kind: 'text', description: 'column' },
  { name: 'fast', kind: 'flag', description: 'fast' },
]

describe('the options of a job', () => {
  it('are told from those of the package, in any order', () => {
    const { directory, rest, options } = parse(
      'jobs/x',
      '--time',
      'date',
      '--input',
      'a.csv',
      '--fast',
      '--input',
      'b.csv',
    )
    expect([directory, options.input]).toEqual(['jobs/x', ['a.csv', 'b.csv']])
    expect(ownOptionsOf(own, rest)).toEqual({ time: 'date', fast: true })
    expect(ownOptionsOf(own, ['--time=a=b'])).toEqual({ time: 'a=b' })
  })

  it('name an option that neither knows, and one without its value', () => {
    const usage = expect.objectContaining({ code: 'CLI_USAGE' })
    expect(() => ownOptionsOf(own, ['--tmie', 'x'])).toThrow(usage)
    expect(() => ownOptionsOf(own, ['--time'])).toThrow(usage)
    expect(() => ownOptionsOf(own, ['stray'])).toThrow(usage)
  })

  it('ask for strict floats only when told to', () => {
    expect(runTermsOf(parse('d', '--strict-floats').options)).toMatchObject({ floats: 'strict' })
    expect(runTermsOf(parse('d').options)).not.toHaveProperty('floats')
  })

  it.each([
    ['1', 1_000_000n],
    ['0.000001', 1n],
    ['0.1', 100_000n],
    ['12.345678', 12_345_678n],
  ])('take %s dollars exactly', (text, expected) => {
    expect(runTermsOf(parse('d', '--max-cost', text).options).maxCostMicroUsd).toBe(expected)
  })

  it.each([
    ['--max-cost', '0'],
    ['--max-cost', '-1'],
    ['--max-cost', '0.0000001'],
    ['--max-cost', '1e3'],
    ['--max-cost', '$1'],
    ['--verification', 'quorum=1'],
    ['--verification', 'quorum=two'],
    ['--verification', 'adaptive='],
    ['--verification', 'adaptive=2'],
    ['--verification', 'trust=3'],
    ['--verification', 'hope'],
    ['--max-rtt', '0'],
    ['--deadline', 'soon'],
    ['--operator', '0x12'],
  ])('refuse %s %s with a usage error', (name, value) => {
    expect(() => runTermsOf(parse('d', name, value).options)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })

  it('say how results are checked', () => {
    const verification = (text: string) => runTermsOf(parse('d', '--verification', text).options).verification
    expect(verification('trust')).toEqual({ mode: 'trust' })
    expect(verification('quorum=3')).toEqual({ mode: 'quorum', replicas: 3 })
    expect(verification('adaptive')).toEqual({ mode: 'adaptive' })
    expect(verification('adaptive=0.1')).toEqual({ mode: 'adaptive', floor: 0.1 })
  })
})
