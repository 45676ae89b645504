#!/usr/bin/env node
import module from "node:module"

// What V8 made of the command is kept for the next one, where Node can: from 22.1 on.
module.enableCompileCache?.()
const { main } = await import("../dist/cli/main.js")
await main(process.argv, "compile")
