/** Pieces that several kernels share. */

/** Sums `value` over the workgroup; every thread gets the total. `lanes` is a power of two. */
export const workgroupSum = (lanes: number): string => `
var<workgroup> partial: array<f32, ${lanes}>;
fn total(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var stride = ${lanes / 2}u; stride > 0u; stride >>= 1u) {
    if (lane < stride) { partial[lane] += partial[lane + stride]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  workgroupBarrier();
  return sum;
}`

/** erf to 1.5e-7: Abramowitz and Stegun, 7.1.26. */
export const erf = `
fn erf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - poly * exp(-x * x));
}`

/**
 * sin and cos to a few ulp, for |x| up to some thousands. WGSL promises only 2⁻¹¹ for its own, and software drivers take
 * them at their word, which is too little for positions. π/2 is taken off in three parts (Cody and Waite); the
 * polynomials are Taylor's, long enough for |r| ≤ π/4.
 */
export const sinCos = `
fn sinOf(r: f32) -> f32 {
  let s = r * r;
  return r * (1.0 + s * (-0.16666667 + s * (0.008333333 + s * (-0.00019841270 + s * 2.7557319e-6))));
}
fn cosOf(r: f32) -> f32 {
  let s = r * r;
  return 1.0 + s * (-0.5 + s * (0.041666667 + s * (-0.0013888889 + s * (2.4801587e-5 + s * -2.7557319e-7))));
}
fn quarterTurn(x: f32, ahead: i32) -> f32 {
  let n = round(x * 0.63661977);
  let r = ((x - n * 1.5703125) - n * 0.00048375129) - n * 7.5497900e-8;
  let quadrant = (i32(n) + ahead) & 3;
  let y = select(sinOf(r), cosOf(r), (quadrant & 1) == 1);
  return select(y, -y, quadrant >= 2);
}`
