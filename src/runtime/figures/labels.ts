/** A colour for each class or object, told apart by people with any colour vision (Okabe and Ito 2008); 0, the background, is black. */
const colours = [0xe69f00, 0x56b4e9, 0x009e73, 0xf0e442, 0x0072b2, 0xd55e00, 0xcc79a7, 0xffffff]
export const colourOf = (label: number): number => (label === 0 ? 0 : colours[(label - 1) % colours.length]!)
/** As bytes: red, green, blue. */
export const bytesOf = (colour: number): readonly [number, number, number] => [
  colour >> 16,
  (colour >> 8) & 255,
  colour & 255,
]
