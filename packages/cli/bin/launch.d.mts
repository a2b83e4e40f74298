/** Where compiled code is kept. */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string

/** The environment of a process of ours; what `environment` has set itself stays. */
export function processEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv
