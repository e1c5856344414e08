// Exact numbers: pairs [numerator, denominator] of BigInt in lowest terms, the denominator above 0.

const ZERO = [0n, 1n];
const ONE = [1n, 1n];

/** Return the greatest common divisor of two whole numbers. */
function gcd(a, b) {
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  while (b) [a, b] = [b, a % b];
  return a;
}

/** Return n/d in lowest terms. */
function ratio(n, d) {
  if (d === 0n) throw new RangeError("a division by zero");
  if (d === 1n) return [n, d];
  if (d < 0n) [n, d] = [-n, -d];
  const shared = gcd(n, d);
  return shared === 1n ? [n, d] : [n / shared, d / shared];
}

function add(a, b) {
  return a[1] === 1n && b[1] === 1n ? [a[0] + b[0], 1n] : ratio(a[0] * b[1] + b[0] * a[1], a[1] * b[1]);
}

function times(a, b) {
  return a[1] === 1n && b[1] === 1n ? [a[0] * b[0], 1n] : ratio(a[0] * b[0], a[1] * b[1]);
}

function over(a, b) {
  return ratio(a[0] * b[1], a[1] * b[0]);
}

/** Return a to a whole power, which may be negative. */
function power(a, n) {
  return n >= 0 ? [a[0] ** BigInt(n), a[1] ** BigInt(n)] : ratio(a[1] ** BigInt(-n), a[0] ** BigInt(-n));
}

/** Return −1, 0 or 1 as a is below b, the same or above. */
function compare(a, b) {
  const difference = a[0] * b[1] - b[0] * a[1];
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Return the largest whole number that is not above x, as BigInt. */
function floor(x) {
  const whole = x[0] / x[1];
  return x[0] % x[1] < 0n ? whole - 1n : whole;
}

/** Return x rounded to a whole number, halves to the even one, as BigInt. */
function rounded(x) {
  const below = floor(x);
  const twice = 2n * (x[0] - below * x[1]);
  return twice > x[1] || (twice === x[1] && below % 2n !== 0n) ? below + 1n : below;
}

/** Return the number that a text is, such as `224`, `3/4`, `0.75` or `-2`; null where it is none. */
function parsed(text) {
  const found = /^\s*([+-]?)(\d{1,60})(?:\.(\d{1,60})|\/(\d{1,60}))?\s*$/.exec(text.replaceAll("_", ""));
  if (!found) return null;
  const [, sign, whole, decimals, under] = found;
  if (under !== undefined && BigInt(under) === 0n) return null;
  const scale = decimals === undefined ? BigInt(under ?? 1) : 10n ** BigInt(decimals.length);
  const number = ratio(BigInt(whole + (decimals ?? "")), scale);
  return sign === "-" ? [-number[0], number[1]] : number;
}

/** Return the number as a spec writes it: `224` or `3/4`. */
function plain(x) {
  return x[1] === 1n ? `${x[0]}` : `${x[0]}/${x[1]}`;
}
