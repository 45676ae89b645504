import { expect, test } from "vitest"
import { startAhead, startThread } from "../../src/compiler/frontend/threads.ts"

const answerOf = async (thread: ReturnType<typeof startThread>): Promise<unknown> => {
  const answer = new Promise((done) => thread.once("message", done))
  thread.postMessage({ code: "exports.a = 1; exports.f = () => 2", filename: "spec.cjs" })
  const { functions } = (await answer) as { readonly functions: readonly string[] }
  await thread.terminate()
  return functions
}

test("a thread that was started ahead is the next one; then others start when they are asked for", async () => {
  startAhead(1)
  const [first, second] = [startThread(), startThread()]
  expect(first.threadId).toBe(second.threadId - 1)
  expect(await Promise.all([answerOf(first), answerOf(second)])).toEqual([["f"], ["f"]])
})
