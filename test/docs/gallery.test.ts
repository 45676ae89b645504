import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { commandOf, gallery } from "../../scripts/gallery.js"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { ran } from "../cli/session.ts"

const pictures = gallery()

test("the gallery has pictures of the paper's model, of systems and of methods", () => {
  const names = pictures.map(({ name }) => name)
  for (const name of ["ha-sam", "ablations", "small", "samed", "lora", "vpt", "ladder"])
    expect(names).toContain(`${name}.svg`)
})
test.each(pictures)("$name is what its command draws (scripts/gallery.js makes it anew)", ({ spec, name }) => {
  const { args, made } = commandOf(spec)
  const { status, talk } = ran({ args, cwd: packageRoot, env: { ...process.env, NO_COLOR: "1" } })
  expect(status, talk).toBe(0)
  expect(readFileSync(join(packageRoot, "docs/pictures", name), "utf8")).toBe(readFileSync(made, "utf8"))
})
