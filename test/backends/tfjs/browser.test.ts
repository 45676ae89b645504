/** In headless Chromium: a compiled small SAM is loaded with safetensors, segments, and trains ten steps. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import type { Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { bundleForBrowser } from "../../../src/runtime/browser/bundle.ts"
import { safetensorsOf } from "../../../src/runtime/weights/safetensors.ts"
import { executablePath, flags, isHere } from "../../chromium.ts"
import { feedAt, inputs, samOf } from "./sam.ts"

const here = isHere("the browser test")
// Of one block each: a browser keeps no shader from one run to the next.
const { forward, training, initial, masksAndLosses } = samOf(1, 1)
const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
}

/** A page whose script we call. */
const html = `<!doctype html><title>hasam</title><script type="module">import * as hasam from "/hasam.js"; window.hasam = hasam</script>`
type Hasam = typeof import("../../../src/runtime/browser/index.ts")

/** What a page sends back: plain arrays. */
interface Answer {
  readonly masks: readonly number[]
  readonly losses: readonly number[]
  readonly steps: number
}

const safetensors = async (tensors: Tensors): Promise<Buffer> => {
  const outgoing = Object.entries(tensors).map(([name, { shape, data }]) => ({
    name,
    dtype: "F32" as const,
    shape,
    bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }))
  const pieces: Uint8Array[] = []
  for await (const piece of safetensorsOf(outgoing)) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe.skipIf(!here)("in Chromium", () => {
  // A software GPU compiles and runs every shader on the processor, which the tests may share with others.
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 })
  const folder = mkdtempSync(join(tmpdir(), "hasam-browser-"))
  let server: Server
  let context: BrowserContext
  let page: Page
  let onCpu: Awaited<ReturnType<typeof masksAndLosses>>

  beforeAll(async () => {
    await bundleForBrowser(folder)
    onCpu = await masksAndLosses(cpu())
    const save = (name: string, program: Program) => writeFileSync(join(folder, name), JSON.stringify(program))
    save("forward.json", forward)
    save("training.json", training)
    writeFileSync(join(folder, "weights.safetensors"), await safetensors({ ...initial(forward), ...initial(training) }))
    writeFileSync(join(folder, "inputs.safetensors"), await safetensors(inputs))
    for (let step = 1; step <= 10; step++)
      writeFileSync(join(folder, `feed${step}.safetensors`), await safetensors(feedAt(step)))
    server = createServer((request, response) => {
      const name = new URL(request.url ?? "/", "http://localhost").pathname.slice(1)
      const file = join(folder, name)
      if (name === "") response.setHeader("content-type", "text/html").end(html)
      else if (!existsSync(file)) response.writeHead(404).end()
      else
        response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream").end(readFileSync(file))
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    context = await chromium.launchPersistentContext(join(folder, "profile"), {
      executablePath,
      headless: true,
      args: [...flags.webgpu],
    })
    context.setDefaultTimeout(300_000)
    page = await context.newPage()
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.waitForFunction(() => "hasam" in globalThis)
  })
  afterAll(async () => {
    await context?.close()
    server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(["webgpu", "wasm"] as const)("%s: masks and losses are the CPU engine's to 1e-4", async (engine) => {
    const answer = await page.evaluate(async (name): Promise<Answer> => {
      const { hasam } = globalThis as unknown as { readonly hasam: Hasam }
      const backend = await (name === "webgpu" ? hasam.webgpuBackend() : hasam.wasmBackend({ path: "/" }))
      const weights = await hasam.fetchTensors("/weights.safetensors")
      const segment = await backend.compile(await hasam.fetchProgram("/forward.json"))
      await segment.load(weights)
      const { masks } = await segment.run(await hasam.fetchTensors("/inputs.safetensors"))
      const train = await backend.compile(await hasam.fetchProgram("/training.json"))
      await train.load(weights)
      const losses: number[] = []
      for (let step = 1; step <= 10; step++) {
        const { loss } = await train.run(await hasam.fetchTensors(`/feed${step}.safetensors`))
        losses.push(loss!.data[0]!)
      }
      await segment.dispose()
      await train.dispose()
      return { masks: [...masks!.data], losses, steps: losses.length }
    }, engine)
    const worst = (a: readonly number[], b: ArrayLike<number>) =>
      a.reduce(
        (most, x, i) => Math.max(most, Math.abs(x - b[i]!)),
        a.length === b.length ? 0 : Number.POSITIVE_INFINITY,
      )
    expect(worst(answer.masks, onCpu.masks)).toBeLessThan(1e-4)
    expect(worst(answer.losses, onCpu.losses)).toBeLessThan(1e-4)
    expect(answer.losses.every(Number.isFinite)).toBe(true)
  })

  test("a missing file and a file that is none are diagnostics", async () => {
    const message = (url: string) =>
      page.evaluate(async (of) => {
        const { hasam } = globalThis as unknown as { readonly hasam: Hasam }
        return hasam.fetchTensors(of).then(
          () => "",
          (error: Error) => error.message,
        )
      }, url)
    expect(await message("/nothing.safetensors")).toContain("404")
    expect(await message("/forward.json")).toContain("HS3002")
  })
})
