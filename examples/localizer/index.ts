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
  buffer,
  conv2d,
  cosineRate,
  define,
  expectTotal,
  forward,
  globalAveragePool,
  type Layer,
  linear,
  maxPool2d,
  model,
  mse,
  pipe,
  relu,
  sequential,
  training,
} from "hasam"

/** Two 3 × 3 convolutions around a residual connection; where the width changes, a 1 × 1 convolution on the connection. */
const block = (takes: number, gives: number, stride: number): Layer<number, number> => {
  const body = {
    conv1: conv2d(takes, gives, 3, { stride, padding: 1, bias: false }),
    bn1: batchNorm2d(gives),
    relu,
    conv2: conv2d(gives, gives, 3, { padding: 1, bias: false }),
    bn2: batchNorm2d(gives),
  }
  const signature = { takes, gives, inputs: ["x"] }
  if (stride === 1)
    return define("BasicBlock", body, signature, (m, { x }) => ({
      out: m.relu(forward.add(m.bn2(m.conv2(m.relu(m.bn1(m.conv1(x!))))), x!)),
    }))
  const downsample = sequential(conv2d(takes, gives, 1, { stride, bias: false }), batchNorm2d(gives))
  return define("BasicBlock", { ...body, downsample }, signature, (m, { x }) => ({
    out: m.relu(forward.add(m.bn2(m.conv2(m.relu(m.bn1(m.conv1(x!))))), m.downsample(x!))),
  }))
}
const stage = (takes: number, gives: number): Layer<number, number> =>
  sequential(block(takes, gives, takes === gives ? 1 : 2), block(gives, gives, 1))

/** ImageNet's means and deviations, of pixels from 0 to 255. */
const pixels = (values: readonly number[]) =>
  buffer([3, 1, 1], { values: values.map((x) => 255 * x) }, { persistent: false })

/** ResNet-18, 64 features wide, or a narrower one. */
export const resnet = (width = 64) =>
  define(
    "ResNet",
    {
      mean: pixels([0.485, 0.456, 0.406]),
      std: pixels([0.229, 0.224, 0.225]),
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
    { takes: 3, gives: 2, inputs: ["image"] },
    (m, { image }) => {
      const x = m.maxpool(m.relu(m.bn1(m.conv1(forward.div(forward.sub(image!, m.mean), m.std)))))
      return { point: m.fc(m.avgpool(m.layer4(m.layer3(m.layer2(m.layer1(x)))))) }
    },
  )

/** x and y, from 0 to 1, of the square that the image is padded to. */
export const localizer = pipe(model(resnet(), { name: "ResNet-18", input: [3, 128, 128] }), expectTotal(11_177_538))

export const pointing = training(localizer, {
  optimizer: adam({ rate: 1e-3 }),
  loss: mse(),
  epochs: 20,
  batch: 8,
  rateSchedule: cosineRate({ warmup: 1, floor: 0.02 }),
})
