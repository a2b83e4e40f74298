export { buildAssemblyScript } from './build-assemblyscript.ts'
export { buildC } from './build-c.ts'
export { buildTypeScript, type TypeScriptBuildOptions } from './build-typescript.ts'
export type { TaskContext, TaskHandler } from './task-handler.ts'
