/**
 * A restricted reader of Python's pickles (protocols 2 to 5; https://docs.python.org/3/library/pickletools.html).
 *
 * A pickle is a program for a small stack machine that can name any Python function and have it called. This machine
 * runs no Python and knows no functions but those in the table it is given, which build plain data; a pickle that names
 * anything else is refused at that name. An instruction costs a constant amount of memory besides the bytes it reads,
 * and the instructions are counted, so memory is bounded.
 */

import { type Failed, failed } from "../../compiler/diagnostic.ts"
import { own } from "../../dsl/own.ts"
import { shown } from "./text.ts"
import { isLeftOut } from "./unlisted.ts"

/** A dict; also an OrderedDict. Keys are compared as JavaScript compares them, which is enough for names. */
export interface Dict {
  readonly kind: "dict"
  readonly items: Map<Value, Value>
}
/** A class or function that was named, and is in the table. */
export interface Global {
  readonly kind: "global"
  readonly name: string
}
/** What weights do not need, kept as a mark: bytes, a device, a NumPy number. */
export interface Opaque {
  readonly kind: "opaque"
  readonly name: string
}
/** Values that the table's functions make. */
export interface Made {
  readonly kind: "storage" | "tensor"
}
/** Lists, tuples and sets are arrays. */
export type Value = null | boolean | number | bigint | string | Value[] | Dict | Global | Opaque | Made

/** What a pickle may name: a function, or null for what may be named and not called. */
export type Allowed = ReadonlyMap<string, ((args: readonly Value[]) => Value) | null>

export interface Machine {
  readonly file: string
  readonly allowed: Allowed
  /** What a persistent id stands for: in PyTorch's files, a storage beside the pickle. */
  readonly persistent: (id: Value) => Value
  /** Told of each object of a class that is not in the table, which is left out unread. */
  readonly leaves: (name: string) => void
}

export const damaged = (file: string, message: string): Failed =>
  failed(file, "HS3002", message, "Copy or download the file again and compare its size with the source's.")

export const refused = (file: string, message: string): Failed =>
  failed(
    file,
    "HS3005",
    `${message}; nothing was executed`,
    message.includes("a whole object of class")
      ? "Load it in PyTorch, where the class is defined and if you trust the file, and save only `model.state_dict()`."
      : "If you trust the file, load it in PyTorch and save only `model.state_dict()`; otherwise discard it.",
  )

export const dictOf = (pairs: Iterable<readonly [Value, Value]> = []): Dict => ({ kind: "dict", items: new Map(pairs) })
export const isDict = (value: Value | undefined): value is Dict =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "dict"
/** What is left out unread: whatever it is given goes with it. */
export const isOpaque = (value: Value): value is Opaque =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "opaque"
const isGlobal = (value: Value): value is Global =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "global"

/** Python 2's names, which protocol 2 writes. */
const modern: Readonly<Record<string, string>> = { __builtin__: "builtins", copy_reg: "copyreg" }

/** One pickle from `start` on: its value and where it ends. Throws HS3002 and HS3005. */
export const unpickle = (machine: Machine, bytes: Uint8Array, start = 0): { value: Value; end: number } => {
  const run = new Run(machine, bytes, start)
  for (let spent = 0; ; spent++) {
    if (spent > maxSteps) throw tooLong(machine.file)
    const code = run.byte()
    if (code === stop) return { value: run.pop(), end: run.at }
    const step = instructions[code]
    if (step === undefined)
      throw damaged(machine.file, `the pickle has the unknown instruction ${code} at byte ${run.at - 1}`)
    step(run)
  }
}

const stop = 0x2e

/** The pickle of a ViT-H takes 30,000, with an optimizer's state 100,000. */
export const maxSteps = 2 ** 20
export const tooLong = (file: string): Failed =>
  failed(
    file,
    "HS3006",
    `the pickle has more than ${maxSteps.toLocaleString("en-US")} instructions`,
    "If you trust the file, load it in PyTorch and save only `model.state_dict()`.",
  )
const utf8 = new TextDecoder("utf-8")

/** The state of the machine. */
class Run {
  readonly machine: Machine
  readonly bytes: Uint8Array
  readonly view: DataView
  at: number
  stack: Value[] = []
  readonly marks: Value[][] = []
  readonly memo = new Map<number, Value>()

  constructor(machine: Machine, bytes: Uint8Array, start: number) {
    this.machine = machine
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = start
  }

  fail(message: string): never {
    throw damaged(this.machine.file, `the pickle ${message} at byte ${this.at}`)
  }
  /** Moves on by `length` bytes that must be there; where they begin. */
  skip(length: number): number {
    if (!(length <= this.bytes.length - this.at)) this.fail(`ends early or claims ${length} bytes`)
    const from = this.at
    this.at += length
    return from
  }
  byte = () => this.bytes[this.skip(1)]!
  uint16 = () => this.view.getUint16(this.skip(2), true)
  uint32 = () => this.view.getUint32(this.skip(4), true)
  int32 = () => this.view.getInt32(this.skip(4), true)
  uint64 = () => Number(this.view.getBigUint64(this.skip(8), true))
  float64 = () => this.view.getFloat64(this.skip(8), false)

  text(length: number): string {
    const from = this.skip(length)
    return utf8.decode(this.bytes.subarray(from, from + length))
  }
  line(): string {
    const end = this.bytes.indexOf(10, this.at)
    if (end < 0 || end - this.at > 1024) this.fail("has an unterminated line")
    const line = this.text(end - this.at)
    this.at++
    return line
  }
  /** A little-endian two's complement of any length; longer than the longest in PyTorch's files (10) is refused. */
  long(length: number): Value {
    if (length > 64 || length < 0) this.fail(`has a whole number of ${length} bytes`)
    const from = this.skip(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[from + i]!)
    value = BigInt.asIntN(8 * length, value)
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  push(value: Value): void {
    this.stack.push(value)
  }
  pop(): Value {
    const value = this.stack.pop()
    return value === undefined ? this.fail("takes from an empty stack") : value
  }
  top(): Value {
    const value = this.stack[this.stack.length - 1]
    return value === undefined ? this.fail("looks at an empty stack") : value
  }
  mark(): void {
    this.marks.push(this.stack)
    this.stack = []
  }
  /** All that was pushed since the last mark. */
  popMark(): Value[] {
    const items = this.stack
    this.stack = this.marks.pop() ?? this.fail("has no mark")
    return items
  }

  put(key: number): void {
    this.memo.set(key, this.top())
  }
  get(key: number): void {
    const value = this.memo.get(key)
    this.push(value === undefined ? this.fail(`recalls ${key}, which it never kept,`) : value)
  }

  global(module: Value, name: Value): void {
    const known = typeof module === "string" ? (own(modern, module) ?? module) : "?"
    const full = `${known}.${typeof name === "string" ? name : "?"}`
    if (!this.machine.allowed.has(full) && !isLeftOut(full))
      throw refused(this.machine.file, `the pickle asks for '${shown(full)}', which weights do not need`)
    this.push({ kind: "global", name: full })
  }
  call(callee: Value, args: Value): void {
    const known = isGlobal(callee) ? this.machine.allowed.get(callee.name) : undefined
    const made = isGlobal(callee) && !this.machine.allowed.has(callee.name) ? this.leftOut(callee.name) : known
    if (!made)
      throw refused(this.machine.file, `the pickle calls ${isGlobal(callee) ? `'${shown(callee.name)}'` : "a value"}`)
    if (!Array.isArray(args)) this.fail("calls without arguments")
    this.push(made(args))
  }
  leftOut(name: string): () => Value {
    this.machine.leaves(name)
    return () => ({ kind: "opaque", name })
  }
  /** Sets an object's attributes; those of a state dict (`_metadata`) say nothing that is needed. */
  build(): void {
    this.pop()
    const target = this.top()
    if (!isDict(target) && !isOpaque(target)) throw refused(this.machine.file, "the pickle sets attributes of a value")
  }

  append(items: readonly Value[]): void {
    const list = this.top()
    if (isOpaque(list)) return
    if (!Array.isArray(list)) this.fail("appends to what is not a list")
    for (const item of items) list.push(item)
  }
  setItems(items: readonly Value[]): void {
    const dict = this.top()
    if (isOpaque(dict)) return
    if (!isDict(dict)) this.fail("sets items of what is not a dict")
    if (items.length % 2 !== 0) this.fail("has a key without a value")
    for (let i = 0; i < items.length; i += 2) dict.items.set(items[i]!, items[i + 1]!)
  }
  tuple(length: number): void {
    if (this.stack.length < length) this.fail("takes from an empty stack")
    this.push(this.stack.splice(this.stack.length - length))
  }
  opaque(length: number): void {
    this.skip(length)
    this.push({ kind: "opaque", name: "bytes" })
  }
}

const nothing = () => undefined
const extension = (run: Run): never => {
  throw refused(run.machine.file, "the pickle uses Python's extension registry")
}
const instance = (run: Run, name: string): never => {
  throw refused(run.machine.file, `the pickle makes an instance of ${name}`)
}

/** By code; the names are pickletools'. */
const instructions: Readonly<Record<number, (run: Run) => void>> = {
  128: (run) => {
    const protocol = run.byte()
    if (protocol < 2 || protocol > 5) run.fail(`has protocol ${protocol}`)
  }, // PROTO
  149: (run) => void run.skip(8), // FRAME
  40: (run) => run.mark(), // MARK
  48: (run) => void (run.stack.length === 0 ? run.popMark() : run.pop()), // POP
  49: (run) => void run.popMark(), // POP_MARK
  50: (run) => run.push(run.top()), // DUP

  78: (run) => run.push(null), // NONE
  136: (run) => run.push(true), // NEWTRUE
  137: (run) => run.push(false), // NEWFALSE
  74: (run) => run.push(run.int32()), // BININT
  75: (run) => run.push(run.byte()), // BININT1
  77: (run) => run.push(run.uint16()), // BININT2
  138: (run) => run.push(run.long(run.byte())), // LONG1
  139: (run) => run.push(run.long(run.int32())), // LONG4
  71: (run) => run.push(run.float64()), // BINFLOAT

  88: (run) => run.push(run.text(run.uint32())), // BINUNICODE
  140: (run) => run.push(run.text(run.byte())), // SHORT_BINUNICODE
  141: (run) => run.push(run.text(run.uint64())), // BINUNICODE8
  84: (run) => run.push(run.text(run.uint32())), // BINSTRING
  85: (run) => run.push(run.text(run.byte())), // SHORT_BINSTRING
  66: (run) => run.opaque(run.uint32()), // BINBYTES
  67: (run) => run.opaque(run.byte()), // SHORT_BINBYTES
  142: (run) => run.opaque(run.uint64()), // BINBYTES8
  150: (run) => run.opaque(run.uint64()), // BYTEARRAY8

  93: (run) => run.push([]), // EMPTY_LIST
  41: (run) => run.push([]), // EMPTY_TUPLE
  143: (run) => run.push([]), // EMPTY_SET
  125: (run) => run.push(dictOf()), // EMPTY_DICT
  108: (run) => run.push(run.popMark()), // LIST
  116: (run) => run.push(run.popMark()), // TUPLE
  145: (run) => run.push(run.popMark()), // FROZENSET
  133: (run) => run.tuple(1), // TUPLE1
  134: (run) => run.tuple(2), // TUPLE2
  135: (run) => run.tuple(3), // TUPLE3
  100: (run) => {
    const items = run.popMark()
    run.push(dictOf())
    run.setItems(items)
  }, // DICT
  97: (run) => run.append([run.pop()]), // APPEND
  101: (run) => run.append(run.popMark()), // APPENDS
  144: (run) => run.append(run.popMark()), // ADDITEMS
  115: (run) => {
    const value = run.pop()
    run.setItems([run.pop(), value])
  }, // SETITEM
  117: (run) => run.setItems(run.popMark()), // SETITEMS

  113: (run) => run.put(run.byte()), // BINPUT
  114: (run) => run.put(run.uint32()), // LONG_BINPUT
  148: (run) => run.put(run.memo.size), // MEMOIZE
  104: (run) => run.get(run.byte()), // BINGET
  106: (run) => run.get(run.uint32()), // LONG_BINGET

  99: (run) => run.global(run.line(), run.line()), // GLOBAL
  147: (run) => {
    const name = run.pop()
    run.global(run.pop(), name)
  }, // STACK_GLOBAL
  82: (run) => {
    const args = run.pop()
    run.call(run.pop(), args)
  }, // REDUCE
  129: (run) => {
    const args = run.pop()
    run.call(run.pop(), args)
  }, // NEWOBJ
  146: (run) => {
    run.pop() // keywords
    const args = run.pop()
    run.call(run.pop(), args)
  }, // NEWOBJ_EX
  98: (run) => run.build(), // BUILD
  81: (run) => run.push(run.machine.persistent(run.pop())), // BINPERSID

  105: (run) => instance(run, `'${shown(`${run.line()}.${run.line()}`)}'`), // INST
  111: (run) => instance(run, "a class"), // OBJ
  130: extension, // EXT1
  131: extension, // EXT2
  132: extension, // EXT4
  152: nothing, // READONLY_BUFFER
}
