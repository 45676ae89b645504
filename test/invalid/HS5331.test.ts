import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { segmentAll } from "../../src/runtime/segment/index.ts"
import { diagnosticsOf, temporary } from "../data/helpers.ts"

test("HS5331: the journal of other settings", async () => {
  const out = await temporary()
  await writeFile(join(out, "progress.jsonl"), '{"settings":"another"}\n')
  const run = {
    out,
    job: "",
    images: [],
    asked: async () => [],
    segmenter: { segment: async () => [], locate: async () => new Float32Array(2), dispose: async () => undefined },
    flip: false,
    uncertainty: 0,
    seed: 0,
    format: "png",
    overlays: false,
    probabilities: false,
    settings: {},
    onProgress: () => undefined,
    signal: new AbortController().signal,
  } as const
  expect(await diagnosticsOf(() => segmentAll(run))).toMatchObject([{ code: "HS5331", file: join(out, "progress.jsonl") }])
})
