import { test } from "vitest"
import { openCpu, openWasm } from "../../../src/backends/tfjs/engines/host.ts"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import { cases } from "./cases.ts"
import { chooseDriver } from "./drivers.ts"

test("cross", async () => {
  console.log(chooseDriver())
  const { openNodeWebGpu } = await import("../../../src/backends/tfjs/node.ts")
  const engines = [await openCpu(), await openWasm(), await openNodeWebGpu()]
  for (const c of cases) {
    const outs: any[] = []
    for (const e of engines) {
      try {
        const x = await backendOf(e).compile({ graph: c.graph, state: {} })
        outs.push(await x.run(c.inputs))
        await x.dispose()
      } catch (err) {
        outs.push(undefined)
        console.log(e.name, c.name, String((err as any).stack).slice(0, 400))
      }
      if (e.count() !== 0) {
        console.log("LEAK", e.name, c.name, e.count())
      }
    }
    if (!outs[0]) continue
    for (const i of [1, 2])
      if (outs[i])
        for (const name of Object.keys(outs[0])) {
          const a = outs[0][name].data,
            b = outs[i][name].data
          let m = 0,
            d = 0
          for (let j = 0; j < a.length; j++) {
            m = Math.max(m, Math.abs(a[j]))
            const x = Math.abs(a[j] - b[j])
            if (!(x <= d)) d = x
          }
          if (!(d <= c.tolerance * Math.max(m, 1e-3))) console.log("DIFF", engines[i]!.name, c.name, name, d, m)
        }
  }
}, 300000)
