// Elementwise functions shared by every kernel that evaluates expressions. F is f32 or vec4f, B bool or
// vec4<bool>, and I i32 or vec4<i32>, so each function is written once. The host keeps those that a
// kernel calls.
//
// Numerics: a shader compiler may assume that no NaN or infinity occurs. WGSL permits exp an error of
// 3 + 2·|x| units in the last place and log one of 2⁻²¹ around 1, and has no function for what is left
// when 1 is taken away. So those that need more digits are polynomials, whose coefficients are
// Moshier's (Cephes, expf and logf). docs/numerics.md states how far each is off.

alias F = f32;
alias B = bool;
alias I = i32;

// What rounding took from total + part, which is `sum`: Knuth's TwoSum. Drivers that compute as if floats
// did not round would make 0 of it (Mesa's does); they know nothing of the differences of what max gives.
fn roundedOff(total: F, part: F, sum: F) -> F {
  let whole = max(sum, F(-1e38));
  let added = max(whole - total, F(-1e38));
  return (total - (whole - added)) + (part - added);
}

// A sum with what its roundings took, unless it is infinite: ∞ − ∞ is no part of it.
fn corrected(total: F, lost: F) -> F {
  return select(total + lost, total, abs(total) > F(3.4028234e38));
}

// y, but NaN where x is: clamping may have lost it. Only bits tell.
fn keepNan(x: F, y: F) -> F {
  return select(y, x, (bitcast<I>(x) & I(0x7fffffff)) > I(0x7f800000));
}

// 2ⁿ for whole n in [−126, 127].
fn powerOfTwo(n: F) -> F {
  return bitcast<F>((I(n) + I(127)) * I(0x00800000));
}

// The whole n for which x = n·ln 2 + r, |r| ≤ ½ ln 2.
fn powersIn(x: F) -> F {
  return floor(x * F(1.44269504) + F(0.5));
}

// exp(r) − 1. ln 2 is taken away in two parts: n times the first is exact.
fn expm1Rest(x: F, n: F) -> F {
  let r = (x - n * F(0.693359375)) + n * F(2.12194440e-4);
  var p = F(1.9875691500e-4) * r + F(1.3981999507e-3);
  p = p * r + F(8.3334519073e-3);
  p = p * r + F(4.1665795894e-2);
  p = p * r + F(1.6666665459e-1);
  p = p * r + F(5.0000001201e-1);
  return p * (r * r) + r;
}

// exp(x). The power of two is taken in two factors, since it may be none that F holds.
fn expPrecise(x: F) -> F {
  let at = clamp(x, F(-104.0), F(89.0));
  let n = powersIn(at);
  let half = floor(n * F(0.5));
  return keepNan(x, (expm1Rest(at, n) + F(1.0)) * powerOfTwo(half) * powerOfTwo(n - half));
}

// exp(x) − 1 = ((exp(r) − 1) + (1 − 2⁻ⁿ))·2ⁿ, whose middle is exact.
fn expm1(x: F) -> F {
  let at = clamp(x, F(-60.0), F(89.0));
  let n = powersIn(at);
  let half = floor(n * F(0.5));
  let rest = expm1Rest(at, n) + (F(1.0) - powerOfTwo(max(-n, F(-126.0))));
  return keepNan(x, rest * powerOfTwo(half) * powerOfTwo(n - half));
}

// log(1 + x): −∞ at −1, NaN below. 1 + x = 2ᵏ·(1 + f) with 1 + f in [√½, √2); where k = 0, f is x
// itself. ∞ and NaN are made of bits as in logSafe.
fn log1p(x: F) -> F {
  var infinityBits = 0xff800000u;
  var nanBits = 0x7fc00000u;
  let u = F(1.0) + x;
  let bits = bitcast<I>(max(u, F(1e-10))) + I(0x004afb0d);
  let k = bits / I(0x00800000) - I(127);
  let m = bitcast<F>((bits & I(0x007fffff)) + I(0x3f3504f3));
  let f = select(m - F(1.0), x, k == I(0));
  let n = F(k);
  var p = F(7.0376836292e-2) * f - F(1.1514610310e-1);
  p = p * f + F(1.1676998740e-1);
  p = p * f - F(1.2420140846e-1);
  p = p * f + F(1.4249322787e-1);
  p = p * f - F(1.6668057665e-1);
  p = p * f + F(2.0000714765e-1);
  p = p * f - F(2.4999993993e-1);
  p = p * f + F(3.3333331174e-1);
  let square = f * f;
  let rest = p * f * square - n * F(2.12194440e-4);
  let y = f + (rest - F(0.5) * square) + n * F(0.693359375);
  let limit = select(F(bitcast<f32>(infinityBits)), F(bitcast<f32>(nanBits)), u < F(0.0));
  let finite = select(limit, y, u > F(0.0));
  return select(finite, u, (bitcast<I>(u) & I(0x7fffffff)) >= I(0x7f800000));
}

// log(1 + exp(x)), without overflow for large x.
fn softplus(x: F) -> F {
  return max(x, F(0.0)) + log1p(expPrecise(-abs(x)));
}

// −x·log σ(l) − (1 − x)·log(1 − σ(l)) = max(l, 0) − l·x + log(1 + exp(−|l|)). The difference comes
// first: for x = 0 or 1 it is exact, and what is left of the other term is not lost.
fn logisticLoss(l: F, x: F) -> F {
  return (max(l, F(0.0)) - l * x) + log1p(expPrecise(-abs(l)));
}

// 1 / (1 + exp(−x)); the argument of exp is never positive.
fn sigmoid(x: F) -> F {
  let e = expPrecise(-abs(x));
  return select(e, F(1.0), x >= F(0.0)) / (F(1.0) + e);
}

// tanh |x| = −t / (t + 2) for t = exp(−2·|x|) − 1.
fn tanhPrecise(x: F) -> F {
  let t = expm1(F(-2.0) * abs(x));
  let y = t / (t + F(2.0));
  return select(-y, y, x < F(0.0));
}

// Some implementations give numbers for the logarithms of 0 and of negative numbers, which would
// hide an error. −∞ and NaN have no literals and may be no constant expressions: they are made of
// a variable's bits.
fn logSafe(x: F) -> F {
  var infinity = 0xff800000u;
  var nan = 0x7fc00000u;
  let limit = select(F(bitcast<f32>(infinity)), F(bitcast<f32>(nan)), x < F(0.0));
  return select(limit, log(x), x > F(0.0));
}

// 1 where a > b, else 0.
fn greater(a: F, b: F) -> F {
  return select(F(0.0), F(1.0), a > b);
}

fn equal(a: F, b: F) -> F {
  return select(F(0.0), F(1.0), a == b);
}

// b where the mask is not 0, else c.
fn choose(mask: F, b: F, c: F) -> F {
  return select(c, b, mask != F());
}

// As in C: whole exponents keep the base's sign, others have no value below 0, and 0 is raised to
// ∞, 1 or 0. pow itself is defined above 0 only. ∞ and NaN are made of bits as in logSafe.
fn power(a: F, b: F) -> F {
  var infinityBits = 0x7f800000u;
  var nanBits = 0x7fc00000u;
  let below = a < F(0.0);
  let atZero = select(F(0.0), F(bitcast<f32>(infinityBits)), b < F(0.0));
  let isZero = a == F(0.0);
  let magnitude = select(pow(select(abs(a), F(1.0), isZero), b), atZero, isZero);
  let odd = abs(b - F(2.0) * floor(b * F(0.5))) == F(1.0);
  let signed = select(magnitude, -magnitude, below & odd);
  let real = select(signed, F(bitcast<f32>(nanBits)), below & (floor(b) != b));
  return select(real, F(1.0), b == F(0.0));
}
