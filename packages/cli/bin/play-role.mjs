// The entry of a node that plays a part in `npm start -- --epochs`; like enter.mjs otherwise.
import { enableCompileCache } from 'node:module'
import { compileCacheDirectory } from './compile-cache.mjs'

enableCompileCache(compileCacheDirectory(process.env))
const isWorkspace = process.execArgv.includes('--conditions=@stead/source')
await import(isWorkspace ? '../src/play/role-main.ts' : '../dist/play/role-main.js')
