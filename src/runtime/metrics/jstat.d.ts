/** What is used of jStat, which brings no types. */
declare module "jstat" {
  interface JStat {
    /** The regularized incomplete beta function I_x(a, b). */
    ibeta(x: number, a: number, b: number): number
    readonly normal: { cdf(x: number, mean: number, sd: number): number }
  }
  const jstat: JStat
  export default jstat
}
