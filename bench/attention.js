// What a global block's attention needs on an H100 that need not be there, forward and backward, products in bf16: written out, and as
// cuDNN's fused kernel (a custom call of XLA's). XLA's own figures, without what cuDNN takes beside them; FEATURES and docs/cuda.md say more.
//   npm run build && node bench/attention.js [tokens] [heads]
// The CUDA plugin must be installed (docs/cuda.md).
import { describedText } from "../dist/backends/xla/described.js"

const [tokens = 4096, heads = 12] = process.argv.slice(2).map(Number)
const type = (shape, element = "f32") => `tensor<${[...shape, element].join("x")}>`

/** Softmax(q kᵀ) v and its gradients, as products. */
const written = (width) => {
  const [x, s, r] = [
    [heads, tokens, width],
    [heads, tokens, tokens],
    [heads, tokens],
  ]
  const lines = []
  const op = (text) => {
    lines.push(`    %${lines.length} = ${text}`)
    return `%${lines.length - 1}`
  }
  const bf16 = (a, shape) => op(`stablehlo.convert ${a} : (${type(shape)}) -> ${type(shape, "bf16")}`)
  const dot = (a, as, b, bs, ca, cb, to) =>
    op(
      `stablehlo.dot_general ${a}, ${b}, batching_dims = [0] x [0], contracting_dims = [${ca}] x [${cb}] : (${type(as, "bf16")}, ${type(bs, "bf16")}) -> ${type(to)}`,
    )
  const two = (name, a, b) => op(`stablehlo.${name} ${a}, ${b} : ${type(s)}`)
  const along = (a) => op(`stablehlo.broadcast_in_dim ${a}, dims = [0, 1] : (${type(r)}) -> ${type(s)}`)
  const zero = op("stablehlo.constant dense<0.0> : tensor<f32>")
  const low = op("stablehlo.constant dense<0xFF800000> : tensor<f32>")
  const over = (name, a, init) =>
    op(
      `stablehlo.reduce(${a} init: ${init}) applies stablehlo.${name} across dimensions = [2] : (${type(s)}, tensor<f32>) -> ${type(r)}`,
    )
  const [q, k, v, g] = ["%q", "%k", "%v", "%g"].map((a) => bf16(a, x))
  const scores = dot(q, x, k, x, 2, 2, s)
  const powers = op(
    `stablehlo.exponential ${two("subtract", scores, along(over("maximum", scores, low)))} : ${type(s)}`,
  )
  const shares = two("divide", powers, along(over("add", powers, zero)))
  const rounded = bf16(shares, s)
  const wanted = dot(g, x, v, x, 2, 2, s)
  const mean = along(over("add", two("multiply", wanted, shares), zero))
  const back = bf16(two("multiply", shares, two("subtract", wanted, mean)), s)
  const results = [
    dot(rounded, s, v, x, 2, 1, x),
    dot(back, s, k, x, 2, 1, x),
    dot(back, s, q, x, 1, 1, x),
    dot(rounded, s, g, x, 1, 1, x),
  ]
  return module(x, lines, results)
}
const module = (x, lines, results) =>
  [
    "module @attention {",
    `  func.func public @main(%q: ${type(x)}, %k: ${type(x)}, %v: ${type(x)}, %g: ${type(x)}) -> (${results.map(() => type(x)).join(", ")}) {`,
    ...lines,
    `    return ${results.join(", ")} : ${results.map(() => type(x)).join(", ")}`,
    "  }",
    "}",
    "",
  ].join("\n")

/** The same by cuDNN's kernels: [batch, tokens, heads, width], statistics kept for the backward pass. */
const fused = (width) => {
  const [x, y] = [
    [1, tokens, heads, width],
    [1, heads, tokens, width],
  ]
  const dims = (lc, rc, lb, rb) => ({
    lhs_contracting_dimensions: [lc],
    rhs_contracting_dimensions: [rc],
    lhs_batch_dimensions: ["0", lb],
    rhs_batch_dimensions: ["0", rb],
  })
  const config = (products) =>
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
        fmha_scale: 0.125,
        intermediate_tensor_shape: {
          element_type: "BF16",
          dimensions: [1, heads, tokens, tokens].map(String),
          layout: { minor_to_major: ["3", "2", "1", "0"] },
          is_dynamic_dimension: [false, false, false, false],
        },
        is_flash_attention: true,
        mask_type: "NO_MASK",
        dropout_rate: 0,
        seed: 42,
        max_seg_per_batch: 1,
        ...products,
      },
    }).replaceAll('"', '\\"')
  const layout = (axes) => `dense<[${axes}]> : tensor<${axes.length}xindex>`
  const [rows, heading, three] = [layout([3, 2, 1, 0]), layout([3, 1, 2, 0]), layout([2, 1, 0])]
  const bytes = ["tensor<0xui8>", layout([0])]
  const [given, made, statistics] = [
    [type(x, "bf16"), rows],
    [type(y, "bf16"), heading],
    [type([1, heads, tokens]), three],
  ]
  const call = (name, operands, taken, results, products) =>
    `"stablehlo.custom_call"(${operands.join(", ")}) {call_target_name = "__cudnn$fmhaSoftmax${name}", backend_config = "${config(products)}", api_version = 2 : i32, operand_layouts = [${taken.map(([, of]) => of).join(", ")}], result_layouts = [${results.map(([, of]) => of).join(", ")}]} : (${taken.map(([of]) => of).join(", ")}) -> (${results.map(([of]) => of).join(", ")})`
  const turned = (name, from) => [
    `    %${name}t = stablehlo.transpose ${from}, dims = [0, 2, 1, 3] : (${made[0]}) -> ${given[0]}`,
    `    %${name} = stablehlo.convert %${name}t : (${given[0]}) -> ${type(x)}`,
  ]
  const lines = [
    ...["q", "k", "v", "g"].map((a) => `    %${a}h = stablehlo.convert %${a} : (${type(x)}) -> ${given[0]}`),
    `    %f:3 = ${call("", ["%qh", "%kh", "%vh"], [given, given, given], [made, statistics, bytes], { bmm1_dot_dimension_numbers: dims("3", "3", "2", "2"), bmm2_dot_dimension_numbers: dims("3", "1", "1", "2") })}`,
    ...turned("o", "%f#0"),
    `    %b:4 = ${call("Backward", ["%qh", "%kh", "%vh", "%f#1", "%gh", "%ot"], [given, given, given, statistics, given, given], [made, made, made, bytes], { bmm1_grad_gemm1_dot_dimension_numbers: dims("2", "1", "1", "2"), bmm1_grad_gemm2_dot_dimension_numbers: dims("3", "1", "1", "2"), bmm2_grad_gemm1_dot_dimension_numbers: dims("2", "1", "1", "2"), bmm2_grad_gemm2_dot_dimension_numbers: dims("3", "3", "2", "2") })}`,
    ...["dq", "dk", "dv"].flatMap((name, i) => turned(name, `%b#${i}`)),
  ]
  return module(x, lines, ["%o", "%dq", "%dk", "%dv"])
}

const env = {
  ...process.env,
  XLA_FLAGS: `--xla_gpu_cudnn_deviceless_compilation_mode=CUDNN_DEVICELESS_COMPILATION_DISABLED ${process.env.XLA_FLAGS ?? ""}`,
}
for (const width of [64, 96, 192])
  for (const [how, text] of [
    ["written out", written(width)],
    ["cuDNN's kernel", fused(width)],
  ]) {
    const { total, memory } = await describedText(text, { env })
    const mib = (bytes) => Math.round(bytes / 2 ** 20).toLocaleString("en-US")
    console.log(
      `${heads} heads of ${tokens} tokens, ${width} columns, ${how}: ${mib(total)} MiB at once, ${mib(memory.temporary)} of them temporary`,
    )
  }
