export { buildAssemblyScript } from './build-assemblyscript.ts'
export { buildC } from './build-c.ts'
