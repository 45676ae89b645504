/** A bounded part of `npm run fuzz`; seeds that once found something come first. */
import { expect, test } from "vitest"

test("some seconds of random damage: nothing crashes, hangs, has an unknown code or is left half-written", async () => {
  const { fuzz } = await import("../../scripts/fuzz.js" as string)
  const { counts, finds } = await fuzz({ seconds: 4 })
  expect(finds).toEqual([])
  expect(Object.keys(counts)).toEqual(["spec", "options", "budget", "table", "image", "run", "weights", "files"])
  for (const [name, rounds] of Object.entries(counts)) expect(rounds, name).toBeGreaterThan(0)
})
