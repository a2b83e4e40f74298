import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BANNED, LAYERS, SIMULATED, SIMULATED_EXCEPT } from './layers.ts'
import { root, type SourceFile, sourceFiles } from './sources.ts'

const code = sourceFiles(['.ts', '.mts', '.mjs', '.sol']).filter(({ path }) => !path.includes('/generated/'))
const sources = code.filter(({ path }) => /^packages\/[^/]+\/src\//.test(path))
const packageOf = (path: string): string => path.split('/')[1] ?? ''

function importsOf(text: string): string[] {
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)]
  return imports.map((match) => match[1] ?? '')
}

/** Lines of `files` that match, as `path:line: text`. */
function linesMatching(files: readonly SourceFile[], pattern: RegExp): string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, where: `${path}:${index + 1}` }))
      .filter(({ line }) => pattern.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line))
      .map(({ line, where }) => `${where}: ${line.trim().slice(0, 100)}`),
  )
}

describe('layers', () => {
  test('every package has its place', () => {
    const packages = readdirSync(join(root, 'packages')).sort()
    expect(packages).toEqual(Object.keys(LAYERS).sort())
  })

  test('imports go one way', () => {
    const wrong = sources.flatMap(({ path, text }) =>
      importsOf(text)
        .filter((specifier) => specifier.startsWith('@stead/'))
        .map((specifier) => specifier.split('/')[1] ?? '')
        .filter((target) => target !== packageOf(path) && !(LAYERS[packageOf(path)] ?? []).includes(target))
        .map((target) => `${path} imports @stead/${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('a package reaches another only through its public entries, and itself only by relative paths', () => {
    const wrong = sources.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(
          (specifier) =>
            specifier.startsWith(`@stead/${packageOf(path)}`) || /\.\.\/\.\.\/.*packages\//.test(specifier),
        )
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  test('what is imported is declared in the package', () => {
    const wrong = sources.flatMap(({ path, text }) => {
      const manifest = JSON.parse(readFileSync(join(root, 'packages', packageOf(path), 'package.json'), 'utf8'))
      const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
      return importsOf(text)
        .filter((specifier) => /^[@a-z]/.test(specifier) && !specifier.startsWith('node:'))
        .map((specifier) =>
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        )
        .filter((name) => name !== manifest.name && !(name in declared))
        .map((name) => `${path} imports ${name}`)
    })
    expect(wrong).toEqual([])
  })
})

describe('simulated packages', () => {
  const simulated = sources.filter(({ path }) => {
    if (path.includes('compliance')) return false
    const exceptions = SIMULATED_EXCEPT[packageOf(path)]
    if (exceptions !== undefined) return !exceptions.some((folder) => path.startsWith(folder))
    return SIMULATED.includes(packageOf(path))
  })

  test.each(BANNED.map(({ pattern, instead }) => ({ pattern, instead })))('use $instead', ({ pattern }) => {
    expect(linesMatching(simulated, pattern)).toEqual([])
  })
})

describe('files', () => {
  test('are short enough for one subject', () => {
    const long = code.filter(({ text }) => text.split('\n').length > 501).map(({ path }) => path)
    expect(long).toEqual([])
  })

  test('leave nothing for later and skip nothing', () => {
    const marks = new RegExp(['TO', 'DO|FIX', 'ME|XX', 'X|HA', 'CK'].join(''))
    const marked = code.flatMap(({ path, text }) => (marks.test(text) ? [path] : []))
    const skipped = linesMatching(
      code.filter(({ path }) => path.includes('.test.')),
      /\b(test|it|describe)\.(skip|only|todo)\b/,
    )
    expect([...marked.filter((path) => !path.endsWith('tidy.test.ts')), ...skipped]).toEqual([])
  })

  test('name no registry, no machine and no home folder', () => {
    const text = sourceFiles(['.ts', '.mjs', '.json', '.md', '.sol', '.toml', '.yml'])
    // Put together from parts, so that this file does not find itself.
    const local = new RegExp(['registry\\.npm', 'js|"resolved": "', 'http|/ro', 'ot/|/wo', 'rk/main'].join(''))
    expect(linesMatching(text, local)).toEqual([])
  })

  test('that hold the recovery phrase, as the README makes one, stay out of commits and of the eyes of others', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    const files = [...readme.matchAll(/stead phrase(?: --to (\S+)|\s)/g)].map((match) => match[1])
    const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n')
    expect(files).not.toEqual([])
    for (const file of files) expect(ignored).toContain(`/${file}`)
  })

  test('have one subject in their name', () => {
    const vague = /(^|\/)(utils?|helpers?|common|misc|manager)(\.|\/|$)/
    const names = code
      .map(({ path }) => path)
      .filter((path) => vague.test(path) || /[A-Z_]/.test(path.split('/').at(-1) ?? ''))
    expect(names.filter((path) => path.endsWith('.ts'))).toEqual([])
  })

  test('let go of no types and swallow no errors', () => {
    const typescript = code.filter(({ path }) => path.endsWith('.ts') && !path.endsWith('tidy.test.ts'))
    const loose = /\bas any\b|: any\b|@ts-(ignore|expect-error|nocheck)|catch\s*(\([^)]*\))?\s*\{\s*\}/
    expect(linesMatching(typescript, loose)).toEqual([])
  })
})
