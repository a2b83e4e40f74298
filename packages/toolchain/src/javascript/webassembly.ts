/** A global of an instance: i32 as number, i64 as bigint. */
export interface WasmGlobal {
  value: number | bigint
}

/** A memory of an instance; `buffer` is another object after each growth. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer
}

interface WebAssemblyNamespace {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, (...parameters: number[]) => number>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  readonly Global: new (...parameters: never[]) => WasmGlobal
}

/** The part of the WebAssembly namespace that the build uses; the project's library types have none. */
export const webAssembly: WebAssemblyNamespace = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace })
  .WebAssembly
