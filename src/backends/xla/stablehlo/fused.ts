/** Attention as XLA's custom call of cuDNN's fused kernel: q, k and v [batch, heads, tokens, columns], in 16 bits, with a scale of 1. */
import type { Shape } from "../../../compiler/ir/graph.ts"
import { list, quoted, tensorType } from "./text.ts"
import type { Writer } from "./writer.ts"

/** Which axes two operands of a product share, and over which it sums. */
type Product = readonly [left: number, right: number, leftHeads: number, rightHeads: number]
const dot = ([left, right, leftHeads, rightHeads]: Product) => ({
  lhs_contracting_dimensions: [`${left}`],
  rhs_contracting_dimensions: [`${right}`],
  lhs_batch_dimensions: ["0", `${leftHeads}`],
  rhs_batch_dimensions: ["0", `${rightHeads}`],
})
/** CudnnfMHABackendConfig. Gradients are added up in one order: the kernel is the deterministic one. */
const configOf = ([batch, heads, n]: Shape, m: number, products: Readonly<Record<string, Product>>): string =>
  JSON.stringify({
    operation_queue_id: "0",
    wait_on_operation_queues: [],
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: "0",
        math_type: "TENSOR_OP_MATH",
        tuning_knobs: { 17: "1", 24: "0" },
        is_cudnn_frontend: true,
        workspace_size: "0",
      },
      fmha_scale: 1,
      intermediate_tensor_shape: {
        element_type: "BF16",
        dimensions: [batch, heads, n, m].map(String),
        layout: { minor_to_major: ["3", "2", "1", "0"] },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: "NO_MASK",
      dropout_rate: 0,
      seed: 42,
      max_seg_per_batch: 1,
      force_deterministic: true,
      ...Object.fromEntries(Object.entries(products).map(([name, product]) => [name, dot(product)])),
    },
  })

interface Typed {
  readonly type: string
  /** Axes from the fastest to the slowest. */
  readonly layout: string
}
const typed = (type: string, axes: readonly number[]): Typed => ({
  type,
  layout: `dense<${list(axes)}> : tensor<${axes.length}xindex>`,
})
/** Operands stand token by token; results have the heads' axis first, over the same order in memory. */
const given = ([b, h, n, c]: Shape) => typed(tensorType([b!, n!, h!, c!], "bf16"), [3, 2, 1, 0])
const made = (shape: Shape) => typed(tensorType(shape, "bf16"), [3, 1, 2, 0])
const statistics = ([b, h, n]: Shape) => typed(tensorType([b!, h!, n!]), [2, 1, 0])
const workspace = typed("tensor<0xui8>", [0])

const call = (
  w: Writer,
  name: string,
  operands: readonly string[],
  taken: readonly Typed[],
  results: readonly Typed[],
  config: string,
): readonly string[] => {
  const types = (of: readonly Typed[]) => of.map(({ type }) => type).join(", ")
  const layouts = (of: readonly Typed[]) => list(of.map(({ layout }) => layout))
  return w.several(
    results.length,
    `"stablehlo.custom_call"(${operands.join(", ")}) {call_target_name = "__cudnn$fmhaSoftmax${name}", backend_config = ${quoted(config)}, api_version = 2 : i32, operand_layouts = ${layouts(taken)}, result_layouts = ${layouts(results)}} : (${types(taken)}) -> (${types(results)})`,
  )
}

const swap = [0, 2, 1, 3]
/** float32, heads first → 16 bits, tokens first. */
const taken = (w: Writer, x: string, shape: Shape): string =>
  w.transpose(w.convert(x, shape, "f32", "bf16"), shape, swap, "bf16")

interface Forward {
  readonly operands: readonly [string, string, string]
  readonly out: string
  readonly statistics: string
}
const forward = (w: Writer, inputs: readonly string[], shapes: readonly Shape[]): Forward => {
  const [q, k, v] = shapes as [Shape, Shape, Shape]
  const operands = [q, k, v].map((shape, i) => taken(w, inputs[i]!, shape)) as [string, string, string]
  const products: Readonly<Record<string, Product>> = {
    bmm1_dot_dimension_numbers: [3, 3, 2, 2],
    bmm2_dot_dimension_numbers: [3, 1, 1, 2],
  }
  const types = [q, k, v].map(given)
  const config = configOf(q, k[2]!, products)
  const [out, stats] = call(w, "", operands, types, [made(q), statistics(q), workspace], config)
  return { operands, out: out!, statistics: stats! }
}

export const fusedAttention = (w: Writer, inputs: readonly string[], shapes: readonly Shape[]): string =>
  w.convert(forward(w, inputs, shapes).out, shapes[0]!, "bf16", "f32")

/** q, k, v, out, gradient → gradients of q, k and v. The kernel's own result and its statistics are computed again: they cost less than their memory. */
export const fusedAttentionGrad = (
  w: Writer,
  inputs: readonly string[],
  shapes: readonly Shape[],
): readonly string[] => {
  const [q, k, v] = shapes as [Shape, Shape, Shape]
  const { operands, out, statistics: stats } = forward(w, inputs, shapes)
  const products: Readonly<Record<string, Product>> = {
    bmm1_grad_gemm1_dot_dimension_numbers: [2, 1, 1, 2],
    bmm1_grad_gemm2_dot_dimension_numbers: [3, 1, 1, 2],
    bmm2_grad_gemm1_dot_dimension_numbers: [2, 1, 1, 2],
    bmm2_grad_gemm2_dot_dimension_numbers: [3, 3, 2, 2],
  }
  const results = call(
    w,
    "Backward",
    [...operands, stats, taken(w, inputs[4]!, q), w.transpose(out, q, swap, "bf16")],
    [given(q), given(k), given(v), statistics(q), given(q), given(q)],
    [made(q), made(k), made(v), workspace],
    configOf(q, k[2]!, products),
  )
  return [q, k, v].map((shape, i) => w.convert(results[i]!, shape, "bf16", "f32"))
}
