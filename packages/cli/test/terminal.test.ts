import { CoreError } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { CliError } from '../src/errors.ts'
import { printError } from '../src/terminal/print-error.ts'
import { renderCsv, renderTable } from '../src/terminal/table.ts'
import { createTerminal, type Terminal, toJson } from '../src/terminal/terminal.ts'

function recordingTerminal(isJson: boolean): Terminal & { readonly outs: string[]; readonly messages: string[] } {
  const outs: string[] = []
  const messages: string[] = []
  return {
    ...createTerminal({ isJson }),
    style: { bold: (text) => text, dim: (text) => text, good: (text) => text, bad: (text) => text },
    out: (text) => void outs.push(text),
    message: (text) => void messages.push(text),
    outs,
    messages,
  }
}

describe('an error', () => {
  it('is what happened, need and have, and the next command', () => {
    const terminal = recordingTerminal(false)
    const error = new CliError('CLI_LIMIT_REACHED', 'the cap is reached', {
      details: { needMicroUsd: 1_500_000n, haveMicroUsd: 200_000n, job: '0x1' },
    })
    expect(printError(terminal, error)).toBe(8)
    expect(terminal.messages).toEqual([
      'error: the cap is reached (CLI_LIMIT_REACHED)',
      '  need 1.500000 USD, have 0.200000 USD',
      '  next: Run it again with a higher cap: --max-cost <usd>',
    ])
    expect(terminal.outs).toEqual([])
  })

  it('escapes a name once, also where one name has another in it', () => {
    for (const details of [
      { name: 'stead://mine/\\y', key: '\\y' },
      { key: '\\y', name: 'stead://mine/\\y' },
    ]) {
      const terminal = recordingTerminal(false)
      printError(terminal, new CliError('CLI_USAGE', 'neither stead://mine/\\y nor \\y.', { details }))
      expect(terminal.messages[0]).toBe('error: neither stead://mine/\\\\y nor \\\\y. (CLI_USAGE)')
    }
  })

  it('is one JSON document for a program', () => {
    const terminal = recordingTerminal(true)
    printError(terminal, new CoreError('STORE_FULL', 'no room', { details: { needBytes: 2n ** 60n } }))
    expect(terminal.outs).toHaveLength(1)
    expect(JSON.parse(terminal.outs[0] ?? '').error).toMatchObject({
      code: 'STORE_FULL',
      retryable: true,
      details: { needBytes: '1152921504606846976' },
    })
  })

  it('never shows a stack trace, whatever was thrown', () => {
    const terminal = recordingTerminal(false)
    expect(printError(terminal, new TypeError('odd'))).toBe(1)
    expect(printError(terminal, 'text')).toBe(1)
    expect(terminal.messages.join('\n')).not.toMatch(/\bat .*\.ts/)
  })

  it.each([
    [new CliError('CLI_USAGE', 'x'), 2],
    [new CoreError('NETWORK_TIMEOUT', 'x'), 5],
    [new CliError('CLI_NO_PROVIDERS', 'x'), 6],
    [new CliError('CLI_JOB_FAILED', 'x'), 7],
    [new CliError('CLI_AUDIT_MISMATCH', 'x'), 9],
    [new CliError('CLI_INTERRUPTED', 'x'), 130],
    [new CoreError('STORE_CORRUPT', 'x'), 1],
  ])('ends with its own exit code', (error, expected) => {
    expect(printError(recordingTerminal(false), error)).toBe(expected)
  })
})

describe('tables', () => {
  const columns = [
    { title: 'NAME', value: (row: readonly [string, number]) => row[0] },
    { title: 'N', value: (row: readonly [string, number]) => String(row[1]), isNumber: true },
  ]

  it('set numbers flush right and end no line in spaces', () => {
    expect(
      renderTable(columns, [
        ['a', 5],
        ['long name', 1000],
      ]),
    ).toBe('NAME          N\na             5\nlong name  1000')
    expect(renderTable([...columns].reverse(), [['a', 5]])).toBe('N  NAME\n5  a')
  })

  it('quote what CSV must quote', () => {
    expect(renderCsv(columns, [['a,"b"\n', 1]])).toBe('NAME,N\r\n"a,""b""\n",1\r\n')
  })
})

describe('JSON', () => {
  it('keeps integers exact', () => {
    expect(toJson({ small: 5n, large: 2n ** 53n, bytes: Uint8Array.of(1) })).toBe(
      '{"small":5,"large":"9007199254740992","bytes":"AQ=="}',
    )
  })

  it('has one form for an amount, whether it is small or large', () => {
    const quote = { amountIn: 5n, amountOut: 10n ** 20n, minimumOut: 0n, impactPpm: 3 }
    expect(toJson({ tokenUnits: 0n, gasWei: 7n, feeMicroUsd: 7n, quote })).toBe(
      '{"tokenUnits":"0","gasWei":"7","feeMicroUsd":7,"quote":{"amountIn":"5","amountOut":"100000000000000000000","minimumOut":"0","impactPpm":3}}',
    )
  })
})

describe('the width of a terminal', () => {
  it.each([
    [undefined, 80],
    [0, 80],
    [132, 132],
  ])('that says %s is %i', (said, columns) => {
    const own = Object.getOwnPropertyDescriptor(process.stderr, 'columns')
    Object.defineProperty(process.stderr, 'columns', { configurable: true, value: said })
    try {
      expect(createTerminal({ isJson: false }).columns).toBe(columns)
    } finally {
      if (own === undefined) Reflect.deleteProperty(process.stderr, 'columns')
      else Object.defineProperty(process.stderr, 'columns', own)
    }
  })
})
