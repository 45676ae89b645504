/**
 * The process that owns a plugin: one message after another, each answered. README.md says why it is a process and not a thread.
 *
 * State stays on the device. A run donates its memory to what replaces it; only what is fed and what is not state crosses.
 */
import { cached } from "./cache.ts"
import { type Handle, type Loaded, type Option, Pjrt, PjrtError, totalOf, Unsuitable } from "./pjrt/api.ts"
import { memoryBy } from "./pjrt/words.ts"
import { type Message, receive, send } from "./wire.ts"

interface Named {
  readonly name: string
  readonly shape: readonly number[]
}
interface Open {
  readonly koffi: string
  readonly plugin: string
  readonly options: Readonly<Record<string, Option>>
}
interface Compile {
  readonly inputs: readonly Named[]
  readonly outputs: readonly Named[]
  readonly state: Readonly<Record<string, string>>
  /** Folder of executables, and how many bytes it may hold; left out, nothing is kept. */
  readonly cache?: { readonly folder: string; readonly limit: number; readonly flags: string }
}
type Answer = readonly [head: object, parts?: readonly ArrayBufferView[]]

const input = 3
const output = 4
// A terminal's Ctrl-C goes to all its processes. The engine decides when this one ends: after the step and its checkpoint.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})

let pjrt: Pjrt
let client: ReturnType<Pjrt["client"]>
let device: Handle
let program: (Compile & { readonly executable: Loaded }) | undefined
const held = new Map<string, Handle>()

const shapesOf = (list: readonly Named[]) => new Map(list.map(({ name, shape }) => [name, shape]))
const floats = ({ buffer }: Uint8Array): Float32Array => new Float32Array(buffer as ArrayBuffer)
const put = ({ name, shape }: Named, part: Uint8Array): void => {
  const before = held.get(name)
  const buffer = pjrt.put(client.client, device, floats(part), shape)
  if (before !== undefined) pjrt.free(before)
  held.set(name, buffer)
}

const load = ({ koffi, plugin }: Open): void => {
  pjrt = new Pjrt(memoryBy(koffi), plugin)
}

const act: Readonly<Record<string, (head: never, parts: readonly Uint8Array[]) => Answer>> = {
  /** The plugin and its devices. */
  open: (head: Open) => {
    load(head)
    client = pjrt.client(head.options)
    device = client.devices[0]!
    const devices = client.devices.map((one) => pjrt.kindOf(one))
    const { platform, platformVersion } = client
    return [{ version: pjrt.version, platform, platformVersion, devices, memory: pjrt.memoryOf(device) }]
  },
  compile: (head: Compile, [text, options]) => {
    const [code, flags] = [Buffer.from(text!), Buffer.from(options!)]
    const key = [client.platform, client.platformVersion, pjrt.kindOf(device), flags.toString("hex")]
    const { executable, from } = cached(
      head.cache && { ...head.cache, key: [...key, head.cache.flags], text: code },
      head.outputs.length,
      {
        compile: () => pjrt.compile(client.client, code, flags),
        serialize: ({ executable }) => pjrt.serialize(executable),
        deserialize: (bytes) => pjrt.deserialize(client.client, bytes),
        alias: ({ executable }) => pjrt.compiledMemory(executable).alias,
        destroy: (executable) => pjrt.destroy(executable),
      },
    )
    program = { ...head, executable }
    return [{ from, memory: pjrt.compiledMemory(executable.executable) }]
  },
  /** For a device that is described, not there: what it would need. */
  describe: (head: Open & { readonly target: Readonly<Record<string, string>> }, [text, options]) => {
    load(head)
    const executable = pjrt.compileFor(head.target, Buffer.from(text!), Buffer.from(options!))
    const memory = pjrt.compiledMemory(executable)
    return [{ memory, total: totalOf(memory), version: pjrt.version }]
  },
  load: ({ tensors }: { readonly tensors: readonly Named[] }, parts) => {
    tensors.forEach((tensor, i) => put(tensor, parts[i]!))
    return [{}]
  },
  run: ({ tensors }: { readonly tensors: readonly Named[] }, parts) => {
    const { executable, inputs, outputs, state } = program!
    const fed = new Map<string, Handle>()
    try {
      tensors.forEach(({ name, shape }, i) => {
        fed.set(name, pjrt.put(client.client, device, floats(parts[i]!), shape))
      })
      const [results] = pjrt.execute(executable, [inputs.map(({ name }) => fed.get(name) ?? held.get(name)!)])
      const next = new Map(Object.entries(state).map(([name, result]) => [result, name]))
      const given: Float32Array[] = []
      const names: Named[] = []
      outputs.forEach((result, i) => {
        const of = next.get(result.name)
        if (of !== undefined) {
          pjrt.free(held.get(of)!)
          held.set(of, results![i]!)
          return
        }
        given.push(pjrt.get(results![i]!, result.shape))
        names.push(result)
        pjrt.free(results![i]!)
      })
      return [{ tensors: names }, given]
    } catch (problem) {
      // What was donated to a run that failed is gone: it is not there to be run with, or read.
      for (const [name, buffer] of held)
        if (pjrt.isDeleted(buffer)) {
          pjrt.free(buffer)
          held.delete(name)
        }
      throw problem
    } finally {
      for (const buffer of fed.values()) pjrt.free(buffer)
    }
  },
  read: ({ wanted }: { readonly wanted: readonly string[] }) => {
    const shapes = shapesOf(program!.inputs)
    const names = wanted.filter((name) => held.has(name))
    const tensors = names.map((name) => ({ name, shape: shapes.get(name)! }))
    return [{ tensors }, tensors.map(({ name, shape }) => pjrt.get(held.get(name)!, shape))]
  },
}

const answer = ({ head, parts }: Message): Answer => {
  try {
    const [body, bytes = []] = act[head["kind"] as string]!(head as never, parts)
    return [{ ...body, held: [...held.keys()].length }, bytes]
  } catch (problem) {
    const said = problem as Error
    const kind = said instanceof PjrtError ? "plugin" : said instanceof Unsuitable ? "unsuitable" : "fault"
    const status = said instanceof PjrtError ? said.status : undefined
    const memory = device === undefined ? undefined : pjrt.memoryOf(device)
    return [{ problem: { kind, status, message: said.message, memory }, kept: [...held.keys()] }]
  }
}
for (let message = receive(input); message !== undefined; message = receive(input)) {
  const [head, parts] = answer(message)
  send(output, head, parts)
}
// A plugin's threads may wait for one another when a library is taken down in order; the system takes all back.
process.kill(process.pid, "SIGKILL")
