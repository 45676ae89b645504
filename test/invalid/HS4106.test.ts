import { join } from "node:path"
import { expect, test } from "vitest"
import { checkData } from "../../src/runtime/data/check.ts"
import { scan, temporary, write, writeGrey } from "../data/helpers.ts"

test("bad run lengths are named by line", async () => {
  const root = await temporary()
  for (const i of [1, 2, 3]) await writeGrey(join(root, "train", `1_${i}.tif`), 10, 8, scan(10, 8, i))
  const file = join(root, "train_masks.csv")
  await write(file, "subject,img,pixels\n1,1,1 2 80 2\n1,2,5\n1,3,1 2\n")
  expect((await checkData(root)).diagnostics).toMatchObject([
    { file, line: 2, code: "HS4106", message: "the run lengths of 1_1 are wrong: run 2 ends at pixel 81 of an image of 80; the same of 1 more: line 3" },
  ])
})
