/**
 * Memory that C sees, by koffi. Every argument struct of the PJRT C API is a row of 8-byte words: its size, a pointer to extensions, then
 * fields that are pointers, sizes or small numbers.
 */
import { createRequire } from "node:module"

type Koffi = typeof import("koffi")

/** A C function that takes one struct and gives an error or null. */
export type Callee = bigint

export interface Memory {
  /** Where a view's bytes are. They stay there while the view is referred to. */
  address(view: ArrayBufferView): bigint
  /** n bytes at an address, as they are now. */
  bytes(at: bigint, n: number): Buffer
  words(at: bigint, n: number): BigUint64Array
  /** GetPjrtApi of a library. Throws what the loader says. */
  apiOf(library: string): bigint
  /** With a struct, or what is at an address → the error's address; 0 is none. */
  call(callee: Callee, struct: BigUint64Array | bigint): bigint
}

/** Through koffi, whose path is given: a process started from text has no folder to resolve it from. */
export const memoryBy = (path: string): Memory => {
  const koffi = createRequire(path)(path) as Koffi
  const memcpy = koffi.load("libc.so.6").func("void* memcpy(void* to, void* from, size_t n)")
  const proto = koffi.proto("void* PjrtFunction(void* args)")
  const big = (pointer: unknown): bigint => (pointer === null ? 0n : BigInt(pointer as bigint))
  const view = (at: bigint, n: number): ArrayBuffer => koffi.view(at as never, n) as ArrayBuffer
  return {
    // Copying nothing onto itself gives the address back.
    address: (of) => (of.byteLength === 0 ? 0n : big(memcpy(of, of, 0))),
    bytes: (at, n) => (n === 0 ? Buffer.alloc(0) : Buffer.from(new Uint8Array(view(at, n)))),
    words: (at, n) => (n === 0 ? new BigUint64Array(0) : BigUint64Array.from(new BigUint64Array(view(at, 8 * n)))),
    apiOf: (library) => big(koffi.load(library).func("void* GetPjrtApi()")()),
    call: (callee, struct) => big(koffi.call(callee as never, proto, struct)),
  }
}
