import { test } from "vitest"
import { adapt, at, freezeAll, linear, relu, sequential, uniform } from "../../src/dsl/index.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"
import { initialValues } from "../../src/runtime/initial.ts"
import { merged } from "../../src/runtime/weights/merge.ts"
import { backbone } from "../passes/models.ts"
import { documented } from "../weights/documented.ts"

test("an adapter with a nonlinearity is merged", async () => {
  const adapter = (rank: 2) => sequential(linear(8, rank), relu, linear(rank, 8))
  const model = adapt(uniform(2, 3), () => [at("attn.proj").after(adapter(2))])(freezeAll(backbone)).data
  const tensors = Object.fromEntries(
    tensorsOf(networkOf(model)).map((tensor) => [tensor.name, { shape: tensor.shape, data: initialValues(tensor, 1) }]),
  )
  await documented(
    "HS3018",
    Promise.resolve().then(() => merged(model, tensors)),
  )
})
