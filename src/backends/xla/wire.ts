/**
 * Messages between the engine and its process: the length of a header, the header as JSON, then bytes. Tensors cross as they are in memory;
 * nothing is encoded, and each arrives in memory of its own.
 */
import { readSync, writeSync } from "node:fs"

export interface Message {
  readonly head: Readonly<Record<string, unknown>>
  readonly parts: readonly Uint8Array[]
}

export const headerOf = (head: object, parts: readonly ArrayBufferView[]): Buffer => {
  const json = Buffer.from(JSON.stringify({ ...head, sizes: parts.map(({ byteLength }) => byteLength) }))
  const size = Buffer.alloc(4)
  size.writeUInt32LE(json.length)
  return Buffer.concat([size, json])
}
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Puts messages together from chunks as they come. */
export class Assembler {
  readonly #done: (message: Message) => void
  #stage: "size" | "head" | "parts" = "size"
  #target: Uint8Array = new Uint8Array(4)
  #filled = 0
  #head: Message["head"] = {}
  #parts: Uint8Array[] = []
  #next = 0

  constructor(done: (message: Message) => void) {
    this.#done = done
  }
  take(chunk: Uint8Array): void {
    let rest = chunk
    while (rest.length > 0) {
      const piece = rest.subarray(0, this.#target.length - this.#filled)
      this.#target.set(piece, this.#filled)
      this.#filled += piece.length
      rest = rest.subarray(piece.length)
      if (this.#filled === this.#target.length) this.#advance()
    }
  }
  #expect(target: Uint8Array): void {
    this.#target = target
    this.#filled = 0
  }
  #advance(): void {
    const whole = Buffer.from(this.#target.buffer, this.#target.byteOffset, this.#target.length)
    if (this.#stage === "size") {
      this.#stage = "head"
      this.#expect(new Uint8Array(whole.readUInt32LE()))
      return
    }
    if (this.#stage === "head") {
      this.#head = JSON.parse(whole.toString())
      this.#parts = (this.#head["sizes"] as readonly number[]).map((size) => new Uint8Array(size))
      this.#next = 0
      this.#stage = "parts"
    } else this.#next += 1
    while (this.#next < this.#parts.length && this.#parts[this.#next]!.length === 0) this.#next += 1
    if (this.#next < this.#parts.length) {
      this.#expect(this.#parts[this.#next]!)
      return
    }
    this.#stage = "size"
    this.#expect(new Uint8Array(4))
    this.#done({ head: this.#head, parts: this.#parts })
  }
}

/** The process's side blocks: it has nothing else to do. */
const most = 2 ** 30
const whole = (act: (offset: number, length: number) => number, size: number): boolean => {
  for (let done = 0; done < size; ) {
    const n = act(done, Math.min(most, size - done))
    if (n === 0) return false
    done += n
  }
  return true
}
const fill = (file: number, target: Uint8Array): boolean =>
  whole((offset, length) => readSync(file, target, offset, length, null), target.length)

/** The next message; undefined when the other side has gone. */
export const receive = (file: number): Message | undefined => {
  const size = Buffer.alloc(4)
  if (!fill(file, size)) return undefined
  const json = Buffer.alloc(size.readUInt32LE())
  if (!fill(file, json)) return undefined
  const head = JSON.parse(json.toString()) as Message["head"]
  const parts = (head["sizes"] as readonly number[]).map((length) => new Uint8Array(length))
  return parts.every((part) => fill(file, part)) ? { head, parts } : undefined
}
export const send = (file: number, head: object, parts: readonly ArrayBufferView[] = []): void => {
  for (const bytes of [headerOf(head, parts), ...parts.map(bytesOf)])
    whole((offset, length) => writeSync(file, bytes, offset, length), bytes.length)
}
