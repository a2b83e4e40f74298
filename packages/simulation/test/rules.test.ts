import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { PAYER_CHEATS, PROVIDER_CHEATS } from '../src/byzantine/cheats.ts'

const pathOf = (from: string): string => fileURLToPath(new URL(from, import.meta.url))

function textOf(folder: string): string {
  const names = readdirSync(pathOf(folder)).filter((name) => name.endsWith('.ts'))
  return names.map((name) => readFileSync(pathOf(`${folder}/${name}`), 'utf8')).join('\n')
}

function namesIn(text: string, pattern: RegExp): ReadonlySet<string> {
  return new Set(Array.from(text.matchAll(pattern), ([, name = '']) => name))
}

/** Rules without a fault that they notice, and why. */
const WITHOUT_MUTANT: Readonly<Record<string, string>> = {
  'disk-adds-up': "the piece log's own tests count its bytes; in worlds no fault of ours was tried",
  'price-as-agreed': 'both sides compute it, and each refuses what the other gets wrong',
  'storage-stops': 'a net: what hangs in storage is not read, repaired or paid either',
  'time-as-kept': 'both sides compute it, and each refuses what the other gets wrong',
  'time-kept-is-billed': 'a net: what is not billed for long is ended by its node, and payers-pay notices',
  'timers-bounded': 'a coarse net while a node works; what leaks is found by timers-idle when it is at rest',
  'rows-bounded': 'a coarse net while a node works; what leaks is found by journal-swept when it is at rest',
}

it('every rule of the simulated world is noticed by a fault in our own code, or says why there is none', () => {
  const rules = namesIn(
    `${textOf('../src/checks')}\n${readFileSync(pathOf('../src/run-world.ts'), 'utf8')}`,
    /'([a-z]+(?:-[a-z]+)+)',\s*\(\) =>/g,
  )
  const ofResults = namesIn(textOf('../src/checks'), /rule: '([a-z-]+)', what/g)
  const ofStorage = namesIn(textOf('../src/world'), /#fault\('([a-z-]+)',/g)
  const all = [...new Set([...rules, ...ofResults, ...ofStorage])].sort()
  expect(all.length).toBeGreaterThan(35)
  const noticed = namesIn(textOf('../../../scripts/mutants'), /rule: '([a-z-]+)'/g)
  expect(all.filter((rule) => !noticed.has(rule))).toEqual(Object.keys(WITHOUT_MUTANT).sort())
  expect([...noticed].filter((rule) => !all.includes(rule))).toEqual([])
})

it('every cheat is in the table that says which rule bounds it', () => {
  const table = readFileSync(pathOf('../../../ARCHITECTURE.md'), 'utf8')
  const missing = [...PROVIDER_CHEATS, ...PAYER_CHEATS].filter((cheat) => !table.includes(`\`${cheat}\``))
  expect(missing).toEqual([])
})
