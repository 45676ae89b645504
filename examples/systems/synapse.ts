/** The nine classes of the Synapse multi-organ data, on which Swin-Unet, TransUNet, MISSFormer and SAMed were published. */
import { classes } from "hasam"

export const synapse = classes(
  "background",
  "aorta",
  "gallbladder",
  "left kidney",
  "right kidney",
  "liver",
  "pancreas",
  "spleen",
  "stomach",
)
