/** Elements of a page by their ids. */
export const by = <E extends HTMLElement>(id: string, kind: new () => E): E => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`internal: no #${id}`)
  return found
}

/** What both pages have. */
export const common = {
  name: by("name", HTMLElement),
  stage: by("stage", HTMLElement),
  drop: by("drop", HTMLElement),
  folder: by("folder", HTMLInputElement),
  status: by("status", HTMLElement),
  progress: by("progress", HTMLProgressElement),
  retry: by("retry", HTMLButtonElement),
  weights: by("weights", HTMLInputElement),
  engine: by("engine", HTMLElement),
} as const
