/** The commands, their options and their help; what they do is loaded when one is called. */
import { Command } from "commander"
import { version } from "../compiler/compile.ts"
import { precisions, storages } from "../dsl/training.ts"
import { readOptions } from "./options.ts"
import { exit } from "./output.ts"
import { setupCommands } from "./setup.ts"
import { preciseNames, runningNames, targets, trainingNames } from "./targets/index.ts"

const targetLines = targets.map(({ name, about }) => `  ${name.padEnd(12)}${about}`).join("\n")

/** In every command that runs a model on the CPU engine. */
const frozenHelp = `how the CPU engine keeps frozen weights of products: ${storages.join(", ")}`

/** Where a data set's files are, in every command that looks for them. */
const finding = (command: Command): Command =>
  command
    .option(
      "--layout <name>",
      "table, kaggle, busi, busbra, tn3k, camus, nnunet or folders; found out where it is not given",
    )
    .option("--subject <pattern>", "regular expression: the subject in an image's name, as '^(\\d+)_'")

/** And what is in them, in every command that reads them. */
const reading = (command: Command): Command =>
  finding(command)
    .option("--window <range>", "values that are black and white in images of more than 8 bits: 0,4095, or image")
    .option("--class <n>", "foreground in masks of several classes")
    .option("--palette <colours>", "colours of the classes in coloured masks, background first: '#000000,#ff0000'")
    .option("--inverted", "foreground is what the masks show as background")

const compile = () =>
  new Command("compile")
    .summary("check, count, report, lower")
    .description(
      "Checks specs, proves their counts and freeze masks, reports what the models cost, and lowers them to a target.",
    )
    .argument("<spec...>", "folders with an index.ts, or files; spec#export is one of its models")
    .option(
      "--target <target>",
      "what to lower to: files are written, or it is checked that the target's engine can run the model",
    )
    .option("--out <dir>", "where files go", "build")
    .option("--weights <file>", "checkpoint to put into files for --target onnx or webgpu")
    .option("--licence <text>", "with --target onnx: the licence of the weights, where their file does not say it")
    .option("--asks <kinds>", "with --target onnx: what every object is asked by together: points,box or mask,points …")
    .option("--half", "with --target webgpu: matrices and kernels in 16 bits, half the file")
    .option("--example <image>", "with --target webgpu: what the page's button 'Example' opens; a phantom by default")
    .option("--report <formats>", "also write report.{text,json,md,html,tex,svg,sarif} to --out, separated by commas")
    .option("--json", "one JSON document on stdout, diagnostics included")
    .option("--input-size <size>", "what the model sees: 1024, or 96x128 (height x width)")
    .option("--batch <n>", "images at once; with --target onnx, of the model's own size")
    .option(
      "--memory <size>",
      "with --dump or --target cuda: of a training step, e.g. 11GB: blocks are computed twice until it fits",
    )
    .option("--precision <precision>", `of products: ${precisions.join(", ")}; of ${preciseNames}`)
    .option("--attention <how>", "whole, or fused: by cuDNN's kernel; of cuda in bf16")
    .option("--frozen <how>", "what memory would be with frozen weights kept so: float32, bf16 or int8")
    .option("--budget <file>", 'JSON: limits by model name, { "name": { "trainable": n, "bytes": n } }')
    .option("--update", "write the right numbers into expectTrainable and expectTotal")
    .option("--types", "write .hasam/counts.d.ts beside each spec: the editor shows what counted(…) counts")
    .option("--watch", "compile again whenever a source changes")
    .option("--dump <pass>", "print the graph after a pass")
    .option("--stop-after <pass>", "run passes up to this one and print its graph")
    .option("--brief", "one line a model")
    .option("--cost", "FLOPs and memory of every model, however many there are")
    .option("--verbose", "stack traces of internal faults")
    .addHelpText(
      "before",
      "Examples:\n  hasam-compile examples/ha-sam\n  hasam-compile examples/* --brief\n  hasam-compile my-model.ts --update\n  hasam-compile my-model.ts --target pytorch --out package\n",
    )
    .action(async (specs, options) => (await import("./commands/compile.ts")).compile(specs, options))

const run = () =>
  new Command("run")
    .summary("segment with a compiled model")
    .description("Runs a model on inputs from a safetensors file and writes its outputs to another.")
    .argument("<spec>", "a spec, with #export where it has several models")
    .option("--weights <file>", "checkpoint, .safetensors or .pth")
    .option("--adapters <file>", "what training wrote (best.safetensors)")
    .requiredOption(
      "--inputs <file>",
      "what the model takes, by name: an image [B,C,H,W] in 0…255, prompts, and target for gradients",
    )
    .requiredOption("--outputs <file>", "what the network gives, by name")
    .option("--target <target>", runningNames, "cpu")
    .option("--precision <precision>", `of products: ${precisions.join(", ")}; of ${preciseNames}`)
    .option("--frozen <how>", frozenHelp)
    .option("--gradients", "also loss and grad/<parameter> of all that learns; needs target")
    .option("--flag <names>", "inputs that are there without a tensor, such as multimask, separated by commas")
    .option("--multimask", "the same as --flag multimask")
    .option("--train-mode", "dropout acts, batch norms that learn use the batch and give next/<statistic>")
    .option("--dice-over <what>", "Dice of each image, or of the whole batch")
    .option("--input-size <size>", "what the model sees: 1024, or 96x128 (height x width)")
    .option("--seed <n>", "for initial values where no checkpoint gives any", "0")
    .option("--verbose", "stack traces of internal faults")
    .action(async (spec, options) => (await import("./commands/run.ts")).run(spec, options))

const train = () =>
  reading(
    new Command("train")
      .summary("train a model on images and masks")
      .description(
        "Trains what is not frozen. The spec's exported training(…) says how; options override it and are recorded.",
      )
      .argument("<spec>", "a spec, with #export where it has several models")
      .requiredOption(
        "--data <dir>",
        "Kaggle nerve, BUSI, folders of images and masks, or a csv with image, mask, subject",
      )
      .requiredOption("--out <dir>", "the run's folder")
      .option("--weights <file>", "checkpoint of the base, .safetensors or .pth")
      .option("--target <target>", trainingNames, "cpu")
      .option("--torchrun <n>", "with --target pytorch: so many processes, one for each GPU")
      .option("--precision <precision>", `of products: ${precisions.join(", ")}; of ${preciseNames}`)
      .option("--attention <how>", "whole, or fused: by cuDNN's kernel; of cuda in bf16")
      .option("--frozen <how>", frozenHelp)
      .option("--resume", "go on where the run in --out stands")
      .option("--epochs <n>", "passes over the training images")
      .option("--batch <n>", "images at once")
      .option("--accumulate <n>", "batches to a step")
      .option("--rate <x>", "learning rate")
      .option("--clip <x>", "gradients together are made no longer than this")
      .option("--patience <n>", "epochs without a better validation after which training ends")
      .option("--jitter <x>", "training prompts from the masks are moved by up to this share of their boxes, as 0.05")
      .option(
        "--sampling <how>",
        "each: every case once an epoch; balanced: those that show rare classes come more often",
      )
      .option("--seed <n>", "of order, augmentation, prompts and initial values")
      .option("--split <file>", "a saved split; else 7 : 1.5 : 1.5 by seed, by subject where known")
      .option("--fraction <x>", "share of the training images, 0…1"),
  )
    .option("--prompt <source>", "centre, randomInside, box, file or localizer")
    .option("--points <file>", "points for --prompt file or localizer: csv with id, x, y, or JSON")
    .option("--input-size <size>", "what the model sees: 1024, or 96x128 (height x width)")
    .option("--checkpoint-every <n>", "steps between checkpoints within an epoch")
    .option("--memory <size>", "for tensors of a step, e.g. 4GB: blocks are computed twice until they fit")
    .option("--validate-every <n>", "epochs between validations")
    .option("--verbose", "stack traces of internal faults")
    .action(async (spec, options) => (await import("./commands/train.ts")).trainCommand(spec, options))

const evaluate = () =>
  reading(
    new Command("eval")
      .summary("Dice, IoU, HD95 and NSD of a run or a model")
      .description(
        "Segments the test images and measures: each case, mean ± sd and its 95 % interval; against other runs with a t-test in `compare`.",
      )
      .argument("<run-or-spec>", "a run's folder, or a spec with --weights")
      .option("--data <dir>", "other data than the run's")
      .option("--part <part>", "train, validation, test or all; test, where the data can be split or say it")
      .option("--weights <file>", "checkpoint of the base")
      .option("--adapters <file>", "what training wrote; a run's best by default")
      .option("--target <target>", runningNames, "cpu")
      .option("--precision <precision>", `of products: ${precisions.join(", ")}; of ${preciseNames}`)
      .option("--frozen <how>", frozenHelp)
      .option("--out <dir>", "where cases.csv, results.json and figures go; a run's own folder by default"),
  )
    .option("--split <file>", "a saved split")
    .option("--prompt <source>", "centre, randomInside, box, file or localizer")
    .option("--points <file>", "points for --prompt file or localizer; for file also what segment's --prompts takes")
    .option("--save-points <file>", "of a localizer: write its points, for --prompt file")
    .option("--hd95 <convention>", "pooled (MedPy) or larger (MONAI)", "pooled")
    .option("--empty <rule>", "one mask empty: diagonal or exclude", "diagonal")
    .option("--tolerance <distance>", "of NSD: surfaces this near agree, as 2px or 0.5mm", "2px")
    .option("--background", "of a model of classes: the background counts as one")
    .option("--jitter <x>", "prompts from the masks are moved by up to this share of their boxes, as 0.05")
    .option("--seed <n>", "where no run gives it")
    .option("--figures", "a sheet of images, truths and predictions")
    .option("--histograms <blocks>", "what comes out of these blocks, e.g. 4,8,12: blocks.svg")
    .option("--json", "one JSON document on stdout")
    .option("--verbose", "stack traces of internal faults")
    .action(async (subject, options) => (await import("./commands/evaluate.ts")).evaluate(subject, options))

const segment = () =>
  new Command("segment")
    .summary("masks of images")
    .description(
      "Segments images and folders of images with a run, several runs (their probabilities are averaged), or a spec with weights. Writes masks, overlays and table.csv; the same command goes on where it was stopped.",
    )
    .argument("<model-and-images...>", "runs' folders or one spec, then images or folders")
    .requiredOption("--out <dir>", "masks/, overlays/, table.csv")
    .option(
      "--prompts <file>",
      "csv of points, boxes or masks: id,x,y or id,x0,y0,x1,y1 or id,mask; rows of one 'object' go together",
    )
    .option("--point <x,y>", "one point for every image, in pixels of the original")
    .option("--box <x0,y0,x1,y1>", "one box for every image, alone or with the point")
    .option("--mask <path>", "masks found before, alone or with the others: a folder of them by image name, or a file")
    .option("--localizer <run>", "a run that finds the point")
    .option("--weights <file>", "checkpoint of the base")
    .option("--adapters <file>", "what training wrote; a run's best by default")
    .option("--flip", "average with the mirrored image")
    .option("--uncertainty <n>", "a confidence for each mask, from shifted prompts: prompts=8")
    .option("--probabilities", "also 16-bit files of probabilities")
    .option("--no-overlays", "no images with outlines")
    .option("--format <format>", "of masks: png, nifti or dicomseg", "png")
    .option("--window <range>", "values that are black and white in images of more than 8 bits: 0,4095, or image")
    .option("--batch <n>", "images that are encoded together", "1")
    .option("--part <i/n>", "every nth image: one of several jobs")
    .option("--target <target>", runningNames, "cpu")
    .option("--precision <precision>", `of products: ${precisions.join(", ")}; of ${preciseNames}`)
    .option("--frozen <how>", frozenHelp)
    .option("--seed <n>", "of shifted prompts, and of initial values", "0")
    .option("--json", "one JSON document on stdout")
    .option("--verbose", "stack traces of internal faults")
    .addHelpText(
      "before",
      "Examples:\n  hasam segment runs/small scans --out masks --prompts points.csv\n  hasam segment fold-1 fold-2 fold-3 scans --out masks --localizer runs/localizer --flip\n",
    )
    .action(async (args, options) => (await import("./commands/segment.ts")).segment(args, options))

const compare = () =>
  new Command("compare")
    .summary("runs beside one another, with tests of their differences")
    .description(
      "A table of evaluated runs. Asterisks mark a significant difference from the last one, p < 0.05, computed.",
    )
    .argument("<run...>", "folders with a cases.csv, as eval writes them; the last is the reference")
    .option("--test <test>", "welch (two-sample, as the paper), paired or wilcoxon", "welch")
    .option("--holm", "correct for several comparisons")
    .option("--format <format>", "text, markdown, latex or html", "text")
    .option("--histograms <file>", "an SVG of block outputs, of runs evaluated with --histograms")
    .option("--verbose", "stack traces of internal faults")
    .action(async (runs, options) => (await import("./commands/compare.ts")).compare(runs, options))

const study = () =>
  reading(
    new Command("study")
      .summary("train and compare models over seeds, folds and more, to the paper's tables")
      .description(
        "Runs every training of a spec's exported study(…), evaluates it, and ends with tables, box plots and a sheet. The same command goes on where it was stopped.",
      )
      .argument("<spec>", "a spec, with #export where it has several studies")
      .requiredOption("--data <dir>", "as hasam train takes it")
      .requiredOption("--out <dir>", "the study's folder")
      .option("--jobs <n>", "processes at once", "1")
      .option("--list", "print each job as a command of its own")
      .option("--slurm", "write array scripts for a cluster to --out")
      .option("--job <name>", "this job alone")
      .option("--split <file>", "a saved split, or a folder of fold-1.json, fold-2.json …")
      .option("--weights <files>", "checkpoint of all models, or of some: 'sam.pth,transUnet=r50.pth,unet='")
      .option("--target <target>", trainingNames, "cpu")
      .option("--epochs <n>", "of every training")
      .option("--batch <n>", "of every training")
      .option("--accumulate <n>", "batches to a step, of every training"),
  )
    .option("--input-size <size>", "what the models see: 1024, or 96x128 (height x width)")
    .option("--memory <size>", "for tensors of a step, e.g. 4GB: blocks are computed twice until they fit")
    .option("--checkpoint-every <n>", "steps between checkpoints within an epoch")
    .option("--hd95 <convention>", "pooled (MedPy) or larger (MONAI)", "pooled")
    .option("--empty <rule>", "one mask empty: diagonal or exclude", "diagonal")
    .option("--tolerance <distance>", "of NSD: surfaces this near agree, as 2px or 0.5mm", "2px")
    .option("--background", "of models of classes: the background counts as one")
    .option("--test <test>", "welch (two-sample, as the paper), paired or wilcoxon; the study's by default")
    .option("--format <format>", "text, markdown, latex or html; all are written to --out", "text")
    .option("--verbose", "stack traces of internal faults")
    .addHelpText(
      "before",
      "Examples:\n  hasam study examples/systems#small --data phantoms --out studies/small\n  hasam study my-study.ts --data my-images --weights sam_vit_b.pth --out studies/mine --jobs 2\n",
    )
    .action(async (spec, options, command) =>
      (await import("./commands/study.ts")).studyCommand(spec, options, argumentsOf(command)),
    )

/** The command line behind a command's name. */
const argumentsOf = (command: Command): readonly string[] => {
  const given = (command.parent as (Command & { readonly rawArgs?: readonly string[] }) | null)?.rawArgs ?? []
  return given.slice(given.indexOf(command.name()) + 1)
}

const diff = () =>
  new Command("diff")
    .summary("what differs between two models")
    .argument("<a>", "a spec, with #export where it has several models")
    .argument("<b>", "another")
    .option("--format <format>", "text, markdown or html", "text")
    .action(async (a, b, options) => (await import("./commands/diff.ts")).diff(a, b, options))

const reconcile = () =>
  new Command("reconcile")
    .summary("which readings of a printed number fit a model")
    .description(
      "A paper prints a parameter count without saying of what, or in which unit. Lists every reading that fits.",
    )
    .argument("<printed>", "as printed, e.g. 6.82")
    .argument("<spec...>", "specs to try")
    .action(async (printed, specs) => (await import("./commands/reconcile.ts")).reconcile(printed, specs))

const explain = () =>
  new Command("explain")
    .summary("what an error code means, and its cure")
    .argument("<code>", "e.g. HS1003")
    .action(async (code) => (await import("./commands/explain.ts")).explain(code))

const weights = () => {
  const group = new Command("weights").summary("checkpoints: look inside, check against a model, convert")
  group
    .command("inspect")
    .argument("<file>")
    .option("--json", "one JSON document on stdout")
    .option("--verbose", "stack traces of internal faults")
    .action(async (file, options) => (await import("./commands/weights.ts")).inspectCommand(file, options))
  group
    .command("verify")
    .argument("<file>")
    .requiredOption("--spec <spec>", "the model, with #export where it has several")
    .option("--input-size <size>", "what the model sees: 1024, or 96x128 (height x width)")
    .option("--verbose", "stack traces of internal faults")
    .action(async (file, options) => (await import("./commands/weights.ts")).verifyCommand(file, options))
  group
    .command("convert")
    .argument("<file>")
    .argument("<out>", "ends in .safetensors or .pth")
    .option("--names <naming>", "keep, segment-anything or huggingface", "keep")
    .option(
      "--lora-alpha <n>",
      "put the LoRA of peft, loralib or SAMed into the base: its alpha, as in adapter_config.json",
    )
    .option("--licence <text>", "what to write of the licence; default: what the file says")
    .option("--verbose", "stack traces of internal faults")
    .action(async (file, out, options) => (await import("./commands/weights.ts")).convertCommand(file, out, options))
  group
    .command("export")
    .summary("a run's base and what it learned, in one checkpoint")
    .argument("<run>")
    .argument("<out>", "ends in .safetensors or .pth")
    .option("--merge", "put what is linear, as LoRA is, into the base: its tensors and no others")
    .option("--licence <text>", "what to write of the licence; default: what the base says")
    .option("--verbose", "stack traces of internal faults")
    .action(async (run, out, options) => (await import("./commands/weights.ts")).exportCommand(run, out, options))
  group
    .command("init")
    .summary("write a model's initial values, or what another model's checkpoint gives it")
    .argument("<spec>")
    .argument("<out>")
    .option("--from <file>", "another model's checkpoint: .safetensors, .pth, or .npz of NumPy")
    .option("--names <map>", "JSON: which of its tensors begin which of the model's")
    .option("--input-size <size>", "what the model sees: 1024, or 96x128 (height x width)")
    .option("--seed <n>", "a whole number", "0")
    .option("--verbose", "stack traces of internal faults")
    .action(async (spec, out, options) => (await import("./commands/weights.ts")).initCommand(spec, out, options))
  return group
}

const data = () => {
  const group = new Command("data").summary("data sets: check them, split them, make phantoms")
  reading(group.command("check").argument("<dir>"))
    .option("--split <file>", "a saved split to check, too")
    .option("--json", "one JSON document on stdout")
    .option("--verbose", "stack traces of internal faults")
    .action(async (dir, options) => (await import("./commands/data.ts")).checkCommand(dir, options))
  finding(
    group
      .command("split")
      .summary("which images train, validate and test, as a file for --split; or k folds")
      .argument("<dir>")
      .requiredOption("--out <path>", "the file; with --folds, a folder for fold-1.json, fold-2.json …")
      .option("--folds <k>", "fold i is tested, the next one validates, the others train")
      .option("--seed <n>", "a whole number", "0"),
  )
    .option("--verbose", "stack traces of internal faults")
    .action(async (dir, options) => (await import("./commands/data.ts")).splitCommand(dir, options))
  group
    .command("phantoms")
    .summary("ultrasound-like images with masks, from a seed")
    .argument("<out>")
    .option("--count <n>", "images", "60")
    .option("--size <n>", "of the longer side, in pixels", "256")
    .option("--seed <n>", "a whole number", "0")
    .option("--verbose", "stack traces of internal faults")
    .action(async (out, options) => (await import("./commands/data.ts")).phantomsCommand(out, options))
  return group
}

/** The whole command line. */
export const program = (): Command => {
  const root = new Command("hasam")
    .description(`Typed model definitions, compiled: counts proven, freeze masks exact, models that train.`)
    .version(version)
    .showSuggestionAfterError(true)
    .addHelpText("after", `\nTargets:\n${targetLines}`)
    .addHelpText(
      "after",
      "\nExit codes: 0 fine, 1 the spec or the data is wrong, 2 usage or internal, 3 over budget, 130 interrupted.",
    )
  for (const command of [
    compile,
    run,
    segment,
    train,
    evaluate,
    compare,
    study,
    diff,
    reconcile,
    explain,
    weights,
    data,
    ...setupCommands,
  ])
    root.addCommand(command())
  const strict = (command: Command): void => {
    command.exitOverride((error) => {
      process.exitCode = error.exitCode === 0 ? exit.fine : exit.usage
      throw error
    })
    for (const inner of command.commands) strict(inner)
  }
  strict(root)
  root.hook("preAction", (_, command) => readOptions(command))
  return root
}
