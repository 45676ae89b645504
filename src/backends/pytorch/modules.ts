/** One class of model.py: __init__ from the layers, forward from the steps. */
import type { LayerData, ModuleData } from "../../dsl/layer.ts"
import type { Argument, ClassData } from "./classes.ts"
import { construct, initial, type Making } from "./construct.ts"
import { bare, isCalled, optionalOutputs } from "./facts.ts"
import { forwardOf } from "./forward.ts"
import {
  assign,
  bracketed,
  call,
  columns,
  type Expr,
  isIdentifier,
  keyword,
  laidOut,
  number,
  snake,
  string,
} from "./python.ts"

export interface Printer {
  readonly helper: (name: string) => string
  /** The spec's file and line for a layer, if it has one. */
  readonly place: (at: string | undefined) => string | undefined
}

const printed = (value: Argument | number): string => (typeof value === "number" ? number(value) : value.name)

const making = (of: ClassData, { helper, place }: Printer): Making => ({
  num: (at, value) => {
    const argument = of.argumentAt.get(at)
    return argument === undefined ? number(value) : argument.name
  },
  module: (path) => {
    const { of: made, with: values } = of.made.get(path)!
    return call(made.name, ...made.args.map(({ name }, i) => keyword(name, printed(values[i]!))))
  },
  helper,
  comment: ({ at }) => place(at),
  isCalled: (path) => isCalled(of.module, path),
})

const isRaw = (layer: LayerData) => bare(layer).kind === "parameter" || bare(layer).kind === "buffer"

/** Lines that make a child. */
const child = (make: Making, name: string, layer: LayerData): readonly string[] => {
  const comment = make.comment(layer)
  const e = construct(make, layer, name)
  const commented: Expr = comment === undefined ? e : { ...e, comment }
  const plain = bare(layer)
  if (plain.kind !== "buffer") {
    if (isIdentifier(name)) return assign(`self.${name}`, commented, 8)
    const register = plain.kind === "parameter" ? "register_parameter" : "add_module"
    return laidOut("", call(`self.${register}`, string(name), commented), "", 8)
  }
  const rest = plain.persistent ? [] : [keyword("persistent", "False")]
  return laidOut("", call("self.register_buffer", `"${name}"`, e, ...rest), "", 8)
}

/** self.initial: initial values of the module's own tensors, where they are not zeros. */
const initials = (make: Making, module: ModuleData): readonly string[] => {
  const own = Object.entries(module.children).flatMap(([name, shared]) => {
    const layer = bare(shared)
    return (layer.kind === "parameter" || layer.kind === "buffer") && !("fill" in layer.init && layer.init.fill === 0)
      ? [[name, initial(make, layer.init)] as const]
      : []
  })
  const made = own.every(([name]) => isIdentifier(name))
    ? call("dict", ...own.map(([name, init]) => keyword(name, init)))
    : bracketed(
        "{",
        own.map(([name, init]) => `${string(name)}: ${init.flat}`),
        "}",
      )
  return own.length === 0 ? [] : assign("self.initial", made, 8)
}

const optionalType = (type: string) => `${type} | None`

const signature = (module: ModuleData, returns: string): readonly string[] => {
  const { flags = [], extents = [] } = module
  const tensors = module.inputs.filter((input) => !extents.includes(input))
  const inputs = tensors.map((input) => {
    const name = snake(input)
    if (flags.includes(input)) return `${name}: bool = False`
    return module.optional.includes(input) ? `${name}: ${optionalType("Tensor")} = None` : `${name}: Tensor`
  })
  const sizes = extents.map((size) => `${snake(size)}: ${optionalType("tuple[int, int]")} = None`)
  // Sizes are optional, too, and come after what is not.
  const required = inputs.filter((input) => !input.includes(" = "))
  const optional = inputs.filter((input) => input.includes(" = "))
  const all = ["self", ...required, ...sizes, ...optional]
  const line = `    def forward(${all.join(", ")}) -> ${returns}:`
  if (line.length <= columns) return [line]
  const inner = `        ${all.join(", ")}`
  return inner.length <= columns
    ? ["    def forward(", inner, `    ) -> ${returns}:`]
    : ["    def forward(", ...all.map((arg) => `        ${arg},`), `    ) -> ${returns}:`]
}

const returnType = (module: ModuleData): string => {
  const optional = optionalOutputs(module)
  const types = Object.keys(module.outputs).map((name) => (optional.has(name) ? optionalType("Tensor") : "Tensor"))
  return types.length === 1 ? types[0]! : `tuple[${types.join(", ")}]`
}

/** encoder.blocks 0, 1, 3; deeper in lists, encoder.blocks.*.attn. */
const placesOf = ({ instances }: ClassData): string => {
  const groups = new Map<string, string[]>()
  for (const { path } of instances) {
    const [, parent = "", index] = /^(.*)\.(\d+)$/.exec(path) ?? []
    const key = index === undefined ? path.replace(/\.\d+(?=\.)/g, ".*") : parent
    groups.set(key, [...(groups.get(key) ?? []), ...(index === undefined ? [] : [index])])
  }
  const shown = [...groups].map(([parent, indices]) =>
    indices.length === 0 ? parent : `${parent} ${indices.join(", ")}`,
  )
  return shown.join("; ")
}

const wrapped = (text: string, indent: number): readonly string[] => {
  const pad = " ".repeat(indent)
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > columns) {
      lines.push(pad + line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, pad + line]
}

const docstring = (of: ClassData, place: string | undefined): readonly string[] => {
  const where = placesOf(of)
  const text = `${where === "" ? "The whole network" : where}${place === undefined ? "" : ` (${place})`}`
  const one = `    """${text}."""`
  return one.length <= columns ? [one, ""] : [...wrapped(`"""${text}.`, 4), `    """`, ""]
}

/** A class's source. `output`: the named tuple that its forward returns. */
export const classText = (of: ClassData, printer: Printer, output?: string): string => {
  const { module, args } = of
  const make = making(of, printer)
  const forward = forwardOf(of, printer.helper, output)
  const needsFullPrecision = module.steps.some((step) => "fn" in step && (step.fn === "sin" || step.fn === "cos"))
  const buffers = Object.entries(module.children).filter(
    ([name, layer]) => bare(layer).kind === "buffer" && isIdentifier(name),
  )
  const type = (values: readonly number[]) => (values.every(Number.isInteger) ? "int" : "float")
  const parameters = args.map(({ name, values }) => `${name}: ${type(values)}`)
  const init = `    def __init__(self${parameters.map((p) => `, ${p}`).join("")}) -> None:`
  const children = Object.entries(module.children)
  const ordered = [...children.filter(([, l]) => isRaw(l)), ...children.filter(([, l]) => !isRaw(l))]
  const sizes = (module.extents ?? []).map(snake)
  const first = snake(module.inputs[0]!)
  const body = needsFullPrecision
    ? [`        with ${printer.helper("full_precision")}(${first}):`, ...forward.lines.map((line) => `    ${line}`)]
    : forward.lines
  return [
    `class ${of.name}(nn.Module):`,
    ...docstring(of, printer.place(module.at)),
    ...buffers.map(([name]) => `    ${name}: Tensor`),
    ...(buffers.length > 0 ? [""] : []),
    ...(init.length <= columns
      ? [init]
      : ["    def __init__(", "        self,", ...parameters.map((p) => `        ${p},`), "    ) -> None:"]),
    "        super().__init__()",
    ...[...forward.stored].map((name) => `        self.${name} = ${name}`),
    ...ordered.flatMap(([name, layer]) => child(make, name, layer)),
    ...initials(make, module),
    "",
    ...signature(module, output ?? returnType(module)),
    ...sizes.flatMap((size) => [
      `        if ${size} is None:`,
      `            ${size} = (${first}.shape[2], ${first}.shape[3])`,
    ]),
    ...body,
  ].join("\n")
}

/** The named tuple that a network with several outputs returns. */
export const outputText = (name: string, module: ModuleData): string => {
  const optional = optionalOutputs(module)
  return [
    `class ${name}(NamedTuple):`,
    ...Object.keys(module.outputs).map(
      (out) => `    ${snake(out)}: ${optional.has(out) ? optionalType("Tensor") : "Tensor"}`,
    ),
  ].join("\n")
}
