import asc from 'assemblyscript/asc'

const SOURCE = `
export function stead_alloc(length: i32): i32 { return heap.alloc(length) as i32 }
export function stead_run(pointer: i32, length: i32): i64 { return ((pointer as i64) << 32) | (length as i64) }
`

/** The least that a task can do: a function module that gives its input back. */
export async function echoModule(): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array | string>([['echo.ts', SOURCE]])
  const { error, stderr } = await asc.main(['echo.ts', '--outFile', 'echo.wasm', '--runtime', 'stub', '-O'], {
    readFile: (name) => files.get(name)?.toString() ?? null,
    writeFile: (name, content) => void files.set(name, content),
    listFiles: () => [],
  })
  const binary = files.get('echo.wasm')
  if (error !== null || !(binary instanceof Uint8Array)) throw new Error(`the module does not compile: ${stderr}`)
  return binary
}
