// What a global block's attention needs on an H100 that need not be there, forward and backward, products in bf16: written out, and as cuDNN's fused
// kernel, as `--attention whole` and `fused` emit them. XLA's own figures, without what cuDNN takes beside them; docs/cuda.md says more.
//   npm run build && node bench/attention.js [side] [heads]
// The CUDA plugin must be installed (docs/cuda.md).
import { describedFor } from "../dist/backends/xla/described.js"
import { Builder } from "../dist/compiler/ir/builder.js"

const [side = 64, heads = 12] = process.argv.slice(2).map(Number)

/** One attention with all of its gradients: of tokens alone, or on a grid with relative positions. */
const program = (width, grid) => {
  const b = new Builder()
  const shape = [1, heads, side * side, width]
  const [q, k, v, g] = ["q", "k", "v", "g"].map((name) => b.input(name, shape))
  const scale = width ** -0.5
  const tables = grid ? ["tableH", "tableW"].map((name) => b.input(name, [2 * side - 1, width])) : []
  const how = grid ? { scale, height: side, width: side } : { scale }
  const out = grid ? b.relPosAttention(q, k, v, ...tables, how) : b.attention(q, k, v, how)
  const back = grid ? b.relPosAttentionGrad(q, k, v, ...tables, out, g, how) : b.attentionGrad(q, k, v, out, g, how)
  const names = ["dq", "dk", "dv", ...(grid ? ["dH", "dW"] : [])]
  return { graph: b.build({ out, ...Object.fromEntries(names.map((name, i) => [name, b.part(back, i)])) }), state: {} }
}
const mib = (bytes) => Math.round(bytes / 2 ** 20).toLocaleString("en-US")

for (const [width, grid] of [
  [64, false],
  [96, false],
  [64, true],
])
  for (const fused of [false, true]) {
    const { total, memory } = await describedFor(program(width, grid), { precision: "bf16", fused })
    console.log(
      `${heads} heads of ${side} × ${side} tokens, ${width} columns${grid ? " and positions" : ""}, ${fused ? "fused" : "written out"}: ${mib(total)} MiB at once, ${mib(memory.temporary)} of them temporary`,
    )
  }
