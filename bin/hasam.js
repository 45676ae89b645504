#!/usr/bin/env node
import { hasten } from "./hasten.js"

hasten()
const { main } = await import("../dist/cli/main.js")
await main(process.argv)
