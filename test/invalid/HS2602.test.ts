import { expect, test } from "vitest"
import { limitDiagnostics, limitProblems } from "../../src/backends/tfjs/limits.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"

const program = (size: number) => {
  const b = new Builder()
  const y = b.from("image_encoder.neck", () => b.matmul(b.input("x", [1, size, 8]), b.parameter("w", [8, size])))
  return { graph: b.build({ y }), state: {} }
}

test("a product of 256 MiB on a device with the default limits", () => {
  const [diagnostic, ...rest] = limitDiagnostics(limitProblems(program(8192)))
  expect(rest).toEqual([])
  expect(diagnostic).toMatchObject({
    code: "HS2602",
    message:
      "image_encoder.neck: matmul (BatchMatMul) needs a buffer of 256 MiB, [1,8192,8192], but the device's maxStorageBufferBindingSize is 128 MiB",
    help: "Use a smaller input size, or a device with a maxStorageBufferBindingSize of at least 268,435,456 bytes.",
  })
})

test("one that fits is fine", () => {
  expect(limitProblems(program(4096))).toEqual([])
})
