import { expect, test } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { explainMissing } from "../../src/compiler/packages.ts"

const importing = async (name: string): Promise<unknown> =>
  import(/* @vite-ignore */ name).then(
    () => undefined,
    (problem: unknown) => problem,
  )
const notFound = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere/image.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  })

test("HS2520 names the package, what it is for, and the line that brings it", () => {
  const problem = explainMissing(notFound("sharp")) as Failed
  expect(problem).toBeInstanceOf(Failed)
  expect(problem.diagnostics[0]).toMatchObject({
    code: "HS2520",
    message: "the package 'sharp' is not installed; it is needed to read and write images",
    help: expect.stringMatching(/^Bring it: npm install sharp@\S*\d+\.\d+\.\d+$/),
  })
})
test("what belongs together is brought together, at one version", () => {
  const { help } = (explainMissing(notFound("@tensorflow/tfjs-core")) as Failed).diagnostics[0]
  expect(help?.match(/@tensorflow\/[\w-]+@4\.22\.0/g)).toHaveLength(4)
})
test("every other error stays what it is", async () => {
  const other = new Error("Cannot find package 'sharp'")
  expect(explainMissing(other)).toBe(other)
  const own = await importing("./no-such-module-of-ours.js")
  expect(own).toBeInstanceOf(Error)
  expect(explainMissing(own)).toBe(own)
})
