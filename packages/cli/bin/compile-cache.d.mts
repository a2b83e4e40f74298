/** Where compiled code is kept: in the user's own cache folder, by the XDG Base Directory Specification. */
export function compileCacheDirectory(environment: Readonly<Record<string, string | undefined>>): string
/** Whether a process with these arguments reads and writes it; `isWorkspace` where it runs from TypeScript. */
export function keepsCompiled(args: readonly string[], isWorkspace: boolean): boolean
