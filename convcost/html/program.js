// The network's formulas: polynomials with exact coefficients in symbols and functions, read from the page's data.

const FUNCTIONS = {
  floor: (x) => [floor(x), 1n],
  ceil: (x) => [-floor([-x[0], x[1]]), 1n],
  round: (x) => [rounded(x), 1n],
  min: (...values) => values.reduce((a, b) => (compare(b, a) < 0 ? b : a)),
  max: (...values) => values.reduce((a, b) => (compare(b, a) > 0 ? b : a)),
  gcd: (...values) => {
    if (values.some((x) => x[1] !== 1n)) throw new RangeError("gcd takes whole numbers");
    return [values.reduce((found, x) => gcd(found, x[0]), 0n), 1n];
  },
  make_divisible: makeDivisible,
};

/** Return the multiple of d near x that is not below d, nor below 0.9·x: Sandler et al. 2018, arXiv:1801.04381. */
function makeDivisible(x, d) {
  if (compare(d, ZERO) <= 0) throw new RangeError("make_divisible needs a positive divisor");
  const near = [floor(add(x, over(d, [2n, 1n]))), 1n];
  const multiple = times([floor(over(near, d)), 1n], d);
  const least = compare(multiple, d) > 0 ? multiple : d;
  return compare(times([10n, 1n], least), times([9n, 1n], x)) < 0 ? add(least, d) : least;
}

const TESTS = {
  positive: (x) => x[0] > 0n,
  nonnegative: (x) => x[0] >= 0n,
  zero: (x) => x[0] === 0n,
  nonzero: (x) => x[0] !== 0n,
  whole: (x) => x[1] === 1n,
  fractional: (x) => x[1] !== 1n,
};

/** Return the number that the page's data has: a number, or a text where it is long or a fraction. */
function constant(data) {
  if (typeof data === "number") return [BigInt(data), 1n];
  const [above, under] = data.split("/");
  return [BigInt(above), BigInt(under ?? 1)];
}

class Program {
  /**
   * Read formulas.
   *
   * @param data `names`: the symbols; `functions`: what is worked out after them, each a name and its arguments;
   *   `formulas`. A formula is a sum, or two for a quotient; a sum is a list of terms, each a coefficient and pairs of
   *   a place (of a symbol, or of a function after these) and an exponent.
   */
  constructor(data) {
    this.names = data.names;
    this.functions = data.functions.map(([name, ...args]) => [FUNCTIONS[name], args.map(read)]);
    this.formulas = data.formulas.map(read);
  }

  /** Return a function that gives each formula's value, by its number, where the symbols have these; null for none. */
  at(values) {
    const places = [...values];
    for (const [work, args] of this.functions) {
      const found = args.map((each) => attempt(() => quotient(each, places)));
      places.push(found.includes(null) ? null : attempt(() => work(...found)));
    }
    const known = new Map();
    return (number) => {
      if (!known.has(number)) known.set(number, attempt(() => quotient(this.formulas[number], places)));
      return known.get(number);
    };
  }
}

/** Return the value of a function, null where it has none. */
function attempt(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function read(formula) {
  return formula.map((sum) => sum.map(([first, ...factors]) => [constant(first), factors]));
}

function quotient([above, under], places) {
  const top = sum(above, places);
  return under ? over(top, sum(under, places)) : top;
}

function sum(terms, places) {
  let total = ZERO;
  for (const [coefficient, factors] of terms) {
    let product = coefficient;
    for (let i = 0; i < factors.length; i += 2) {
      const value = places[factors[i]];
      if (value === null) throw new RangeError("a function has no value");
      const n = factors[i + 1];
      product = times(product, n === 1 ? value : power(value, n));
    }
    total = add(total, product);
  }
  return total;
}
