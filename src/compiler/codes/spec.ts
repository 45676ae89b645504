import type { Explanation } from "./explanation.ts"

/** HS1xxx */
export const spec = {
  HS1001: {
    title: "there is no such spec",
    cause: "The path names no file, and no folder with an index.ts.",
    cure: "Give a TypeScript file, or a folder that has an index.ts.",
  },
  HS1002: {
    title: "the spec does not build",
    cause: "It imports a file or package that is not there, or it is not TypeScript.",
    cure: "Correct the import's path, or the syntax at the place that the message gives.",
  },
  HS1003: {
    title: "another number of parameters learns than expected",
    cause: "expectTrainable says one number, and counting the model's tensors that learn gives another.",
    cure: "Correct the model or the number; `hasam-compile --update` writes the right number in place.",
  },
  HS1004: {
    title: "the model has another number of parameters than expected",
    cause: "expectTotal says one number, and counting the model's parameters gives another.",
    cure: "Correct the model or the number; `hasam-compile --update` writes the right number in place.",
  },
  HS1005: {
    title: "the spec throws",
    cause: "Evaluating the spec ended in an exception.",
    cure: "Correct the expression at the place that the message gives.",
  },
  HS1006: {
    title: "the spec does not end",
    cause: "Evaluating the spec took longer than 30 seconds, as an endless loop would.",
    cure: "Look for a loop that never ends; a spec describes a model and should take milliseconds.",
  },
  HS1007: {
    title: "the spec ends the process",
    cause: "The spec calls process.exit, or ran out of memory, before its exports were there.",
    cure: "A spec only describes a model: leave out what ends the process.",
  },
  HS1008: {
    title: "the spec exports no model",
    cause: "None of the spec's exports is a model.",
    cure: "Export what pipe(…) gives: `export const mine = pipe(samVitB, freezeAll, …)`.",
  },
  HS1010: {
    title: "a layer does not follow the one before it",
    cause: "In a sequence, a layer takes another number of features than the layer before it gives.",
    cure: "Give both the same width.",
  },
  HS1011: {
    title: "a residual connection changes the width",
    cause: "x + f(x) needs f to give back as many features as it takes.",
    cure: "End f with a layer back to the width that it takes.",
  },
  HS1012: {
    title: "an adapter changes the width",
    cause: "What is put into a block must give back the width that it takes.",
    cure: "End the adapter with a layer back to the block's width.",
  },
  HS1013: {
    title: "there is no such block",
    cause: "A schedule or selector names a block that the backbone does not have; blocks count from 1.",
    cure: "Use a number from 1 to the backbone's depth.",
  },
  HS1014: {
    title: "a schedule has another depth than the backbone",
    cause: "The schedule gives ranks for another number of blocks than the backbone has.",
    cure: "Make a schedule for as many blocks as the backbone has.",
  },
  HS1015: {
    title: "adapters have another width than the backbone",
    cause: "The adapters take another number of features than the backbone's blocks have.",
    cure: "Make them for the backbone's width: 768 in ViT-B, 1024 in ViT-L, 1280 in ViT-H.",
  },
  HS1016: {
    title: "nothing would learn",
    cause: "Every part is frozen, and something is expected of what learns.",
    cure: "Add an adaptation or unfreeze a part.",
  },
  HS1017: {
    title: "a rank is not a positive whole number",
    cause: "The schedule gives a block a rank that is zero, negative, or not a number.",
    cure: "Correct the formula; for a block without adapters use without(…), or null in table([…]).",
  },
  HS1018: {
    title: "a selector hits nothing",
    cause:
      "A freeze or unfreeze names a part, block, module or tensor that the model does not have, or freeze a part of which nothing learns.",
    cure: "Use one of the nearest names that the message gives, or one of the report's; leave out what is frozen already.",
  },
  HS1019: {
    title: "the model is over its budget",
    cause: "More learns than budget({ … }) allows.",
    cure: "Make the adapters smaller, or the budget larger. The exit code is 3.",
  },
  HS1020: {
    title: "there is no such linear layer",
    cause: "lora({ on }) names something that is no linear layer of the block.",
    cure: "Use q, k or v for slices of attn.qkv, or a path such as attn.proj or mlp.lin1.",
  },
  HS1021: {
    title: "a width is not a whole number",
    cause: "A layer was given a width that is not a positive whole number of features.",
    cure: "Round it, or take a rank from a schedule.",
  },
  HS1022: {
    title: "a layer does not fit what it is given",
    cause: "Running the layers on paper, with the real shapes, one of them cannot take what it gets.",
    cure: "Correct the layer at the place that the message gives.",
  },
  HS1023: {
    title: "an adapter does not start as the identity",
    cause: "In series, an adapter without a residual connection of its own starts at zero and erases what it is given.",
    cure: "Wrap it: residual(sequential(…)).",
  },
  HS1024: {
    title: "something learns but receives no gradient",
    cause: "The tensor is not frozen, but the loss does not depend on it with these prompts: it would never change.",
    cure: "Freeze it, or prompt the model so that it is used.",
  },
  HS1025: {
    title: "the type checker did not run",
    cause:
      "The native TypeScript compiler could not be started, or the folder for temporary files cannot be written. What was not checked does not pass.",
    cure: "Reinstall with npm ci, or set TMPDIR to a folder that can be written.",
  },
  HS1026: {
    title: "a ratio is used as a width",
    cause: "A ratio is a share of the width, not a number of features.",
    cure: "Multiply it by a width in a schedule, which rounds it to a rank.",
  },
  HS1027: {
    title: "a block has no such place",
    cause:
      "A placement names a child that the block does not have or never calls, or wants a residual connection where there is none.",
    cure: "Use one of the nearest places that the message gives; a place is a path of the block's children, such as mlp or attn.proj.",
  },
  HS1028: {
    title: "what a model takes is not what its network takes",
    cause: "takes names an input that the network does not have, or leaves out one that it needs.",
    cure: "Name the network's own inputs, each once; what may be missing is optional(…) in the network.",
  },
  HS1029: {
    title: "an output cannot be taught this",
    cause:
      "teaches or keeps names an output that the network does not have, or one of another shape than what it is taught.",
    cure: "Name an output of the network, of the shape that is taught: masks() one plane, classes(…) a plane for each name, point() two numbers.",
  },
  HS1030: {
    title: "the loss cannot compare what the model teaches",
    cause:
      "A loss is of one kind of output: dice and bceWithLogits of a mask, crossEntropy of classes, mse of a point.",
    cure: "Use a loss of what the model is taught; where it teaches several, say on(output, loss).",
  },
  HS1031: {
    title: "the model takes no such prompt",
    cause: "The training asks with a point or a box, and the model has no input for it.",
    cure: "Leave the prompt out, or give the model points() or boxes() among what it takes.",
  },
  HS1032: {
    title: "there are no blocks at this path",
    cause: "blocks is the path of a list or sequence of layers of the network, and nothing of the kind is there.",
    cure: "Give the path as the tensors' names have it, such as encoder.blocks.",
  },
  HS1033: {
    title: "autoLr has no blocks to put in order",
    cause:
      "AutoLR tunes the rates of blocks until later ones move more than earlier ones; fewer than two blocks of the model learn.",
    cure: "Leave autoLr out, or let several blocks learn. Which layers are blocks, the model's `blocks` says.",
  },
  HS1040: {
    title: "a number makes no sense",
    cause:
      "A function of the language was given a number that it can do nothing with: negative, fractional, not finite, or absurd.",
    cure: "Give a number in the range that the message names.",
  },
  HS1041: {
    title: "an expectation that nothing checks",
    cause: "expectTrainable, expectTotal or budget is on a model that the spec does not export.",
    cure: "Export the model, or leave the expectation out.",
  },
  HS1042: {
    title: "imports in a circle",
    cause: "The files of the spec import one another, so one of them runs before what it needs is there.",
    cure: "Move what they share into a file of its own.",
  },
  HS1043: {
    title: "what looks like a model is none",
    cause: "An export says that it is a model, but it was not made by the language, or a layer contains itself.",
    cure: "Make models with model(…) or a named one, and pipe(…).",
  },
  HS1044: {
    title: "more parameters than can be counted",
    cause: "The model has 2⁵³ parameters or more, and from there on counts would be rounded.",
    cure: "Make the model smaller; look for a width or a size with too many digits.",
  },
  HS1045: {
    title: "adapters that do not learn",
    cause:
      "Everything is frozen after the adapters were added, so they are frozen too; or adapt adds none to any block.",
    cure: "Put freezeAll before adapt, and give it a schedule and a function that leave a block with an adapter.",
  },
  HS1046: {
    title: "nothing is frozen beside the adapters",
    cause: "Adapters were added to a model of which nothing is frozen: all of it learns.",
    cure: "Put freezeAll before adapt, if only the adapters are to learn.",
  },
  HS1047: {
    title: "a number is given for a rank",
    cause: "Ranks are whole numbers that a schedule gives; a plain number is not known to be one.",
    cure: "Take the rank that adapt gives: adapt(uniform(12, 64), (rank) => [ … ]).",
  },
  HS1048: {
    title: "a rank larger than the width",
    cause:
      "An adapter of a rank over the width that it adapts is no bottleneck: it has more parameters than a full layer.",
    cure: "Take a smaller rank.",
  },
  HS1049: {
    title: "something else than what a function takes",
    cause:
      "A function of the language was given a number where a layer is meant, nothing where a name is meant, a placement where a list of them is meant, and the like.",
    cure: "Give what the message asks for; of adapt: adapt(ranks, (rank) => [afterAttention(adapter(rank))]).",
  },
  HS1050: {
    title: "the analysis does not end",
    cause: "Counting, planning and costing one model took longer than 60 seconds.",
    cure: "Look for an image size, a depth or a factor with too many digits. HASAM_ANALYSIS_LIMIT, in milliseconds, gives more time.",
  },
  HS1051: {
    title: "a whole number as a name in a chain",
    cause:
      "The layers of a chain run in the order of their names as JavaScript keeps it, and JavaScript puts names that are whole numbers first, by size, wherever they are written.",
    cure: "Write sequential(…), whose layers are called 0, 1, …, or take names that are words.",
  },
  HS1060: {
    title: "a study that cannot be run",
    cause:
      "A study compares exported trainings and models, by their names. One of them is not exported, is none, or a list says nothing or the same twice.",
    cure: 'Export each training and its model from the spec of the study: export { unet, unetTraining } from "./small.ts".',
  },
  HS1061: {
    title: "the trainings of a study have other budgets",
    cause: "Epochs, batch or accumulated batches differ between what a study compares, so one sees more than another.",
    cure: "Give all of them the same, or say in the text why not.",
  },
} as const satisfies Record<`HS1${number}`, Explanation>
