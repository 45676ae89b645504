// TypeDoc reads sources through TypeScript's JavaScript API, which version 7 has not: it is given 5.9, which is installed under another name.
export const resolve = (specifier, context, next) =>
  specifier === "typescript" || specifier.startsWith("typescript/")
    ? next(specifier.replace(/^typescript/, "typescript-5.9"), context)
    : next(specifier, context)
