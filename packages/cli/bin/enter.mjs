// The entry of every `stead` process, under the right Node.js. Plain JavaScript, so that the cache is on before any
// TypeScript is met: Node.js then need not load its type stripper, which takes 20 MB for the life of the process.
import { enableCompileCache } from 'node:module'
import { compileCacheDirectory } from './compile-cache.mjs'

enableCompileCache(compileCacheDirectory(process.env))
const isWorkspace = process.execArgv.includes('--conditions=@stead/source')
await import(isWorkspace ? '../src/main.ts' : '../dist/main.js')
