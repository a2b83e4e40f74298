/**
 * The part of the WebAssembly JavaScript API that the kernel needs, typed here because this package must not depend on
 * the DOM's type library (it runs in Node.js and in browsers alike).
 */

/** Linear memory; `buffer` is replaced when it grows. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, WasmMemory>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  readonly Memory: new (pages: { readonly initial: number }) => WasmMemory
  validate(bytes: Uint8Array): boolean
}

/** The engine's WebAssembly object. */
export const webAssembly: WebAssemblyApi = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi })
  .WebAssembly
