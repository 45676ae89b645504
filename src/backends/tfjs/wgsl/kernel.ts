/**
 * A compute kernel of our own, as data: what it reads and writes, and the body that says how.
 *
 * The text around the body (bindings, entry point, counts of workgroups) is always generated the same way, so kernels
 * read like their mathematics. All numbers are constants of the text: the name with its numbers is the key of the cache.
 */
import type { Shape } from "../../../compiler/ir/graph.ts"

export interface WgslKernel {
  /** Says, together with extents and scalars, all that distinguishes this kernel from others. */
  readonly name: string
  /** Extents and counts that the body uses by name, as u32. */
  readonly extents: Readonly<Record<string, number>>
  /** Numbers that the body uses by name, as f32. */
  readonly scalars?: Readonly<Record<string, number>>
  /** Names of the storage buffers that are read, in the order of the inputs. */
  readonly inputs: readonly string[]
  /** Names and shapes of those written. */
  readonly outputs: readonly { readonly name: string; readonly shape: Shape }[]
  /** Names whose buffers are seen as vec4<f32>; the extents must allow it. */
  readonly vec4?: readonly string[]
  /** Threads in a workgroup. */
  readonly workgroup: number
  /** Workgroups wanted; the body sees its number as `group`, 0 … groups − 1. */
  readonly groups: number
  /** Declarations before the entry point: workgroup memory, functions. */
  readonly declarations?: string
  /** Statements; `group` and `lane` (the thread in its workgroup) are u32. */
  readonly body: string
  readonly f16?: boolean
}

const unsigned = (name: string, value: number): string => `const ${name} = ${value}u;`
const float = (name: string, value: number): string => `const ${name} = f32(${value.toExponential()});`

/** More workgroups than one dimension allows lie in a plane. */
export const dispatchOf = (groups: number, perDimension: number): readonly [number, number] => {
  const rows = Math.ceil(groups / perDimension)
  return [Math.ceil(groups / rows), rows]
}

/** The whole text of the shader. `width` is the first number of the dispatch. */
export const wgslOf = (kernel: WgslKernel, perDimension: number): string => {
  const [width] = dispatchOf(kernel.groups, perDimension)
  const isVec4 = new Set(kernel.vec4 ?? [])
  const element = (name: string) => (isVec4.has(name) ? "vec4<f32>" : "f32")
  const bindings = [
    ...kernel.inputs.map((name) => ({ name, access: "read" })),
    ...kernel.outputs.map(({ name }) => ({ name, access: "read_write" })),
  ]
  return [
    ...(kernel.f16 ? ["enable f16;"] : []),
    ...bindings.map(
      ({ name, access }, at) => `@group(0) @binding(${at}) var<storage, ${access}> ${name}: array<${element(name)}>;`,
    ),
    ...Object.entries(kernel.extents).map(([name, value]) => unsigned(name, value)),
    ...Object.entries(kernel.scalars ?? {}).map(([name, value]) => float(name, value)),
    kernel.declarations ?? "",
    `@compute @workgroup_size(${kernel.workgroup})`,
    "fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
    `  let group = workgroup.y * ${width}u + workgroup.x;`,
    // Uniform over the workgroup, so barriers below are fine.
    `  if (group >= ${kernel.groups}u) { return; }`,
    kernel.body,
    "}",
  ].join("\n")
}

/** Kernels with the same key have the same text. */
export const keyOfKernel = (kernel: WgslKernel): string =>
  `${kernel.name} ${kernel.groups} ${kernel.f16 ? "f16 " : ""}${Object.entries({ ...kernel.extents, ...kernel.scalars })
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}`
