import { expect, test } from "vitest"
import { runtimeOf } from "../../src/backends/onnx/runtime.ts"

const missing = (...names: readonly string[]) => {
  return (name: string): string => {
    if (names.includes(name)) throw new Error(`Cannot find module '${name}'\nRequire stack:\n- somewhere`)
    return `/modules/${name}`
  }
}

test("native code where it loads, WebAssembly where it does not", () => {
  expect(runtimeOf(undefined, missing())).toEqual({ path: "/modules/onnxruntime-node", web: false })
  expect(runtimeOf(undefined, missing("onnxruntime-node"))).toEqual({ path: "/modules/onnxruntime-web", web: true })
})
test("native code was asked for, and does not load", () => {
  expect(() => runtimeOf("native", missing("onnxruntime-node"))).toThrow(
    "HS2501: the CPU engine does not load: onnxruntime-node: Cannot find module 'onnxruntime-node'",
  )
})
test("neither loads", () => {
  const neither = () => runtimeOf(undefined, missing("onnxruntime-node", "onnxruntime-web"))
  expect(neither).toThrow(/^HS2501: .*onnxruntime-node: Cannot find.*; onnxruntime-web: Cannot find[^\n]*$/)
})
