/** An element of the page by its id. */
export const by = <E extends HTMLElement>(id: string, kind: new () => E): E => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`internal: no #${id}`)
  return found
}

/** The line that says what happens, and the bar that says how far it is. */
export const teller = (status: HTMLElement, bar: HTMLProgressElement) => {
  const say = (text: string, wrong = false): void => {
    status.textContent = text
    status.classList.toggle("error", wrong)
    bar.hidden = true
  }
  const busy = (text: string, share?: number): void => {
    say(text)
    bar.hidden = false
    if (share === undefined) bar.removeAttribute("value")
    else bar.value = share
  }
  return { say, busy }
}

/** A failure as sentences. */
export const wordsOf = ({ message, help }: { readonly message: string; readonly help?: string }): string =>
  `${message}${/[.!?]$/.test(message) ? "" : "."} ${help ?? ""}`.trim()
