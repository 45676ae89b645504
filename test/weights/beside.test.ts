/** What training scripts keep beside a state dict is left out unread, and the state dict is found under the names that they give it. */
import { expect, test } from "vitest"
import { inspect } from "../../src/runtime/weights/index.ts"
import { archive, torchPickle } from "./archives.ts"
import { codesOf, pickle, problems, readAll, temporary } from "./tools.ts"

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
  "a scheduler": `ctorch.optim.lr_scheduler\nCosineAnnealingLR\n)\x81}(${text("T_max")}K\x05ub`,
  "a loss": `ctorch.nn.modules.loss\nCrossEntropyLoss\n)\x81}(${text("weight")}Nub`,
  "a configuration of one's own": `cmy_project.config\nTrainConfig\n(K\x01${text("a")}tR`,
  "an enumeration": `cmy_project.config\nMode\nK\x02\x85R`,
  "a list of a class of one's own": `cmy_project.log\nHistory\n)\x81(K\x01K\x02e`,
  "a random state": `cnumpy.random._pickle\n__randomstate_ctor\n${text("MT19937")}\x85R}(${text("pos")}K\x01ub`,
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

test("what is left out is told by its class", async () => {
  const path = await file(`}(${text("args")}${beside["a scheduler"]}${text("model_state")}${state}u`)
  const { notes } = await inspect(path)
  expect(notes.join("\n")).toContain("left out unread, objects of torch.optim.lr_scheduler.CosineAnnealingLR")
})

test.each([
  ["the model itself", "cmy_project.nets\nUNet\n)\x81}b", /whole object of class 'my_project.nets.UNet'/],
  ["the model in a dict", `}(${text("model")}cmy_project.nets\nUNet\n)\x81}bu`, /whole object of class/],
  [
    "a function of one's own",
    `}(${text("f")}cmy_project.nets\nbuild\n)R${text("model")}${state}u`,
    /'my_project.nets.build'/,
  ],
  ["a class of Python's own", `}(${text("f")}csubprocess\nPopen\n)R${text("model")}${state}u`, /'subprocess.Popen'/],
  ["an attribute of a class", `}(${text("f")}cmy_project\nUNet.Loader\n)R${text("model")}${state}u`, /UNet.Loader/],
])("%s is refused by its name", async (_, body, message) => {
  const [problem] = await problems(inspect(await file(body)))
  expect(problem!.code).toBe("HS3005")
  expect(problem!.message).toMatch(message)
})

test("what would run something is refused beside a state dict, too", async () => {
  const path = await file(`}(${text("args")}cos\nsystem\n(${text("true")}tR${text("model_state")}${state}u`)
  expect(await codesOf(readAll(path))).toEqual(["HS3005"])
})

test("a dict of NumPy arrays is told how it becomes a state dict", async () => {
  const array = "cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
  const [problem] = await problems(readAll(await file(`}(${text("w")}${array}u`)))
  expect([problem!.code, problem!.help]).toEqual([
    "HS3007",
    "Its values are NumPy arrays: save { name: torch.from_numpy(array) } with torch.save.",
  ])
})
