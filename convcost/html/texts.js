// Numbers as the tables of convcost write them.

/** Return a whole number with its digits in groups of three. */
function grouped(number) {
  return `${number}`.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Return a value: exactly where six decimals can hold it, marked as rounded where they cannot. */
function figure(value) {
  if (value === null) return "";
  if (value[1] === 1n) return grouped(value[0]);
  const millionths = times(value, [1_000_000n, 1n]);
  const near = rounded(millionths);
  const size = near < 0n ? -near : near;
  const decimals = `${size % 1_000_000n}`.padStart(6, "0").replace(/0+$/, "");
  const digits = grouped(size / 1_000_000n) + (decimals ? `.${decimals}` : "");
  return `${millionths[1] === 1n ? "" : "≈"}${value[0] < 0n ? "−" : ""}${digits}`;
}

/** Return a share in percent: exactly where six decimals can hold it, marked as rounded where they cannot. */
function percent(share) {
  const millionths = times(share, [100_000_000n, 1n]);
  const near = rounded(millionths);
  const decimals = `${near % 1_000_000n}`.padStart(6, "0").replace(/0+$/, "");
  return `${millionths[1] === 1n ? "" : "≈"}${near / 1_000_000n}${decimals ? `.${decimals}` : ""} %`;
}

/** Return a number with so many decimals; halves, where the number is exactly one, are rounded to the even digit. */
function fixed(x, digits) {
  const steps = x * 10 ** digits;
  if ((x * 2 ** (digits + 1)) % 2 !== 1) return x.toFixed(digits);
  return ((Math.floor(steps) + (Math.floor(steps) % 2)) / 10 ** digits).toFixed(digits);
}

/** Return a share in percent with one decimal; nothing for zero. */
function tenths(share) {
  return share ? fixed(100 * share, 1) : "";
}

/** Return a share in whole percents, those below one as such. */
function wholePercent(share) {
  return share > 0 && share < 0.01 ? "< 1 %" : `${fixed(100 * share, 0)} %`;
}

/** Return a time or an energy in the largest unit of which there is at least one. */
function inUnits(value, units) {
  if (!value[0]) return `0 ${units[0]}`;
  let [scaled, place] = [value, 0];
  while (compare(scaled, ONE) < 0 && place < units.length - 1) {
    scaled = times(scaled, [1000n, 1n]);
    place += 1;
  }
  const number = about(scaled);
  const digits = number < 10 ? 2 : number < 100 ? 1 : 0;
  const [whole, decimals] = fixed(number, digits).split(".");
  return `${grouped(whole)}${decimals ? `.${decimals}` : ""} ${units[place]}`;
}

function secondsText(seconds) {
  return inUnits(seconds, ["s", "ms", "µs", "ns", "ps"]);
}

function energyText(picojoules) {
  return inUnits(over(picojoules, [10n ** 12n, 1n]), ["J", "mJ", "µJ", "nJ", "pJ"]);
}

/** Return a fraction as the nearest number that the script has. */
function about(x) {
  const [n, d] = [Number(x[0]), Number(x[1])];
  if (Number.isSafeInteger(n) && Number.isSafeInteger(d)) return n / d;
  const shift = BigInt(Math.max(0, 64 - (`${x[0]}`.length - `${x[1]}`.length) * 3));
  return Number((x[0] << shift) / x[1]) / 2 ** Number(shift);
}

/** Return a number with four digits and the letter of its thousands. */
function short(number) {
  return scaled(number, 1000n, ["", "k", "M", "G", "T", "P", "E"], 4);
}

/** Return a number of bytes with three digits and its unit of 1,024s. */
function bytesText(number) {
  return scaled(number, 1024n, ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], 3);
}

function scaled(number, step, units, digits) {
  let value = [number, 1n];
  let unit = 0;
  while (floor(value) >= step && unit < units.length - 1) {
    value = ratio(value[0], value[1] * step);
    unit += 1;
  }
  let text = inDigits(value, digits);
  if (text === `${step}` && unit < units.length - 1) [text, unit] = ["1", unit + 1];
  return `${text} ${units[unit]}`.trimEnd();
}

function inDigits(value, digits) {
  const decimals = Math.max(0, digits - `${floor(value)}`.length);
  const near = rounded(times(value, [10n ** BigInt(decimals), 1n]));
  if (!decimals) return `${near}`;
  const text = `${near}`.padStart(decimals + 1, "0");
  return `${text.slice(0, -decimals)}.${text.slice(-decimals)}`.replace(/0+$/, "").replace(/\.$/, "");
}

/** Return how many things there are. */
function counted(number, thing) {
  return `${grouped(number)} ${thing}${number === 1 ? "" : "s"}`;
}

/** Return an amount such as `300M`, `4.3M` or `256Ki` as a whole number; null where it is none. */
function amount(text) {
  const found = /^\s*([\d_,]*\.?\d+)\s*(Ki|Mi|Gi|k|M|G|T)?B?\s*$/.exec(text);
  const number = found && parsed(found[1].replaceAll(",", ""));
  if (!number) return null;
  const scales = { k: 10n ** 3n, M: 10n ** 6n, G: 10n ** 9n, T: 10n ** 12n, Ki: 2n ** 10n, Mi: 2n ** 20n, Gi: 2n ** 30n };
  const value = times(number, [scales[found[2]] ?? 1n, 1n]);
  return value[1] === 1n ? value[0] : null;
}
