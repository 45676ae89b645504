/** What training scripts keep beside a state dict is left out unread, and the state dict is found under the names that they give it. */
import { expect, test } from "vitest"
import { archive, torchPickle } from "./archives.ts"
import { codesOf, pickle, readAll, temporary } from "./tools.ts"

const text = (value: string): string => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`
/** A state dict of one tensor, without its frame. */
const state = torchPickle({ shape: [2], strides: [1], count: 2, name: "w" }).slice(2, -1)
const file = (body: string) =>
  temporary(
    "x.pth",
    archive([
      { name: "a/data.pkl", data: pickle(`\x80\x02${body}.`) },
      { name: "a/data/0", data: new Uint8Array(Float32Array.of(1, 2).buffer) },
    ]),
  )

/** As Python's pickle writes them in protocol 2. */
const beside: Readonly<Record<string, string>> = {
  "argparse.Namespace": `cargparse\nNamespace\n)\x81}(${text("lr")}K\x01${text("data")}${text("/home")}ub`,
  "pathlib.PosixPath": `cpathlib\nPosixPath\n(${text("/")}${text("home")}tR`,
  "datetime.datetime": `cdatetime\ndatetime\n(${text("raw")}tR`,
  "easydict.EasyDict": `ceasydict\nEasyDict\n)\x81(${text("lr")}K\x01u}(${text("lr")}K\x01ub`,
}

test.each(Object.entries(beside))("%s beside the state dict", async (_, object) => {
  const path = await file(`}(${text("args")}${object}${text("model_state")}${state}u`)
  expect([...(await readAll(path))["w"]!.data]).toEqual([1, 2])
})

test.each(["model_state", "state_dict", "teacher", "sam_model", "my network"])(
  "the state dict as '%s'",
  async (name) => {
    const optimizer = `${text("optimizer")}${state}`
    const path = await file(`}(${text("epoch")}K\x05${optimizer}${text(name)}${state}u`)
    expect([...(await readAll(path))["w"]!.data]).toEqual([1, 2])
  },
)

test("what would run something is refused beside a state dict, too", async () => {
  const path = await file(`}(${text("args")}cos\nsystem\n(${text("true")}tR${text("model_state")}${state}u`)
  expect(await codesOf(readAll(path))).toEqual(["HS3005"])
})
