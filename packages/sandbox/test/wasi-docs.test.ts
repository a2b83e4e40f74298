import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { amountCosts } from '../src/cost-table.ts'
import { fileQuotas, resultQuotas } from '../src/wasi/quota.ts'
import { wasiSignatures } from '../src/wasi/signatures.ts'

const page = readFileSync(new URL('../../../docs/wasi.md', import.meta.url), 'utf8')

test('docs/wasi.md names every call, every limit with its number, and prices that exist', () => {
  const calls = Object.keys(wasiSignatures)
  expect(calls).toHaveLength(46)
  for (const name of calls) expect(page, name).toContain(`\`${name}\``)
  const [, limits = ''] =
    page
      .split(/^## /m)
      .filter((part) => part.startsWith('Limits'))[0]
      ?.split('\n\n') ?? []
  for (const [name, value] of [...Object.entries(fileQuotas), ...Object.entries(resultQuotas)])
    expect(limits, name).toMatch(new RegExp(`(^|[^\\d,])${value.toLocaleString('en')}($|[^\\d,])`, 'm'))
  const [prices = ''] = page.split(/^## /m).filter((part) => part.startsWith('Prices'))
  const named = [...prices.matchAll(/`((?:per)?[A-Za-z]+)`/g)].map(([, word = '']) => word)
  for (const word of new Set(named)) if (word !== 'amountCosts') expect(Object.keys(amountCosts)).toContain(word)
  for (const word of ['hostCall', 'path', 'perHostByte', 'perRandomByte']) expect(named).toContain(word)
})
