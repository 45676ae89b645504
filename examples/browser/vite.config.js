// Workers as modules: tfjs is loaded in parts.
export default { base: "./", worker: { format: "es" }, build: { target: "es2022" } }
