import type { Explanation } from "./explanation.ts"

/** HS4xxx: files, data sets, images, splits, prompts, results. */
export const data = {
  HS4001: {
    title: "a file cannot be written",
    cause: "The disk is full, the folder is read-only, or permission is denied. What was there before is unchanged.",
    cure: "Free space, or choose another place.",
  },
  HS4002: {
    title: "a file or folder cannot be read",
    cause: "It does not exist, or permission is denied.",
    cure: "Check the path and its permissions.",
  },
  HS4101: {
    title: "no known layout of data",
    cause:
      "The folder holds neither a table of images and masks, nor Kaggle's, nor BUSI's files, nor folders of images and masks; or several tables.",
    cure: "Arrange the files in one of the layouts, or give the path of the table.",
  },
  HS4102: {
    title: "there are no images",
    cause: "The layout was recognised, and its folders or its table hold no image of a known kind.",
    cure: "Check that the archive was unpacked whole, and that the images are PNG, JPEG or TIFF.",
  },
  HS4103: {
    title: "an image without a mask",
    cause: "No mask has the image's name, and no row of the table names it.",
    cure: "Add the mask, an all-black one where there is nothing to find, or take the image away.",
  },
  HS4104: {
    title: "a mask without an image",
    cause: "A mask, or a row of the table of masks, belongs to an image that is not there.",
    cure: "Add the image, or take the mask away.",
  },
  HS4105: {
    title: "a table cannot be used",
    cause: "It is not comma-separated text with a header, a column is missing, or a row lacks a value.",
    cure: "Correct the line that the message names.",
  },
  HS4106: {
    title: "run lengths of a mask are wrong",
    cause: "They are not pairs of start and length, overlap, or run over the end of the image.",
    cure: "Write pairs counted from 1, down the columns, for the image as it is stored.",
  },
  HS4107: {
    title: "a case twice",
    cause: "Two images or two rows have the same name, so results could not be told apart.",
    cure: "Keep one of them, or give each an id.",
  },
  HS4201: {
    title: "an image cannot be read",
    cause: "The file is cut off, damaged, empty, or no image at all.",
    cure: "Copy it again, or leave the case out.",
  },
  HS4202: {
    title: "a mask that does not fit its image",
    cause:
      "A mask has one value for each pixel of its image, and this one has other sides; or its image is turned by an orientation tag, of which the mask knows nothing.",
    cure: "Export the mask again at the image's size; save turned images upright, without the tag.",
  },
  HS4203: {
    title: "a mask of several classes",
    cause: "The mask holds several values beside 0, and which one is foreground was not said.",
    cure: "Choose one with --class.",
  },
  HS4204: {
    title: "masks are stored in several ways",
    cause:
      "Some masks of the data hold 0 and 1, others 0 and 255, or were blurred by a lossy format. They are read correctly here, but other programs may take some of them for empty.",
    cure: "Save all masks alike, as PNG with 0 and 255.",
  },
  HS4205: {
    title: "empty masks",
    cause: "Some masks, or all of them, have no foreground: nothing to learn, and no place for a prompt.",
    cure: "Where it is right that nothing is there, leave it: such cases are tested but not prompted. Where all are empty, the class or the encoding is wrong.",
  },
  HS4206: {
    title: "one class only",
    cause: "Every pixel of every mask is foreground, or all cases are of one of the data set's classes.",
    cure: "Check what was exported or unpacked; nothing can be told apart in such data.",
  },
  HS4207: {
    title: "the same image twice",
    cause:
      "Several files hold the same pixels; in two parts of a split they would let a model be tested on what it has learnt.",
    cure: "Keep one of them, or keep them in the same part.",
  },
  HS4208: {
    title: "an image of a kind that is not read",
    cause:
      "The file is of another format, or holds samples, a compression or colours that are not read. It is told by name, so that it is not taken for a missing or a damaged file.",
    cure: "Save it as PNG, TIFF, DICOM or NIfTI; decompress a DICOM first.",
  },
  HS4209: {
    title: "an image whose black and white are unknown",
    cause:
      "The image has more than 8 bits, or other values than 0 to 255, and neither what it says of itself nor what it holds tells which of its values are black and white.",
    cure: "Say it with --window LOW,HIGH, such as --window 0,4095 for 12 bits, or --window image for each image's own least and greatest value.",
  },
  HS4210: {
    title: "several images in one file",
    cause: "A video, a volume, an animation or a TIFF of several pages does not say which of its images is meant.",
    cure: "Save each frame or slice as a file of its own.",
  },
  HS4211: {
    title: "an image too large to be decoded",
    cause:
      "Its header says more pixels than any image that is meant to be segmented has. Memory is bounded before a file is decoded, because a small file can hold a very large image.",
    cure: "Cut out or shrink what is to be segmented.",
  },
  HS4212: {
    title: "some masks are inverted",
    cause:
      "In most masks the foreground is an island; in some it is nearly everything, all four corners included: there, background was saved as foreground.",
    cure: "Invert those masks' files; if it is all of them, say --inverted.",
  },
  HS4213: {
    title: "images that show nothing",
    cause: "An image holds one value only, or is so dark that nothing can be told apart in it.",
    cure: "Look at the file; if its values are of another range, say it with --window.",
  },
  HS4214: {
    title: "images of different ranges",
    cause:
      "The images' depth was told from their values, and it is not the same one for all: a dark image was taken for one of fewer bits, and would be shown brighter than the others.",
    cure: "Say for all of them which values are black and white, with --window.",
  },
  HS4215: {
    title: "an image of which there can be no DICOM Segmentation",
    cause:
      "A segmentation lies in the patient as its image does. This file is no DICOM, or does not say where it lies: most ultrasound has no frame of reference, and none is invented.",
    cure: "Write plain masks, with --format png or nifti.",
  },
  HS4301: {
    title: "a leak between the parts of a split",
    cause: "A case or a subject is in two of training, validation and test.",
    cure: "Split by subject.",
  },
  HS4302: {
    title: "too little data to split",
    cause: "There are fewer subjects, or cases where no subject is known, than parts or folds.",
    cure: "Add data, or take fewer parts or folds.",
  },
  HS4303: {
    title: "a split that does not fit the data",
    cause: "The file is not a split, or it names cases that the data lack.",
    cure: "Use the split that was made for these data, or have the data split anew.",
  },
  HS4304: {
    title: "subjects are unknown",
    cause:
      "Nothing says which images are of one person, so images of one person may be trained and tested on, which flatters a result.",
    cure: "Give a table with a column 'subject', or the pattern of the subject in the images' names with --subject.",
  },
  HS4401: {
    title: "a file of points cannot be used",
    cause: "It is neither a csv with the columns id, x, y nor JSON of that content.",
    cure: "Correct the line that the message names.",
  },
  HS4402: {
    title: "a case has no usable prompt",
    cause:
      "No point, box or mask is given for the case, it lies outside the image, or the mask shows no object or several.",
    cure: "Add one, in pixels of the original image, x first; a mask is of the image's size and shows one object.",
  },
  HS4501: {
    title: "results that cannot be compared",
    cause: "Two results are not of the same cases, or a test has fewer than two values.",
    cure: "Evaluate both on the same split of the same data.",
  },
} as const satisfies Record<`HS4${number}`, Explanation>
