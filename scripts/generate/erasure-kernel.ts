import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import asc from 'assemblyscript/asc'
import { root } from '../run-step.ts'

const SOURCE = 'combine.ts'
// Memory comes from outside, because its size depends on the code; nothing of the language's own runtime is needed.
const FLAGS = ['--runtime', 'stub', '-O3', '--converge', '--noAssert', '--enable', 'simd', '--importMemory']
const LINE = 100

/** The module of packages/storage/kernel, compiled and spelled as TypeScript. */
export async function erasureKernelModule(): Promise<string> {
  const source = readFileSync(join(root, 'packages/storage/kernel', SOURCE), 'utf8')
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main([SOURCE, '--outFile', 'module.wasm', ...FLAGS], {
    readFile: (name: string) => (name === SOURCE ? source : null),
    listFiles: () => [],
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== 'string') binary = contents
    },
  })
  if (error !== null || binary === undefined) throw new Error(`the kernel does not compile: ${stderr.toString()}`)
  const text = Buffer.from(binary).toString('base64')
  const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
  return [
    '// Written by scripts/generate.ts from kernel/combine.ts; edit that, then run: npm run generate',
    '',
    `/** The module, ${binary.length} bytes. */`,
    'export const KERNEL_MODULE_BASE64: string = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('')",
    '',
  ].join('\n')
}
