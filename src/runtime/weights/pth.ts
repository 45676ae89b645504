/** Files of torch.save: a zip archive since PyTorch 1.6, a row of pickles and storages before. */
import type { FileHandle } from "node:fs/promises"
import { failed } from "../../compiler/diagnostic.ts"
import { dtypes } from "./dtype.ts"
import { damaged, isDict, unpickle } from "./pickle.ts"
import { readAt, readRaw } from "./read.ts"
import { countOf, type StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"
import { type PickledTensor, type StateDict, type Storage, stateDictOf, torchMachine } from "./torch.ts"
import { type Member, refuseArchive } from "./zipRead.ts"

/** The pickle of a ViT-H has 70 KB. */
const maxPickle = 2 ** 26

export interface PthContent {
  readonly tensors: readonly StoredTensor[]
  readonly notes: readonly string[]
}

const isContiguous = ({ offset, shape, strides }: PickledTensor): boolean => {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false
    expected *= shape[axis]!
  }
  return offset >= 0
}

/** Contiguous tensors become a range of the file; others keep their strides over the whole storage. */
const place = (name: string, tensor: PickledTensor, { at, bytes, packed }: Member): StoredTensor => {
  const { dtype, shape, offset, strides } = tensor
  const count = countOf(shape)!
  const width = dtypes[dtype].bytes
  const plain = { name, dtype, shape }
  if (count === 0) return { ...plain, at, bytes: 0 }
  if (packed === undefined && isContiguous(tensor)) return { ...plain, at: at + offset * width, bytes: count * width }
  const whole = packed !== undefined && isContiguous(tensor) && offset === 0 && bytes === count * width
  return {
    ...plain,
    at,
    bytes,
    ...(packed === undefined ? {} : { packed }),
    ...(whole ? {} : { view: { offset, strides } }),
  }
}

const placeAll = (
  path: string,
  { tensors }: StateDict,
  memberOf: (storage: Storage) => Member | undefined,
): readonly StoredTensor[] =>
  tensors.map(([name, tensor]) => {
    const { storage } = tensor
    const member = memberOf(storage)
    const needed = storage.count * (storage.dtype === undefined ? 1 : dtypes[storage.dtype].bytes)
    if (member === undefined) throw damaged(path, `the numbers of '${shown(name)}' are not in the file`)
    if (member.bytes !== needed)
      throw failed(
        path,
        "HS3003",
        `the storage of '${shown(name)}' has ${member.bytes} bytes; the pickle says ${needed}`,
        "Copy the file again; if it stays so, do not trust its source.",
      )
    return place(name, tensor, member)
  })

/** Counts objects of classes, few of which are told by name: a file may hold a million. */
const counting = (found: Map<string, number>) => (name: string) => {
  if (found.size < 64 || found.has(name)) found.set(name, (found.get(name) ?? 0) + 1)
}
const unread = (found: ReadonlyMap<string, number>): readonly string[] => {
  const names = [...found].slice(0, 6).map(([name, n]) => `${shown(name)}${n > 1 ? ` (${n})` : ""}`)
  return found.size === 0
    ? []
    : [`left out unread, objects of ${names.join(", ")}${found.size > names.length ? " and others" : ""}`]
}

/** A file of PyTorch 1.6 and later. */
export const readZip = async (
  file: FileHandle,
  path: string,
  members: ReadonlyMap<string, Member>,
): Promise<PthContent> => {
  const names = [...members.keys()]
  const pickle = names.find((name) => name === "data.pkl" || /^[^/]+\/data\.pkl$/.test(name))
  if (pickle === undefined)
    throw failed(
      path,
      "HS3001",
      "the zip archive was not written by torch.save: it has no data.pkl",
      "Give the .pth file itself, not an archive around it.",
    )
  const root = pickle.slice(0, -"data.pkl".length)
  if (names.some((name) => name.startsWith(`${root}code/`)))
    throw failed(
      path,
      "HS3007",
      "the file is a TorchScript program, not a state dict",
      "Load it with torch.jit.load and save its `state_dict()` with torch.save.",
    )
  const { bytes, packed } = members.get(pickle)!
  if (bytes > maxPickle) throw refuseArchive(path, `the archive's pickle has ${bytes} bytes`)
  const read = (member: Member, name: string) =>
    readRaw(file, path, { ...member, name, dtype: "U8", shape: [member.bytes] })
  const order = members.get(`${root}byteorder`)
  if (order !== undefined && order.bytes < 16 && new TextDecoder().decode(await read(order, "byteorder")) === "big")
    throw failed(
      path,
      "HS3004",
      "the file was written on a big-endian machine",
      "Load it in PyTorch on this machine and save it again.",
    )
  const leftOut = new Map<string, number>()
  const { value } = unpickle(
    torchMachine(path, undefined, counting(leftOut)),
    await read({ at: members.get(pickle)!.at, bytes, ...(packed === undefined ? {} : { packed }) }, "data.pkl"),
  )
  const state = stateDictOf(path, value)
  return {
    tensors: placeAll(path, state, ({ key }) => members.get(`${root}data/${key}`)),
    notes: [...state.notes, ...unread(leftOut)],
  }
}

const legacyMagic = 0x1950a86a20f9469cfc6cn

/** Does the file begin with the pickle of PyTorch's old magic number? */
export const isLegacy = (start: Uint8Array): boolean =>
  start.length >= 13 &&
  start[0] === 0x80 &&
  start[2] === 0x8a &&
  start[3] === 10 &&
  start[4] === 0x6c &&
  start[13] === 0x19

/** A file from before PyTorch 1.6: magic, protocol, system, object, keys (a pickle each); then each key's count and numbers. */
export const readLegacy = async (file: FileHandle, path: string, size: number): Promise<PthContent> => {
  const head = new Uint8Array(Math.min(size, maxPickle))
  await readAt(file, path, head, 0)
  const storages = new Map<string, Storage>()
  const leftOut = new Map<string, number>()
  const machine = torchMachine(path, (storage) => storages.set(storage.key, storage), counting(leftOut))
  const magic = unpickle(machine, head)
  const version = unpickle(machine, head, magic.end)
  const system = unpickle(machine, head, version.end)
  if (magic.value !== legacyMagic || version.value !== 1001)
    throw damaged(path, "the file is not of the protocol that PyTorch wrote before 1.6")
  if (isDict(system.value) && system.value.items.get("little_endian") === false)
    throw failed(
      path,
      "HS3004",
      "the file was written on a big-endian machine",
      "Load it in PyTorch and save it again.",
    )
  const object = unpickle(machine, head, system.end)
  const keys = unpickle(machine, head, object.end)
  const members = new Map<string, Member>()
  let at = keys.end
  const count = new Uint8Array(8)
  for (const key of Array.isArray(keys.value) ? keys.value : []) {
    const storage = typeof key === "string" ? storages.get(key) : undefined
    if (storage?.dtype === undefined || members.has(storage.key))
      throw damaged(path, "the file's list of storages does not match its pickle")
    await readAt(file, path, count, at)
    const bytes = storage.count * dtypes[storage.dtype].bytes
    if (new DataView(count.buffer).getBigInt64(0, true) !== BigInt(storage.count) || at + 8 + bytes > size)
      throw damaged(path, `a storage of ${storage.count} elements is cut off or has another length`)
    members.set(storage.key, { at: at + 8, bytes })
    at += 8 + bytes
  }
  const state = stateDictOf(path, object.value)
  const tensors = placeAll(path, state, ({ key }) => members.get(key))
  return { tensors, notes: ["written by PyTorch before 1.6, or in its old format", ...state.notes, ...unread(leftOut)] }
}
