import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { gallery, make } from "../../scripts/gallery.js"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

test("the gallery's pictures are what its commands draw (scripts/gallery.js makes them anew)", () => {
  const pictures = gallery()
  expect(pictures.map(({ name }) => name)).toEqual(["ha-sam.svg", "ablations.svg", "small.svg"])
  for (const { spec, name } of pictures)
    expect(readFileSync(join(packageRoot, "docs/pictures", name), "utf8")).toBe(readFileSync(make(spec), "utf8"))
})
