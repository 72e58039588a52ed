// Elementwise functions shared by every kernel that evaluates expressions. F is f32 or vec4f and B
// bool or vec4<bool>, so each function is written once. The host keeps those that a kernel calls.
//
// Numerics: a shader compiler may assume that no NaN or infinity occurs, and some implementations'
// tanh gives NaN for large arguments, so arguments are clamped where the result is flat.

alias F = f32;
alias B = bool;

// log(1 + exp(x)), without overflow for large x.
fn softplus(x: F) -> F {
  return max(x, F(0.0)) + log(F(1.0) + exp(-abs(x)));
}

// 1 / (1 + exp(−x)); the argument of exp is never positive.
fn sigmoid(x: F) -> F {
  let e = exp(-abs(x));
  return select(e, F(1.0), x >= F(0.0)) / (F(1.0) + e);
}

fn tanhSafe(x: F) -> F {
  return tanh(clamp(x, F(-15.0), F(15.0)));
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
