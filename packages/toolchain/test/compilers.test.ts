import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { InlineExecutor } from '@stead/sandbox'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildAssemblyScript, buildC, buildTypeScript } from '../src/index.ts'
import { inlineExecutor, runTask } from './support/task-runs.ts'

const hasClang = spawnSync('clang', ['--version']).status === 0
const hasCpp = hasClang && existsSync('/usr/lib/wasm32-wasi/libc++.a')
for (const [language, isThere, packages] of [
  ['C', hasClang, 'clang lld wasi-libc libclang-rt-14-dev-wasm32'],
  ['C++', hasCpp, 'clang lld wasi-libc libclang-rt-14-dev-wasm32 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32'],
] as const) {
  if (!isThere) process.stderr.write(`\n*** ${language} IS NOT TESTED: apt-get install ${packages}\n`)
}

let directory: string
let executor: InlineExecutor
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stead-compilers-'))
  executor = await inlineExecutor()
})
afterAll(async () => {
  await executor.stop()
  await rm(directory, { recursive: true })
})

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, file)), { recursive: true })
  await writeFile(join(directory, file), text)
}

describe('what does not compile is told with its place', () => {
  test.each([
    ['export default (x: number) => {\n  return x +\n}', 'wrong.ts:3:1: Unexpected token'],
    ["import { a } from './other.ts'\nexport default () => a", 'wrong.ts:1:10: "a" is not exported by "other.ts".'],
    ["import './gone.ts'\nexport default () => ''", 'wrong.ts imports ./gone.ts, which cannot be found'],
    ["import 'node:fs'\nexport default () => ''", 'wrong.ts imports node:fs, a module of Node.js that does not exist'],
    ["const f = () => {\n  throw new TypeError('early')\n}\nf()\nexport default f", 'at f (wrong.ts:2:'],
    ['const all: unknown[] = []\nfor (;;) all.push({})\nexport default () => ""', 'out of memory'],
    ['export const handler = () => ""', 'the task has no `export default function (input, context) { … }`'],
  ])('TypeScript: %j', async (source, words) => {
    await write('other.ts', 'export const b = 1')
    await write('wrong.ts', source)
    await expect(buildTypeScript(directory, 'wrong', { entry: 'wrong.ts' })).rejects.toMatchObject({
      code: 'JOB_BUILD_FAILED',
      message: expect.stringContaining(words),
    })
  })

  test('AssemblyScript', async () => {
    await write('assembly/index.ts', 'export function stead_alloc(length: i32): usize {\n  return missing(length)\n}')
    await expect(buildAssemblyScript(directory, 'wrong')).rejects.toMatchObject({
      code: 'JOB_BUILD_FAILED',
      message: `${directory} does not compile: assembly/index.ts:2:10: Cannot find name 'missing'.`,
      details: { file: join(directory, 'assembly/index.ts'), line: 2, column: 10 },
    })
  })

  test.runIf(hasClang)('C', async () => {
    await write('wrong.c', 'int main(void) {\n  return missing;\n}')
    await expect(buildC(directory, 'wrong', ['wrong.c'])).rejects.toMatchObject({
      code: 'JOB_BUILD_FAILED',
      message: expect.stringContaining("wrong.c:2:10: error: use of undeclared identifier 'missing'"),
    })
  })
})

describe('what is missing is told by its name', () => {
  test('an entry file', async () => {
    const gone = (file: string) => ({
      code: 'JOB_BUILD_FAILED',
      message: expect.stringContaining(`${file} is missing`),
    })
    await expect(buildTypeScript(directory, 'x', { entry: 'gone.ts' })).rejects.toMatchObject(gone('gone.ts'))
    await expect(buildC(directory, 'x', ['gone.c'])).rejects.toMatchObject(gone('gone.c'))
    await rm(join(directory, 'assembly'), { recursive: true, force: true })
    await expect(buildAssemblyScript(directory, 'x')).rejects.toMatchObject(gone('assembly/index.ts'))
  })

  test.each([
    ['c', 'clang is needed', 'apt-get install clang lld wasi-libc'],
    ['cpp', 'clang++ is needed', 'libc++-14-dev-wasm32'],
  ])('a compiler for .%s, with the line that installs it', async (ending, message, next) => {
    await write(`there.${ending}`, 'int main(void) { return 0; }')
    const path = process.env.PATH
    process.env.PATH = directory
    try {
      await expect(buildC(directory, 'x', [`there.${ending}`])).rejects.toMatchObject({
        message: expect.stringContaining(message),
        next: expect.stringContaining(next),
      })
    } finally {
      process.env.PATH = path
    }
  })
})

test.runIf(hasCpp)('C++ with its library runs in the sandbox', async () => {
  await write(
    'count.cpp',
    `#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <string>
struct Shape { virtual ~Shape() = default; virtual int sides() const = 0; };
struct Square : Shape { int sides() const override { return 4; } };
int main(int argc, char **argv) {
  std::map<std::string, int> counts;
  for (std::string word; std::cin >> word;) counts[word]++;
  for (const auto &[word, count] : counts) std::cout << count << ' ' << word << '\\n';
  std::unique_ptr<Shape> shape = std::make_unique<Square>();
  std::cout << argv[1] << ' ' << shape->sides() << std::endl;
}
`,
  )
  const module = await buildC(directory, 'count', ['count.cpp'])
  const end = await runTask(executor, module, { input: 'b a b', args: ['sides'] })
  expect(end).toMatchObject({ text: '1 a\n2 b\nsides 4\n', stderr: '', outcome: { exitCode: 0 } })
})
