import type { Explanation } from "./explanation.ts"

/** HS5xxx */
export const run = {
  HS5001: {
    title: "a configuration file is not readable",
    cause: "A file given on the command line is not JSON, or has another form than it should.",
    cure: "Write it in the form that the message shows.",
  },
  HS5002: {
    title: "an option has a value that it cannot have",
    cause: "The value on the command line is not one of those that the option knows.",
    cure: "Give one of the values that the message lists.",
  },
  HS5201: {
    title: "an input is missing",
    cause: "The file of inputs lacks a tensor that the model needs.",
    cure: "Save the tensor under the name that the message gives; the image always, coordinates and labels of points together.",
  },
  HS5202: {
    title: "an input has the wrong shape",
    cause: "A tensor's shape does not fit the model, or does not agree with the other inputs.",
    cure: "Save it in the shape that the message gives; a batch of one still has its axis.",
  },
  HS5203: {
    title: "an input has values that are not finite",
    cause: "NaN or infinity is among the values.",
    cure: "Look for a division by zero or an uninitialised array in what wrote the file.",
  },
  HS5204: {
    title: "an input is unknown",
    cause: "The file has a tensor that is not an input of the model.",
    cure: "Rename it to an input's name, or leave it out.",
  },
  HS5205: {
    title: "a prompt lies outside the image",
    cause: "A point or box is not within the image, a label is not −1, 0 or 1, or a box ends before it begins.",
    cure: "Give prompts in the pixels of the resized image that is fed, x first.",
  },
  HS5206: {
    title: "an image in 0…1 where 0…255 is meant",
    cause:
      "No value of the image is over 1. Models take raw values and normalise them themselves: to this one the image is black.",
    cure: "Multiply it by 255; normalisation is the model's.",
  },
  HS5301: {
    title: "training gave values that are not finite",
    cause:
      "The loss, or what learns, became NaN or infinite: the learning rate is too high, or the data has such values.",
    cure: "Go on with --resume and a lower --rate: the last good checkpoint was kept.",
  },
  HS5302: {
    title: "the run folder belongs to another spec",
    cause: "The folder holds a run of a model with other layers, another mask, or other training settings.",
    cure: "Give another --out, or the spec that the run was started with.",
  },
  HS5303: {
    title: "the run folder holds a run already",
    cause: "There is a checkpoint in the folder, and starting anew would overwrite it.",
    cure: "Add --resume to go on with it, or give another --out.",
  },
  HS5304: {
    title: "there is nothing to resume",
    cause: "--resume was given, and the folder holds no checkpoint of a run.",
    cure: "Leave --resume out to start the run, or give the folder of the run.",
  },
  HS5305: {
    title: "nothing would learn",
    cause: "Every tensor of the model is frozen, or the loss reaches none of those that are not.",
    cure: "Add an adaptation, or unfreeze a part on which the output depends.",
  },
  HS5306: {
    title: "the run's files are damaged",
    cause: "A file of the run folder is not what was written there.",
    cure: "Restore the folder from a copy, or start the run again in another folder.",
  },
  HS5307: {
    title: "too few images to train",
    cause:
      "The training part of the data has fewer images than one batch takes, or --patience waits for the validation of no images.",
    cure: "Give more images, or a smaller --batch, or leave --patience out.",
  },
  HS5308: {
    title: "pixels and millimetres would be mixed",
    cause:
      "Some of the images to evaluate have a pixel spacing and others have none, so their distances have two units; or a spacing is no millimetres: images would be metres wide.",
    cure: "Give the table a spacing for every image, in millimetres per pixel, or for none.",
  },
  HS5309: {
    title: "another process holds the run's folder",
    cause: "A training writes into the folder just now. Two in one folder would overwrite one another's checkpoints.",
    cure: "Wait for the other one, stop it, or give another --out. A lock that a crash left goes by itself at the next start.",
  },
  HS5310: {
    title: "the checkpoint is another run's",
    cause:
      "The checkpoint says which run and which base weights it belongs to, and these are others: it was copied here, or the weights were changed.",
    cure: "Restore the folder from a copy, or start the run again in another folder.",
  },
  HS5311: {
    title: "a model takes no image, or teaches nothing",
    cause:
      "Samples are images with masks: a model that takes no image cannot be fed, and one that teaches nothing has no answer to compare.",
    cure: "Say takes: { image: pixels({ … }) } and teaches: { masks: masks() } in model(…).",
  },
  HS5312: {
    title: "what is frozen has never learned",
    cause:
      "A part of the model is frozen, and no checkpoint gives its values: it stays a random function of the image, on which the rest is trained.",
    cure: "Give the checkpoint of the base with --weights, or freeze nothing that has not learned.",
  },
  HS5313: {
    title: "the model has found nothing",
    cause:
      "In every epoch, no pixel of any validation image was right. The rate, the class, the weights or the number of epochs are wrong; a result of such a run means nothing.",
    cure: "Look at a sheet of `hasam eval --figures`. Train longer or with another --rate; is the right --class taught, and are --weights those of the base?",
  },
  HS5331: {
    title: "a folder with the masks of something else",
    cause:
      "The folder was begun with another model, other prompts or other options, and its table would mix both; or it holds masks that hasam segment did not write, such as a data set's.",
    cure: "Give another --out.",
  },
  HS5330: {
    title: "nothing to evaluate",
    cause: "No image is in the part that was asked for, or all masks are empty and prompts are taken from them.",
    cure: "Evaluate another part, or all with --part all; give points with --prompt file where masks are empty.",
  },
  HS5340: {
    title: "there is no such study",
    cause: "The spec exports no study, or several and none was named, or none of that name.",
    cure: "Export study({ trainings: [ … ] }), and name it as spec#name.",
  },
  HS5341: {
    title: "the folder holds another study",
    cause: "A study of other models, options, data or splits was begun in the folder; its tables would mix both.",
    cure: "Give another --out, or what the study was begun with.",
  },
  HS5342: {
    title: "a job of the study failed",
    cause: "One of several processes ended with an error. What the others finished is kept.",
    cure: "Read the log that the message names, and start the same command again: it goes on where it stood.",
  },
} as const satisfies Record<`HS5${number}`, Explanation>
