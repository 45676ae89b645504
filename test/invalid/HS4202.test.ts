import { join } from "node:path"
import { expect, test } from "vitest"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { loadCase } from "../../src/runtime/data/mask.ts"
import { diagnosticsOf, goodFolders, rectangle, temporary, writeGrey } from "../data/helpers.ts"

test("a mask of another size", async () => {
  const root = await temporary()
  await goodFolders(root, 1)
  await writeGrey(join(root, "masks", "0.png"), 8, 10, rectangle(8, 10))
  const { cases } = await openData(root)
  expect(await diagnosticsOf(() => loadCase(cases[0]!))).toMatchObject([
    { file: join(root, "masks", "0.png"), code: "HS4202", message: "the mask is 8 × 10 and its image 10 × 8 pixels" },
  ])
})
