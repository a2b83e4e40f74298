import type { WasiHost } from '../host.ts'

/**
 * Implementations of WASI functions by name. Parameters arrive as the declared types say (i32 as number, possibly
 * negative; i64 as bigint, signed). Returning means success; an error number is thrown as WasiFault.
 */
export type WasiCalls = Readonly<Record<string, (host: WasiHost, ...parameters: never[]) => void>>
