/** How a terminal sets text apart; a report that goes to a file is plain. */
export interface Colors {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
}

const same = (text: string): string => text

export const plain: Colors = { bold: same, dim: same, red: same, green: same, yellow: same }
