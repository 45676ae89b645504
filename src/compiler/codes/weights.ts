import type { Explanation } from "./explanation.ts"

/** HS3xxx: checkpoints, as files (HS300x) and against a model (HS301x). */
export const weights = {
  HS3001: {
    title: "not a checkpoint",
    cause:
      "The file is neither safetensors nor what torch.save or NumPy's savez writes, judged by its content and not by its name.",
    cure: "Give a .safetensors file, a .pth, .pt or .bin file written by torch.save, or a .npz of NumPy.",
  },
  HS3002: {
    title: "a checkpoint is damaged or cut off",
    cause: "The file ends too early, or its header, archive or pickle cannot be read as what it claims to be.",
    cure: "Copy or download the file again and compare its size and checksum with the source's.",
  },
  HS3003: {
    title: "a checkpoint describes impossible tensors",
    cause:
      "Sizes or offsets are negative, too large, overlap, leave holes, or point outside the file. No honest writer does this.",
    cure: "Copy the file again; if it stays so, do not trust its source.",
  },
  HS3004: {
    title: "a tensor is stored in a form that is not read",
    cause: "Its dtype or layout (quantized, sparse, 8-bit floats, big-endian) has no float32 reading here.",
    cure: "Save it from PyTorch as a dense float32 tensor: `{k: v.float() for k, v in state.items()}`.",
  },
  HS3005: {
    title: "a pickle asks for more than tensors",
    cause:
      "A .pth file is a pickle, and a pickle can name any Python function to be called. This one names something that weights do not need. Nothing was executed.",
    cure: "If you trust the file, load it in PyTorch and save only `model.state_dict()`; otherwise discard it.",
  },
  HS3006: {
    title: "an archive is refused",
    cause: "The archive is encrypted, has overlapping members, or it or its pickle grows beyond any checkpoint.",
    cure: "Load it in PyTorch, if you trust it, and save it again with torch.save.",
  },
  HS3007: {
    title: "no state dict in the file",
    cause:
      "The file is readable, but holds no dictionary from names to tensors: a program, an optimizer, a single tensor.",
    cure: "Save `model.state_dict()`.",
  },
  HS3010: {
    title: "tensors of the model are missing in the checkpoint",
    cause:
      "Loading is strict: every tensor of the model must come from the file, except those that the spec initialises.",
    cure: "The message names the likely cause: another ViT, a file of adapters only, another naming.",
  },
  HS3011: {
    title: "the checkpoint has tensors that the model lacks",
    cause: "Loading is strict: a tensor that nothing uses means that file and model are not the same architecture.",
    cure: "Give the checkpoint of this model, or say the difference in the spec.",
  },
  HS3012: {
    title: "tensors have another shape than the model's",
    cause:
      "The file was saved from a model of another width, window size, set of global blocks, or number of classes. Position tables of another image size are resized and are not an error.",
    cure: "The message names the likely cause; give the matching checkpoint or change the spec.",
  },
  HS3013: {
    title: "weights are not finite",
    cause: "Tensors hold NaN or infinity: the training that wrote the file diverged, or values overflowed float32.",
    cure: "Use an earlier checkpoint of that run.",
  },
  HS3014: {
    title: "adapters were trained on another base",
    cause: "The file holds only what learns, and the hash of the frozen base in it is not that of the base given now.",
    cure: "Give the base checkpoint that the adapters were trained on.",
  },
  HS3015: {
    title: "not a file of only what learns",
    cause: "The file lacks the metadata that hasam writes beside adapters: version, model, spec and base.",
    cure: "Give the file that `hasam train` wrote, or load a full checkpoint with --weights.",
  },
  HS3016: {
    title: "two tensors of the checkpoint have one name",
    cause: "After wrappers and naming conventions are undone, two tensors with different values claim the same name.",
    cure: "Remove one of them from the file.",
  },
  HS3017: {
    title: "a checkpoint cannot be converted so",
    cause: "The wanted format or naming cannot hold these tensors.",
    cure: "Choose safetensors, or keep the names.",
  },
  HS3018: {
    title: "an adapter cannot be put into the base",
    cause:
      "A base takes in what is linear where it stands: low-rank updates, and adapters without a nonlinearity before, after or beside a linear layer. Others change the network itself.",
    cure: "Leave --merge out: the checkpoint then holds the adapters beside the base, for this spec.",
  },
  HS3019: {
    title: "a map of names cannot be read",
    cause:
      "`hasam weights init --from FILE --names MAP` reads from a JSON file which tensors of another model begin this one's. It is not JSON, or a rule of it cannot be followed.",
    cure: 'Write { "tensors": { "their.*": "our.*" }, "leftOut": [ … ], "initial": [ … ] }.',
  },
} as const satisfies Record<`HS3${number}`, Explanation>
