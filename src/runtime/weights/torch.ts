/** What torch.save's pickles may name, and the state dict in them. Source: torch/_weights_only_unpickler.py, torch/_utils.py. */
import { type Failed, failed } from "../../compiler/diagnostic.ts"
import type { Shape } from "../../compiler/ir/graph.ts"
import { type DtypeName, dtypeNames, dtypes } from "./dtype.ts"
import {
  type Allowed,
  type Dict,
  damaged,
  dictOf,
  isDict,
  isOpaque,
  type Machine,
  maxSteps,
  type Opaque,
  refused,
  tooLong,
  type Value,
} from "./pickle.ts"
import { countOf } from "./stored.ts"
import { shown } from "./text.ts"

/** Numbers beside the pickle, which tensors are views of. */
export interface Storage {
  readonly kind: "storage"
  readonly key: string
  /** Absent in the untyped storages of newer dtypes; then `count` is in bytes. */
  readonly dtype?: DtypeName
  readonly count: number
}
export interface PickledTensor {
  readonly kind: "tensor"
  readonly storage: Storage
  readonly dtype: DtypeName
  readonly shape: Shape
  /** Elements. */
  readonly offset: number
  readonly strides: readonly number[]
}

const isMade = <K extends "storage" | "tensor">(value: Value | undefined, kind: K): boolean =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === kind
const isStorage = (value: Value | undefined): value is Storage => isMade(value, "storage")
export const isTensor = (value: Value | undefined): value is PickledTensor => isMade(value, "tensor")

const byStorage = new Map<string, DtypeName>(dtypeNames.map((name) => [`torch.${dtypes[name].storage}`, name]))
const byTorch = new Map<string, DtypeName>(dtypeNames.map((name) => [`torch.${dtypes[name].torch}`, name]))
const nameOf = (value: Value | undefined): string | undefined =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "global"
    ? (value as { name: string }).name
    : undefined

const impossible = (file: string, message: string): Failed =>
  failed(file, "HS3003", message, "Copy the file again; if it stays so, do not trust its source.")

const isCount = (value: Value | undefined): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Arguments of _rebuild_tensor_v2 (and v3, with a dtype): storage, offset, size, stride, … */
const rebuild = (
  file: string,
  [storage, offset, shape, strides]: readonly Value[],
  dtype?: DtypeName,
): PickledTensor => {
  const width = dtype ?? (isStorage(storage) ? storage.dtype : undefined)
  if (!isStorage(storage) || width === undefined || !Array.isArray(shape) || !Array.isArray(strides))
    throw damaged(file, "the pickle rebuilds a tensor from something else than a storage, a shape and strides")
  const count = countOf(shape)
  if (count === undefined)
    throw impossible(file, `a tensor has the impossible shape [${shape.slice(0, 8).map(spell).join(", ")}]`)
  if (!isCount(offset) || strides.length !== shape.length || !strides.every(isCount))
    throw impossible(file, `a tensor of shape [${shape.map(spell).join(", ")}] has impossible strides or offset`)
  const held = storage.dtype === undefined ? Math.floor(storage.count / dtypes[width].bytes) : storage.count
  const last = (shape as number[]).reduce((sum, n, axis) => sum + (n - 1) * (strides[axis] as number), offset)
  if (count > 0 && (last >= held || count > held))
    throw impossible(
      file,
      `a tensor of shape [${shape.map(spell).join(", ")}] needs more than the ${held} elements of its storage`,
    )
  return { kind: "tensor", storage, dtype: width, shape: shape as number[], offset, strides: strides as number[] }
}

const spell = (value: Value): string => (typeof value === "number" || typeof value === "bigint" ? String(value) : "?")

/** The tables of a file: functions that make plain data, and names without functions. */
const allowed = (file: string): Allowed => {
  const first = ([value]: readonly Value[]): Value =>
    isTensor(value) ? value : refuse("the pickle wraps something else than a tensor as a parameter")
  const refuse = (message: string): never => {
    throw refused(file, message)
  }
  // Copies are counted: a pickle can ask for a long list to be copied a million times.
  let copied = 0
  const dict = ([pairs]: readonly Value[]): Value => {
    if (!Array.isArray(pairs)) return dictOf()
    copied += pairs.length
    if (copied > maxSteps) throw tooLong(file)
    return dictOf(pairs.filter((pair): pair is [Value, Value] => Array.isArray(pair) && pair.length === 2))
  }
  const inert = (name: string) => [name, (): Value => ({ kind: "opaque", name })] as const
  const unread = (name: string) =>
    [
      `torch._utils.${name}`,
      (): never => {
        throw failed(
          file,
          "HS3004",
          `the pickle holds a tensor of a kind that is not read (${name})`,
          "Save dense float32 tensors.",
        )
      },
    ] as const
  const table: Allowed = new Map<string, ((args: readonly Value[]) => Value) | null>([
    ["torch._utils._rebuild_tensor", (args) => rebuild(file, args)],
    ["torch._utils._rebuild_tensor_v2", (args) => rebuild(file, args)],
    ["torch._utils._rebuild_tensor_v3", (args) => rebuild(file, args, byTorch.get(nameOf(args[6]) ?? ""))],
    ["torch._utils._rebuild_parameter", first],
    ["torch._utils._rebuild_parameter_with_state", first],
    ["torch.nn.parameter.Parameter", first],
    [
      "torch._tensor._rebuild_from_type_v2",
      ([make, , args]) => {
        const inner = table.get(nameOf(make) ?? "")
        return inner && nameOf(make)?.startsWith("torch._utils.") && Array.isArray(args)
          ? inner(args)
          : refuse("the pickle rebuilds an unknown type")
      },
    ],
    ["torch.Size", ([sizes]) => (Array.isArray(sizes) ? sizes : [])],
    ["collections.OrderedDict", dict],
    ["collections.Counter", ([counts]) => (isDict(counts) ? counts : dictOf())],
    ["collections.defaultdict", () => dictOf()],
    ["builtins.set", ([items]) => (Array.isArray(items) ? items : [])],
    ["builtins.frozenset", ([items]) => (Array.isArray(items) ? items : [])],
    ...[
      "_codecs.encode",
      "builtins.bytearray",
      "builtins.complex",
      "torch.device",
      "torch.serialization._get_layout",
    ].map(inert),
    // What training scripts keep beside the weights: options, folders, times. They are left out unread.
    ...[
      "argparse.Namespace",
      "types.SimpleNamespace",
      "pathlib.Path",
      "pathlib.PurePath",
      "pathlib.PosixPath",
      "pathlib.PurePosixPath",
      "pathlib.WindowsPath",
      "pathlib.PureWindowsPath",
      "pathlib._local.Path",
      "pathlib._local.PosixPath",
      "pathlib._local.WindowsPath",
      "datetime.datetime",
      "datetime.date",
      "datetime.timedelta",
      "datetime.timezone",
      "decimal.Decimal",
      "fractions.Fraction",
      "collections.deque",
      "builtins.range",
      "builtins.slice",
      "numpy.random._pickle.__randomstate_ctor",
      "numpy.random._pickle.__bit_generator_ctor",
      "numpy.random._pickle.__generator_ctor",
      "uuid.UUID",
      "easydict.EasyDict",
      "yacs.config.CfgNode",
      "addict.addict.Dict",
      "omegaconf.dictconfig.DictConfig",
      "omegaconf.listconfig.ListConfig",
      "omegaconf.base.ContainerMetadata",
      "omegaconf.base.Metadata",
      "omegaconf.nodes.AnyNode",
      "typing.Any",
      "numpy.core.multiarray._reconstruct",
      "numpy._core.multiarray._reconstruct",
      "numpy.ndarray",
    ].map(inert),
    // NumPy's numbers, such as a best score kept beside the weights.
    ...["numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype"].map(inert),
    ...["_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_meta_tensor_no_storage", "_rebuild_nested_tensor"].map(
      unread,
    ),
    ...[...byStorage.keys(), ...byTorch.keys()].map((name) => [name, null] as const),
    ...[
      ...["ComplexFloat", "ComplexDouble", "QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4"].map(
        (kind) => `torch.${kind}Storage`,
      ),
      "torch.Tensor",
      "torch.storage.UntypedStorage",
      "torch.storage.TypedStorage",
      "torch.UntypedStorage",
      "builtins.dict",
      "builtins.list",
      "builtins.int",
      "builtins.float",
    ].map((name) => [name, null] as const),
  ])
  return table
}

/** Persistent ids are ("storage", class, key, device, count), and before PyTorch 1.6 a view of another storage as well. */
const storageOf = (file: string, id: Value): Storage => {
  const [tag, type, key, , count, view] = Array.isArray(id) ? id : []
  const name = nameOf(type)
  if (tag !== "storage" || name === undefined || typeof key !== "string" || !isCount(count))
    throw damaged(file, "the pickle refers to something else than a storage")
  if (view !== undefined && view !== null)
    throw failed(
      file,
      "HS3004",
      "the pickle has storages that are views of others, from PyTorch before 0.4",
      "Load it in PyTorch and save it again.",
    )
  const dtype = byStorage.get(name)
  if (dtype === undefined && !name.endsWith("UntypedStorage"))
    throw failed(file, "HS3004", `a tensor is stored as '${shown(name)}', which is not read`, "Save it as float32.")
  return { kind: "storage", key, count, ...(dtype === undefined ? {} : { dtype }) }
}

/** The machine that reads PyTorch's pickles. `seen` is told of every storage. */
export const torchMachine = (
  file: string,
  seen: (storage: Storage) => void = () => undefined,
  leaves: (name: string) => void = () => undefined,
): Machine => ({
  file,
  leaves,
  allowed: allowed(file),
  persistent: (id) => {
    const storage = storageOf(file, id)
    seen(storage)
    return storage
  },
})

/** Where training scripts put the state dict, the likelier first. */
const containers = [
  "state_dict",
  "model_state_dict",
  "model_state",
  "model",
  "net",
  "network",
  "module",
  "weights",
  "params",
  "ema",
]
/** Tensors of an optimizer are no model's. */
const never = ["optimizer", "optimizer_state_dict", "optim", "scheduler", "lr_scheduler", "scaler"]

/** Of members with other names, the one that holds tensors and no other does. */
const onlyOne = (items: Dict["items"]): string | undefined => {
  const holding = [...items.keys()].filter(
    (key): key is string => typeof key === "string" && !never.includes(key) && tensorsOf(items.get(key)).length > 0,
  )
  return holding.length === 1 ? holding[0] : undefined
}

export interface StateDict {
  readonly tensors: readonly (readonly [string, PickledTensor])[]
  /** What was unwrapped or left out, as sentences. */
  readonly notes: readonly string[]
}

const tensorsOf = (value: Value | undefined): readonly (readonly [string, PickledTensor])[] =>
  isDict(value)
    ? [...value.items].flatMap(([name, item]) =>
        typeof name === "string" && isTensor(item) ? [[name, item] as const] : [],
      )
    : []

/** The state dict in what a file holds: the file itself, or a member at most two deep. Throws HS3007. */
export const stateDictOf = (file: string, root: Value): StateDict => {
  const notes: string[] = []
  let value = root
  for (let depth = 0; depth < 3 && isDict(value); depth++) {
    const { items }: Dict = value
    const tensors = tensorsOf(value)
    // A training script may keep a tensor or two, such as the best score, beside the state dict.
    const member =
      containers.find((name) => tensorsOf(items.get(name)).length > tensors.length) ??
      (tensors.length === 0 ? (onlyOne(items) ?? containers.find((name) => isDict(items.get(name)))) : undefined)
    if (member === undefined && tensors.length > 0) {
      const others = items.size - tensors.length
      if (others > 0)
        notes.push(
          `${others} ${others === 1 ? "entry that is no tensor is" : "entries that are no tensors are"} left out`,
        )
      return { tensors, notes }
    }
    if (member === undefined) break
    const left = [...items.keys()].filter((key): key is string => typeof key === "string" && key !== member).map(shown)
    notes.push(
      `the state dict is the file's '${member}'${left.length > 0 ? `; left out: ${left.slice(0, 8).join(", ")}` : ""}`,
    )
    value = items.get(member)!
  }
  const [whole] = [value, ...(isDict(root) ? containers.map((name) => root.items.get(name)) : [])].filter(
    (one) => one !== undefined && isOpaque(one),
  ) as Opaque[]
  if (whole?.name.includes("."))
    throw refused(file, `the file holds a whole object of class '${shown(whole.name)}', which is not read`)
  throw failed(
    file,
    "HS3007",
    `there is no state dict in the file, but ${described(root)}`,
    holdsArrays(value)
      ? "Its values are NumPy arrays: save { name: torch.from_numpy(array) } with torch.save."
      : "Save `model.state_dict()`.",
  )
}

const holdsArrays = (value: Value): boolean =>
  isDict(value) && [...value.items.values()].some((one) => isOpaque(one) && one.name.startsWith("numpy"))

const described = (root: Value): string =>
  isTensor(root)
    ? "a single tensor"
    : isDict(root)
      ? root.items.size === 0
        ? "an empty dict"
        : `a dict with ${[...root.items.keys()]
            .slice(0, 6)
            .map((key) => `'${typeof key === "string" ? shown(key) : "?"}'`)
            .join(", ")}`
      : Array.isArray(root)
        ? "a list"
        : "a value"
