/**
 * Section 3.3: a ResNet-18 that points at the target, so that nobody has to click. Its fully connected layer gives x and y.
 *
 *     hasam train examples/localizer --data my-images --out runs/localizer
 *     hasam eval runs/localizer --save-points points.csv
 *     hasam train examples/ha-sam#millions --data my-images --prompt localizer --points points.csv …
 *
 * Trained with mean squared error to the mask's centre, from 0 to 1; a point is right if it falls inside the mask. Tensors have torchvision's
 * names: its ImageNet weights load.
 */
import {
  adam,
  batchNorm2d,
  conv2d,
  cosineRate,
  define,
  expectTotal,
  features,
  forward,
  globalAveragePool,
  imageNet,
  type Layer,
  linear,
  maxPool2d,
  model,
  mse,
  pipe,
  pixels,
  point,
  relu,
  sequential,
  training,
} from "hasam"

/** Two 3 × 3 convolutions around a residual connection; where the width changes, at half the size, with a 1 × 1 convolution on the connection. */
export const basicBlock = (takes: number, gives: number): Layer<number, number> => {
  const stride = takes === gives ? 1 : 2
  const body = {
    conv1: conv2d(takes, gives, 3, { stride, padding: 1, bias: false }),
    bn1: batchNorm2d(gives),
    relu,
    conv2: conv2d(gives, gives, 3, { padding: 1, bias: false }),
    bn2: batchNorm2d(gives),
  }
  if (stride === 1)
    return define("BasicBlock", body, features(takes), (m, x) =>
      m.relu(forward.add(m.bn2(m.conv2(m.relu(m.bn1(m.conv1(x))))), x)),
    )
  const downsample = sequential(conv2d(takes, gives, 1, { stride, bias: false }), batchNorm2d(gives))
  return define("BasicBlock", { ...body, downsample }, features(takes), (m, x) =>
    m.relu(forward.add(m.bn2(m.conv2(m.relu(m.bn1(m.conv1(x))))), m.downsample(x))),
  )
}
const stage = (takes: number, gives: number) => sequential(basicBlock(takes, gives), basicBlock(gives, gives))

/** ResNet-18, 64 features wide, or a narrower one. */
export const resnet = (width = 64) =>
  define(
    "ResNet",
    {
      conv1: conv2d(3, width, 7, { stride: 2, padding: 3, bias: false }),
      bn1: batchNorm2d(width),
      relu,
      maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
      layer1: stage(width, width),
      layer2: stage(width, 2 * width),
      layer3: stage(2 * width, 4 * width),
      layer4: stage(4 * width, 8 * width),
      avgpool: globalAveragePool,
      fc: linear(8 * width, 2),
    },
    { image: features(3) },
    (m, { image }) => {
      const x = m.maxpool(m.relu(m.bn1(m.conv1(image))))
      return { point: m.fc(m.avgpool(m.layer4(m.layer3(m.layer2(m.layer1(x)))))) }
    },
  )

/** x and y, from 0 to 1, of the square that the image is padded to. */
export const localizer = pipe(
  model(resnet(), {
    name: "ResNet-18",
    takes: { image: pixels({ size: 128, fit: "longestSide", ...imageNet }) },
    teaches: { point: point() },
  }),
  expectTotal(11_177_538),
)

export const pointing = training(localizer, {
  optimizer: adam({ rate: 1e-3 }),
  loss: mse(),
  epochs: 20,
  batch: 8,
  rateSchedule: cosineRate({ warmup: 1, floor: 0.02 }),
})
