/** The PJRT C API as calls that throw. Sizes and orders of fields: xla/pjrt/c/pjrt_c_api.h. */
import { type Callee, header, oldest, slots } from "./slots.ts"
import type { Memory } from "./words.ts"

/** What a plugin says went wrong. */
export class PjrtError extends Error {
  /** A code of absl::Status: 3 invalid argument, 8 resource exhausted, 13 internal … */
  readonly status: number
  readonly during: Callee
  constructor(during: Callee, status: number, message: string) {
    super(message)
    this.name = "PjrtError"
    this.during = during
    this.status = status
  }
}
/** A library that is no plugin, or one of another version of the API. */
export class Unsuitable extends Error {}

export type Option = string | boolean | number
/** Addresses of what the plugin holds. */
export type Handle = bigint

/** Bytes on the device, as the compiler planned them. */
export interface CompiledMemory {
  readonly code: number
  readonly arguments: number
  readonly outputs: number
  /** Of the outputs, those in memory that arguments gave. */
  readonly alias: number
  readonly temporary: number
}
/** All that is there at once: arguments, results that are not in their place, and what comes and goes. */
export const totalOf = (memory: CompiledMemory): number =>
  memory.arguments + memory.outputs - memory.alias + memory.temporary + memory.code

const float32 = 11n
/** kImmutableOnlyDuringCall: the bytes are copied before the call returns. */
const copied = 0n

export class Pjrt {
  readonly version: { readonly major: number; readonly minor: number }
  readonly #memory: Memory
  readonly #functions: BigUint64Array

  /** Loads a plugin. Throws Unsuitable, or what the loader says. */
  constructor(memory: Memory, library: string) {
    this.#memory = memory
    const at = memory.apiOf(library)
    const size = Number(memory.words(at, 1)[0])
    const [major, minor] = new Int32Array(memory.words(at + 32n, 1).buffer) as unknown as [number, number]
    this.version = { major, minor }
    const last = Math.max(...Object.values(slots))
    if (major !== oldest.major || minor < oldest.minor || size < 8 * (header + last + 1))
      throw new Unsuitable(`it speaks PJRT ${major}.${minor}; from ${oldest.major}.${oldest.minor} on is understood`)
    this.#functions = memory.words(at, size / 8).slice(header)
    this.#do("Plugin_Initialize", [])
  }

  /** Calls with the fields after size and extensions; gives the struct as it is afterwards. `total` words, where some are filled in. */
  #do(name: Callee, fields: readonly (Handle | number)[], total = fields.length + 2, held?: unknown): BigUint64Array {
    const struct = new BigUint64Array(total)
    struct[0] = BigInt(8 * total)
    fields.forEach((field, i) => {
      struct[i + 2] = BigInt(field)
    })
    const error = this.#memory.call(this.#functions[slots[name]]!, struct)
    if (error !== 0n) throw this.#problem(name, error)
    // What fields point to is referred to until here.
    void held
    return struct
  }
  #problem(name: Callee, error: Handle): PjrtError {
    const message = new BigUint64Array([40n, 0n, error, 0n, 0n])
    this.#memory.call(this.#functions[slots.Error_Message]!, message)
    const code = new BigUint64Array([32n, 0n, error, 0n])
    this.#memory.call(this.#functions[slots.Error_GetCode]!, code)
    const problem = new PjrtError(name, Number(code[3]! & 0xffffffffn), this.#text(message[3]!, message[4]!))
    this.#memory.call(this.#functions[slots.Error_Destroy]!, new BigUint64Array([24n, 0n, error]))
    return problem
  }
  #text(at: bigint, n: bigint): string {
    return this.#memory.bytes(at, Number(n)).toString()
  }
  /** PJRT_NamedValue: size, extensions, name and its length, type, value, its length. */
  #named(options: Readonly<Record<string, Option>>) {
    const held: Buffer[] = []
    const place = (text: string): bigint => {
      const bytes = Buffer.from(text)
      held.push(bytes)
      return this.#memory.address(bytes)
    }
    const values = new BigUint64Array(7 * Object.keys(options).length)
    const data = new DataView(values.buffer)
    Object.entries(options).forEach(([name, value], i) => {
      const at = 7 * i
      values.set([56n, 0n, place(name), BigInt(Buffer.byteLength(name)), 0n, 0n, 1n], at)
      if (typeof value === "string") {
        values[at + 5] = place(value)
        values[at + 6] = BigInt(Buffer.byteLength(value))
      } else {
        values[at + 4] = typeof value === "boolean" ? 4n : 3n
        if (typeof value === "boolean") data.setUint8(8 * (at + 5), Number(value))
        else data.setFloat32(8 * (at + 5), value, true)
      }
    })
    return { at: this.#memory.address(values), count: Object.keys(options).length, held: [values, held] }
  }
  #await(event: Handle): void {
    try {
      this.#do("Event_Await", [event])
    } finally {
      this.#do("Event_Destroy", [event])
    }
  }

  client(options: Readonly<Record<string, Option>> = {}) {
    const { at, count, held } = this.#named(options)
    const client = this.#do("Client_Create", [at, count], 13, held)[8]!
    const name = this.#do("Client_PlatformName", [client], 5)
    const version = this.#do("Client_PlatformVersion", [client], 5)
    const list = this.#do("Client_AddressableDevices", [client], 5)
    const devices = [...this.#memory.words(list[3]!, Number(list[4]))]
    return {
      client,
      platform: this.#text(name[3]!, name[4]!),
      platformVersion: this.#text(version[3]!, version[4]!),
      devices,
    }
  }
  /** What a device is called, e.g. NVIDIA H100 80GB HBM3. */
  kindOf(device: Handle): string {
    const description = this.#do("Device_GetDescription", [device], 4)[3]!
    const kind = this.#do("DeviceDescription_Kind", [description], 5)
    return this.#text(kind[3]!, kind[4]!)
  }
  /** Bytes in use, at most so far, and in all; undefined where the plugin does not count. */
  memoryOf(device: Handle): { readonly used: number; readonly peak: number; readonly limit: number } | undefined {
    try {
      const stats = this.#do("Device_MemoryStats", [device], 24)
      return { used: Number(stats[3]), peak: Number(stats[4]), limit: Number(stats[10]) }
    } catch (problem) {
      if (problem instanceof PjrtError) return undefined
      throw problem
    }
  }

  #program(text: Buffer) {
    const format = Buffer.from("mlir")
    const struct = new BigUint64Array([
      48n,
      0n,
      this.#memory.address(text),
      BigInt(text.length),
      this.#memory.address(format),
      BigInt(format.length),
    ])
    return { at: this.#memory.address(struct), held: [struct, text, format] }
  }
  /** StableHLO text and CompileOptionsProto → a program on the client's devices. */
  compile(client: Handle, text: Buffer, options: Buffer): Loaded {
    const program = this.#program(text)
    const fields = [client, program.at, this.#memory.address(options), options.length]
    return this.#loaded(this.#do("Client_Compile", fields, 7, [program.held, options])[6]!)
  }
  /** For a device that need not be there. */
  compileFor(description: Readonly<Record<string, string>>, text: Buffer, options: Buffer): Handle {
    const { at, count, held } = this.#named(description)
    const name = Buffer.from("described")
    const topology = this.#do("TopologyDescription_Create", [this.#memory.address(name), name.length, at, count], 7, [
      name,
      held,
    ])[6]!
    const program = this.#program(text)
    const fields = [topology, program.at, this.#memory.address(options), options.length, 0]
    return this.#do("Compile", fields, 8, [program.held, options])[7]!
  }
  #loaded(loaded: Handle): Loaded {
    const executable = this.#do("LoadedExecutable_GetExecutable", [loaded], 4)[3]!
    const outputs = Number(this.#do("Executable_NumOutputs", [executable], 4)[3])
    return { loaded, executable, outputs }
  }
  compiledMemory(executable: Handle): CompiledMemory {
    const stats = this.#do("Executable_GetCompiledMemoryStats", [executable], 14)
    const at = (i: number) => Number(stats[i])
    return { code: at(3), arguments: at(4), outputs: at(5), alias: at(6), temporary: at(7) }
  }
  serialize(executable: Handle): Buffer {
    const struct = this.#do("Executable_Serialize", [executable], 7)
    const bytes = this.#memory.bytes(struct[3]!, Number(struct[4]))
    // The plugin's own copy goes by the function that it gives.
    this.#memory.call(struct[6]!, struct[5]!)
    return bytes
  }
  deserialize(client: Handle, bytes: Buffer): Loaded {
    const fields = [client, this.#memory.address(bytes), bytes.length, 0, 0, 0]
    return this.#loaded(this.#do("Executable_DeserializeAndLoad", fields, 8, bytes)[5]!)
  }

  /** A float32 tensor on a device, complete when this returns. */
  put(client: Handle, device: Handle, data: Float32Array, shape: readonly number[]): Handle {
    const extents = BigInt64Array.from(shape, BigInt)
    const dims = shape.length === 0 ? 0n : this.#memory.address(extents)
    const fields = [client, this.#memory.address(data), float32, dims, shape.length, 0, 0, copied, device, 0, 0]
    const struct = this.#do("Client_BufferFromHostBuffer", fields, 15, [data, extents])
    this.#await(struct[13]!)
    const buffer = struct[14]!
    try {
      this.#await(this.#do("Buffer_ReadyEvent", [buffer], 4)[3]!)
    } catch (problem) {
      this.free(buffer)
      throw problem
    }
    return buffer
  }
  /** Reads a tensor, row-major whatever its layout on the device is. */
  get(buffer: Handle, shape: readonly number[]): Float32Array {
    const data = new Float32Array(shape.reduce((n, extent) => n * extent, 1))
    // Minor to major: the last axis first.
    const order = BigInt64Array.from(shape, (_, i) => BigInt(shape.length - 1 - i))
    const at = shape.length === 0 ? 0n : this.#memory.address(order)
    // PJRT_Buffer_MemoryLayout, tiled: size, extensions, [size, extensions, order and its length, tiles, their sizes and number], type.
    const layout = new BigUint64Array([80n, 0n, 56n, 0n, at, BigInt(shape.length), 0n, 0n, 0n, 0n])
    const fields = [buffer, this.#memory.address(layout), this.#memory.address(data), data.byteLength]
    const struct = this.#do("Buffer_ToHostBuffer", fields, 7, [data, order, layout])
    this.#await(struct[6]!)
    return data
  }
  isDeleted(buffer: Handle): boolean {
    return (this.#do("Buffer_IsDeleted", [buffer], 4)[3]! & 1n) === 1n
  }
  free(buffer: Handle): void {
    this.#do("Buffer_Destroy", [buffer])
  }

  /** Arguments on each device → results on each device, complete when this returns. Arguments that are donated are gone then. */
  execute({ loaded, outputs }: Loaded, args: readonly (readonly Handle[])[]): readonly (readonly Handle[])[] {
    const address = (view: ArrayBufferView) => this.#memory.address(view)
    const given = args.map((of) => BigUint64Array.from(of))
    const results = args.map(() => new BigUint64Array(outputs))
    const lists = [given, results].map((of) => BigUint64Array.from(of, address)) as [BigUint64Array, BigUint64Array]
    const events = new BigUint64Array(args.length)
    // PJRT_ExecuteOptions without callbacks.
    const options = new BigUint64Array(14)
    options[0] = 112n
    const fields = [
      loaded,
      address(options),
      address(lists[0]),
      args.length,
      args[0]!.length,
      address(lists[1]),
      address(events),
      0,
    ]
    this.#do("LoadedExecutable_Execute", fields, undefined, [given, results, lists, options])
    const problems: unknown[] = []
    for (const event of events)
      try {
        this.#await(event)
      } catch (problem) {
        problems.push(problem)
      }
    if (problems.length > 0) {
      for (const list of results) for (const buffer of list) if (buffer !== 0n) this.free(buffer)
      throw problems[0]
    }
    return results.map((list) => [...list])
  }
  destroy({ loaded, executable }: Loaded): void {
    this.#do("Executable_Destroy", [executable])
    this.#do("LoadedExecutable_Destroy", [loaded])
  }
}

export interface Loaded {
  readonly loaded: Handle
  readonly executable: Handle
  readonly outputs: number
}
