import { test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { documented } from "../weights/documented.ts"
import { temporary } from "../weights/tools.ts"

test("not a checkpoint", async () => {
  await documented("HS3001", inspect(await temporary("sam.pth", "<!DOCTYPE html><title>Sign in</title>")))
})
