/** Where compiled code is kept: in the user's own cache folder, by the XDG Base Directory Specification. */
export function compileCacheDirectory(environment: Readonly<Record<string, string | undefined>>): string
