/** Commands about hasam itself: what is here, what is missing, a new project, the editor. */
import { Command } from "commander"

const doctor = () =>
  new Command("doctor")
    .summary("what is here, and what each target lacks")
    .description("Looks at Node, TypeScript and each target's engine, and says how to bring what is missing.")
    .option("--json", "one JSON document on stdout")
    .option("--verbose", "stack traces of internal faults")
    .action(async (options) => (await import("./commands/doctor.ts")).doctor(options))

const init = () =>
  new Command("init")
    .summary("a new project: a spec, a tsconfig, a README, a workflow with a budget")
    .argument("<name>", "the folder to make; also the package's name")
    .option("--verbose", "stack traces of internal faults")
    .action(async (name) => (await import("./commands/init.ts")).init(name))

const install = () =>
  new Command("install")
    .summary("bring an engine from the npm registry: cpu")
    .description("Brings onnxruntime's native code for this machine alone (45 MB), into the user's cache folder.")
    .argument("<engine>", "cpu")
    .option("--verbose", "stack traces of internal faults")
    .action(async (engine) => (await import("./commands/install.ts")).install(engine))

const lsp = () =>
  new Command("lsp")
    .summary("the language server, for editors")
    .description("Speaks the Language Server Protocol on stdin and stdout: diagnostics, counts, ranks, names, fixes.")
    .option("--stdio", "as editors say it; there is no other way")
    .action(async () => (await import("./lsp/server.ts")).serve())

const serve = () =>
  new Command("serve")
    .summary("open a model's page in a browser")
    .description("Serves a folder that hasam-compile --target webgpu wrote, on 127.0.0.1: no other machine sees it.")
    .argument("<dir>", "the folder")
    .option("--port <n>", "0 takes any that is free", "8000")
    .option("--verbose", "stack traces of internal faults")
    .action(async (dir, options) => (await import("./commands/serve.ts")).serve(dir, options))

export const setupCommands = [serve, doctor, init, install, lsp]
