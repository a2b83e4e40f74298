/**
 * The part of the WebAssembly JavaScript API that the sandbox uses, typed here because this package must not depend on
 * the DOM's type library (it runs in Node.js and in browsers alike).
 */

/** A compiled module; can be posted to workers. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string
}

/** A global of an instance. */
export interface WasmGlobal {
  value: bigint | number
}

/** Linear memory of an instance; `buffer` is replaced when it grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}

/** A function of an instance. */
export type WasmFunction = (...parameters: readonly (number | bigint)[]) => number | bigint | undefined

/** What an instance exports. */
export type WasmExports = Readonly<Record<string, WasmFunction | WasmMemory | WasmGlobal | undefined>>

/** Functions and memory handed to an instance, by module and name. */
export type WasmImports = Readonly<Record<string, Readonly<Record<string, HostFunction | WasmMemory>>>>

/** A function that guests can call. */
export type HostFunction = (...parameters: never[]) => number | bigint | undefined

/** A fresh copy of a module with its own memory. */
export interface WasmInstance {
  readonly exports: WasmExports
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule, imports?: WasmImports) => WasmInstance
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => WasmMemory
  readonly RuntimeError: new (message?: string) => Error
  readonly CompileError: new (message?: string) => Error
  validate(bytes: Uint8Array): boolean
}

/** The engine's WebAssembly object. */
export const webAssembly: WebAssemblyApi = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi })
  .WebAssembly
