/** The process of the commands: one after another, each with its folder, its environment and what it writes. */
import { main } from "../../dist/cli/main.js"

const streams = { out: process.stdout, talk: process.stderr }
process.on("disconnect", () => process.exit())
process.on("message", async ({ args, cwd, env }) => {
  const wrote = { out: "", talk: "" }
  const writes = Object.fromEntries(Object.entries(streams).map(([name, stream]) => [name, stream.write]))
  for (const [name, stream] of Object.entries(streams))
    stream.write = (text, ...rest) => {
      wrote[name] += text
      rest.findLast((one) => typeof one === "function")?.()
      return true
    }
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
  process.exitCode = undefined
  await main([process.execPath, "hasam", ...args])
  for (const [name, stream] of Object.entries(streams)) {
    stream.write = writes[name]
    stream.removeAllListeners("error")
  }
  const status = process.exitCode ?? 0
  process.exitCode = undefined
  process.send({ status, ...wrote })
})
