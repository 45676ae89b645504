/** Names out of untrusted files, shown as data: short, and without characters that steer a terminal. */
export const shown = (name: string): string => {
  const printable = name.replace(/\p{C}/gu, "�")
  return printable.length > 120 ? `${printable.slice(0, 120)}…` : printable
}
