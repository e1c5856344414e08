// The controls of a section, and all that is computed from the values that they give its symbols.

const NOTHING = "–";

/** Return the text of a template: a text, or a list in which a number stands for a formula. */
function written(template, value) {
  if (typeof template === "string" || template === null) return template ?? "";
  return template.map((part) => (typeof part === "string" ? part : plain(value(part) ?? ZERO))).join("");
}

/** Return a cell of text, sorted by the number that it begins with. */
function textCell(text) {
  return { text, order: numberIn(text) ?? text };
}

/** Return a cell of a number. */
function numberCell(value, text = figure(value)) {
  if (value === null) return { text: "", order: "" };
  return { text, order: about(value), exact: value[1] === 1n ? value[0] : undefined };
}

/** How the cells of columns are written: functions of the values of metrics, and of the row and all that was found. */
const FORMATS = {
  number: ([value]) => numberCell(value),
  nonzero: ([value]) => numberCell(value, value?.[0] ? figure(value) : ""),
  share: ([value], { found, places }) => {
    const share = partOf(value, found.totals[places[0]]);
    return { text: tenths(share), order: share };
  },
  bar: ([value], { found, places }) => {
    const share = partOf(value, found.totals[places[0]]);
    return { text: "", order: share, share: [Math.round(share * 80) * 1.25, 0] };
  },
  saving: (values, { found, places }) => {
    if (values[0] === null) return { text: "", order: "" };
    const drawn = found.leaves.map((row) => row.metrics[places[0]] ?? ZERO);
    const largest = drawn.reduce((a, b) => (compare(b, a) > 0 ? b : a), ZERO);
    const [standard, separable] = values.map((value) => 100 * partOf(value, largest));
    return { text: "", order: standard, share: [Math.min(standard, separable), standard] };
  },
  rate: ([flops, bytes]) => {
    if (!bytes[0]) return { text: "", order: "" };
    const number = about(over(flops, bytes));
    return { text: fixed(number, 2), order: number };
  },
  seconds: ([value]) => numberCell(value, value[0] ? secondsText(value) : ""),
  energy: ([value]) => numberCell(value, value[0] ? energyText(value) : ""),
  bound: (_, { row, places }) => textCell(boundOf(row, places)),
  text: (_, { found, cell }) => textCell(written(cell, found.value)),
  label: (_, { found, cell }) => textCell(shortLabel(written(cell, found.value))),
  ratio: (_, { found, cell }) => {
    if (!Array.isArray(cell)) return textCell(cell ?? "");
    const value = found.number(cell[1]);
    return { text: cell[0] + percent(value), order: about(value) };
  },
  fraction: (_, { found, cell }) => {
    if (cell === null) return { text: "", order: "" };
    const value = found.number(cell);
    return { text: plain(value), order: about(value) };
  },
  notes: (_, { row, cell, network }) => {
    const mults = row.metrics[network.placeOf("mults")];
    const others = network.data.kinds
      .map(([kind, place]) => [kind, row.metrics[place]])
      .filter(([kind, count]) => count[0] && !(kind === "add" && compare(count, mults) === 0))
      .map(([kind, count]) => `${figure(count)} ${kind}`);
    return textCell([...cell, ...others].join(", "));
  },
  peak: ([value], { row, found, places, cell }) => {
    const first = found.leaves.find((each) => compare(each.metrics[places[0]], found.totals[places[0]]) === 0);
    return textCell([...cell, ...(row === first ? ["← peak"] : [])].join(", "));
  },
};
/** Return what bounds a row, or of a block how much of its time memory does. */
function boundOf(row, [compute, memory]) {
  const leaves = (row.leaves ?? [row]).map((leaf) => [leaf.metrics[compute], leaf.metrics[memory]]);
  const busy = leaves.filter(([a, b]) => a[0] || b[0]);
  const bound = busy.filter(([a, b]) => compare(b, a) > 0);
  if (!busy.length) return "";
  if (!bound.length) return "compute";
  return bound.length === busy.length ? "memory" : `${wholePercent(partOf(timeOf(bound), timeOf(busy)))} memory`;
}

/** Return the sum of the longer of two times. */
function timeOf(pairs) {
  return pairs.reduce((sum, [a, b]) => add(sum, compare(b, a) > 0 ? b : a), ZERO);
}

/** How numbers in large type are written, in few digits and in full. */
const FIGURES = {
  short: (value) => [short(value[0]), figure(value)],
  bytes: (value) => [bytesText(value[0]), `${figure(value)} bytes`],
  seconds: (value) => [secondsText(value), ""],
  energy: (value) => [energyText(value), ""],
  "memory share": (_, { found, network }) => {
    const places = ["compute", "memory"].map((name) => network.placeOf(name));
    const pairs = found.leaves.map((row) => places.map((place) => row.metrics[place]));
    const bound = pairs.filter(([a, b]) => compare(b, a) > 0);
    return [wholePercent(partOf(timeOf(bound), timeOf(pairs))), ""];
  },
  fits: (value, { room }) => {
    const fits = value[0] <= BigInt(room);
    return [fits ? "fits" : "does not fit", `${figure(value)} of ${grouped(room)} bytes`];
  },
};
const OF_TOTALS = new Set(["rate", "seconds", "energy"]);
const WITH_CELLS = new Set(["text", "label", "ratio", "fraction", "notes", "peak"]);

/** Return a layer's label: a stride, dilation or number of groups once for all axes, and not at all where it is 1. */
function shortLabel(text) {
  const words = text.split(" ").map((word) => {
    const [, mark, sizes] = /^(\/|d=|g=)(\d+(?:×\d+)*)$/.exec(word) ?? [];
    if (!mark) return word;
    const different = [...new Set(sizes.split("×"))];
    if (different.length > 1) return word;
    return different[0] === "1" ? "" : mark + different[0];
  });
  return words.filter(Boolean).join(" ");
}

/** Return what a value is of a whole. */
function partOf(value, whole) {
  return whole[0] ? about(over(value, whole)) : 0;
}

/** Return what rows are together in a metric: their sum, or the largest. */
function together(rows, place, total) {
  const values = rows.map((row) => row.metrics[place] ?? ZERO);
  return values.reduce((a, b) => (total === "max" ? (compare(b, a) > 0 ? b : a) : add(a, b)), ZERO);
}

/** What a section shows at the values of its symbols. */
class Network {
  constructor(data) {
    this.data = data;
    this.program = new Program(data.program);
    this.names = data.symbols.map((symbol) => symbol.name);
  }

  /**
   * Work the network out.
   *
   * @param point The exact value of each free symbol.
   * @param choices The text of each symbol that chooses.
   * @returns `error` where it is not known there; else `rows`, `totals` and `line`.
   */
  at(point, choices) {
    const variant = this.data.variants[choices.join("|")];
    if (!variant) return { error: "This combination was not computed beforehand", remedy: true };
    const value = this.program.at(point);
    for (const [relation, number, text] of [...variant.facts, ...variant.conditions]) {
      const found = value(number);
      if (found === null || !TESTS[relation](found)) {
        return { error: `Outside the formulas' conditions: they need ${text}`, remedy: true };
      }
    }
    return this.computed(variant, value);
  }

  computed(variant, value) {
    const number = (data) => (Array.isArray(data) ? value(data[0]) : data === null ? null : constant(data));
    const rows = variant.rows.map((index) => {
      const [label, level, name, type, numbers, cells, layer] = this.data.rows[index];
      return { label, level, name, type, metrics: numbers ? numbers.map(number) : null, cells, layer };
    });
    const open = [];
    for (const row of rows) {
      open.length = Math.min(open.length, row.level);
      row.path = [...open, row.label].join("/");
      row.layer ??= row.path;
      open.push(row.label);
    }
    const leaves = rows.filter((row) => row.metrics);
    const totals = this.data.metrics.map(([, , total], place) => together(leaves, place, total));
    this.sumBlocks(rows);
    const whole = variant.figures.map(number);
    return { rows, leaves, totals, whole, value, number, line: written(variant.line, value) };
  }

  /** Give the heading of each block its rows, and what these are together. */
  sumBlocks(rows) {
    let open = [];
    for (const row of rows) {
      open = open.filter((block) => block.level < row.level);
      if (row.metrics) for (const block of open) block.leaves.push(row);
      else {
        row.leaves = [];
        open.push(row);
      }
    }
    for (const block of rows.filter((row) => !row.metrics)) {
      block.sums = this.data.metrics.map(([, , total], place) => together(block.leaves, place, total));
    }
  }

  /** Return the texts of the numbers in large type: in few digits, and in full. */
  figuresOf(found) {
    let next = 0;
    return this.data.figures.map(([place, format, room]) => {
      if (place < 0) next += 1;
      const value = place < 0 ? found.whole[next - 1] : found.totals[place];
      return FIGURES[format](value, { found, network: this, room });
    });
  }

  /** Return a total alone, null where it is not known. */
  total(place, point, choices) {
    const found = this.at(point, choices);
    return found.error ? null : found.totals[place];
  }

  /** Return the cells of a row as the table has them. */
  cellsOf(row, found) {
    let next = 0;
    return this.data.columns.map(([format, ...places]) => {
      const values = places.map((place) => (row.metrics ?? row.sums)[place]);
      if (!row.metrics && WITH_CELLS.has(format)) return { text: "", order: "" };
      const cell = WITH_CELLS.has(format) ? row.cells[next] : null;
      if (WITH_CELLS.has(format)) next += 1;
      return FORMATS[format](values, { row, found, places, cell, network: this });
    });
  }

  /** Return whether a row is shown quietly. */
  isQuiet(row) {
    const places = this.data.quiet ?? [];
    return row.name === "q" || (places.length > 0 && places.every((place) => !row.metrics[place][0]));
  }

  placeOf(name) {
    return this.data.metrics.findIndex((metric) => metric[0] === name);
  }
}

/** The controls of a section and what they change. */
class Live {
  constructor(section, grids, data) {
    this.section = section;
    this.grids = grids;
    this.data = data;
    this.network = new Network(data);
    this.parts = { short, bytesText, figure, percent, secondsText, Program, TESTS }; // for the tests
    this.controls = section.querySelector(".controls");
    this.line = [...section.querySelectorAll("header .line")].at(-1);
    this.figures = [...section.querySelectorAll(".figures dd")];
    this.bars = this.barsByPath();
    this.build();
    this.controls.hidden = false;
  }

  /** Return the row of the chart of costs for the path of each layer. */
  barsByPath() {
    if (!this.data.bars) return new Map();
    const paths = this.grids.layers.rows.filter((row) => !row.heading).map((row) => row.path);
    const found = new Map();
    for (const [key, ...part] of this.data.bars) for (const index of part) found.set(paths[index], key);
    return found;
  }

  /** Make the controls. */
  build() {
    this.fields = this.data.symbols.map((symbol) => new Slider(symbol, () => this.update()));
    this.choices = this.data.choices.map((choice) => {
      const select = element("select", {}, ...choice.values.map((each) => element("option", {}, each)));
      select.value = choice.value;
      select.addEventListener("change", () => this.update());
      return { choice, select, node: element("label", { class: "choice" }, element("b", {}, choice.name), select) };
    });
    const reset = element("button", { type: "button" }, "Values of the spec");
    reset.addEventListener("click", () => this.reset());
    this.message = element("p", { class: "message", role: "status" });
    this.budget = this.data.budget ? new Budget(this.data, () => this.update()) : null;
    this.controls.append(
      element("div", { class: "symbols" }, ...this.fields.map((each) => each.node)),
      element("div", { class: "choices" }, ...this.choices.map((each) => each.node), ...(this.budget ? [this.budget.node] : []), reset),
      this.message,
    );
    this.update();
  }

  reset() {
    for (const field of this.fields) field.set(field.symbol.value);
    for (const { choice, select } of this.choices) select.value = choice.value;
    this.update();
  }

  /** Compute and show everything at the values that the controls have. */
  update() {
    const point = this.fields.map((field) => field.value);
    const choices = this.choices.map(({ select }) => select.value);
    this.offer(choices);
    const unread = this.fields.find((field) => field.value === null);
    const found = unread
      ? { error: `${unread.symbol.name} is a number, such as 224, 3/4 or 0.75` }
      : this.network.at(point, choices);
    this.section.classList.toggle("outside", Boolean(found.error));
    this.message.textContent = found.error ? `${found.error}. ${found.remedy ? this.remedy() : ""}`.trim() : "";
    this.budget?.show(this, point, choices, found);
    this.section.classList.toggle("changed", this.isChanged());
    if (found.error) this.showNothing();
    else this.show(found);
  }

  /** Offer the values with which there is a network. */
  offer(choices) {
    this.choices.forEach(({ select }, place) => {
      for (const option of select.options) {
        option.disabled = !(choices.with(place, option.value).join("|") in this.data.variants);
      }
    });
  }

  /** Return the symbols that have other values than in the spec, with these. */
  settings() {
    return [
      ...this.fields.map((field) => [field.symbol, field.value === null ? field.field.value : plain(field.value)]),
      ...this.choices.map(({ choice, select }) => [choice, select.value]),
    ].filter(([symbol, text]) => text !== symbol.value);
  }

  isChanged() {
    return this.settings().length > 0;
  }

  /** Return the command that knows. */
  remedy() {
    const settings = this.settings();
    return `${this.data.command}${settings.map(([symbol, text]) => ` --set ${symbol.name}=${text}`).join("")} says what holds there.`;
  }

  show(found) {
    const { network, grids } = this;
    this.line.textContent = found.line;
    network.figuresOf(found).forEach((texts, index) => {
      [...this.figures[index].children].forEach((node, place) => { node.textContent = texts[place]; });
    });
    const rows = found.rows.map((row) => ({
      label: row.label,
      level: row.level,
      heading: row.metrics === null,
      name: row.metrics === null ? "h" : network.isQuiet(row) ? "q" : "",
      cells: network.cellsOf(row, found),
    }));
    grids.layers.setRows(rows);
    grids.layers.draw();
    const foot = grids.layers.table.tFoot.rows[0].cells;
    this.data.columns.forEach(([format, ...places], index) => {
      const [place] = places;
      if (format === "number" || format === "nonzero") foot[index + 1].textContent = figure(found.totals[place]);
      if (OF_TOTALS.has(format)) {
        const values = places.map((each) => found.totals[each]);
        foot[index + 1].textContent = FORMATS[format](values, {}).text;
      }
      if (this.data.whole) this.showWhole(foot[index + 1], format, this.data.whole.map((each) => found.totals[each]));
    });
    this.showTotals(found.totals.map(figure));
    for (const chart of this.section.querySelectorAll("figure[data-chart]")) {
      CHARTS[chart.dataset.chart](chart, found, this);
      chart.querySelector("desc").textContent = "Drawn for the values that the controls have.";
    }
  }

  /** Return by what row of the chart of costs each layer is drawn; null where one has none. */
  barsOf(leaves) {
    const keys = leaves.map((row) => this.bars.get(row.path));
    return keys.includes(undefined) ? null : keys;
  }

  /** Return the sum of a metric for each layer type. */
  byType(found, place) {
    const sums = new Map();
    for (const row of found.leaves) {
      const type = this.data.types[row.type];
      sums.set(type, (sums.get(type) ?? 0n) + row.metrics[place][0]);
    }
    return sums;
  }

  /** Show how many layers of each type there are, and what they cost. */
  showTypes(found) {
    const counts = new Map();
    for (const row of found.leaves) counts.set(row.type, (counts.get(row.type) ?? 0n) + 1n);
    const sums = ["params", "macs"].map((name) => this.byType(found, this.network.placeOf(name)));
    const rows = [...counts].map(([type, count]) => {
      const label = this.data.types[type];
      const numbers = [count, ...sums.map((each) => each.get(label))];
      const cells = numbers.map((number) => ({ text: grouped(number), order: Number(number), exact: number }));
      return { label, level: 0, name: "", heading: false, cells };
    });
    rows.sort((a, b) => b.cells[2].order - a.cells[2].order);
    this.grids.types.setRows(rows);
    this.grids.types.draw();
  }

  /** Show below a column what a part is of the whole. */
  showWhole(cell, format, [part, whole]) {
    if (format === "ratio") cell.textContent = whole[0] ? percent(over(part, whole)) : "";
    if (format === "saving") cell.replaceChildren(barOf(100 * partOf(part, whole), 100));
  }

  showTotals(texts) {
    const { totals } = this.grids;
    if (!totals) return;
    this.data.totals.forEach((place, index) => {
      totals.rows[index].cells[0].text = texts[place];
    });
    totals.draw();
  }

  /** Show no number, since none is known. */
  showNothing() {
    for (const figure of this.figures) for (const node of figure.children) node.textContent = NOTHING;
    for (const row of this.grids.layers.rows) {
      row.cells = row.cells.map(() => ({ text: NOTHING, order: "" }));
    }
    this.grids.layers.draw();
    for (const cell of [...this.grids.layers.table.tFoot.rows[0].cells].slice(1)) cell.textContent = NOTHING;
    this.showTotals(this.data.metrics.map(() => NOTHING));
    this.line.textContent = NOTHING;
  }
}

/** The slider and the field of a symbol. */
class Slider {
  constructor(symbol, changed) {
    this.symbol = symbol;
    const label = element("b", {}, symbol.name);
    this.range = element("input", { type: "range", min: 0, max: symbol.stops.length - 1, step: 1, "aria-label": symbol.name });
    this.field = element("input", { type: "text", inputmode: "decimal", maxlength: 40, "aria-label": `${symbol.name}, ${symbol.about}` });
    this.strip = element("div", { class: "strip", "aria-hidden": "true" });
    this.about = element("small", {}, symbol.about);
    this.range.addEventListener("input", () => {
      this.set(symbol.stops[Number(this.range.value)]);
      changed();
    });
    this.field.addEventListener("input", () => {
      this.read();
      changed();
    });
    this.node = element("div", { class: "symbol" }, element("div", { class: "name" }, label, this.field), this.range, this.strip, this.about);
    this.set(symbol.value);
  }

  set(text) {
    this.field.value = text;
    this.read();
  }

  /** Take the value of the field, and move the slider to the nearest of its values. */
  read() {
    this.value = parsed(this.field.value);
    this.field.setAttribute("aria-invalid", String(this.value === null));
    if (this.value === null) return;
    const size = (x) => Number(x[0]) / Number(x[1]);
    const distances = this.symbol.stops.map((stop) => Math.abs(size(parsed(stop)) - size(this.value)));
    this.range.value = distances.indexOf(Math.min(...distances));
    this.range.setAttribute("aria-valuetext", this.field.value);
  }
}

/** The line that says what fits a limit. */
class Budget {
  constructor(data, changed) {
    this.data = data;
    this.metric = element("select", { "aria-label": "Metric of the budget" });
    for (const place of data.budget) this.metric.append(element("option", { value: place }, data.metrics[place][1]));
    this.limit = element("input", { type: "text", maxlength: 40, placeholder: "such as 300M", "aria-label": "Limit" });
    this.result = element("output", { class: "fits" });
    const [first] = data.limits.filter(([name]) => data.budget.some((place) => data.metrics[place][0] === name));
    const usual = data.metrics.findIndex(([name]) => name === (first ? first[0] : "macs"));
    this.metric.value = usual < 0 ? data.budget[0] : usual;
    if (first) this.limit.value = first[1];
    for (const node of [this.metric, this.limit]) node.addEventListener("input", changed);
    this.node = element("div", { class: "budget" }, element("b", {}, "Budget"), this.metric, "≤", this.limit, this.result);
  }

  /** Say whether the network fits, and mark under each slider the values with which it does. */
  show(live, point, choices, found) {
    const limit = amount(this.limit.value);
    const place = Number(this.metric.value);
    this.result.textContent = "";
    this.result.className = "fits";
    for (const field of live.fields) field.strip.replaceChildren();
    if (limit === null) {
      if (this.limit.value.trim()) this.result.textContent = "a limit is a whole number, such as 300M or 256Ki";
      return;
    }
    if (!found.error) {
      const left = limit - found.totals[place][0];
      this.result.textContent = left >= 0n ? `fits, ${grouped(left)} left` : `exceeds it by ${grouped(-left)}`;
      this.result.classList.add(left >= 0n ? "yes" : "no");
    }
    live.fields.forEach((field, index) => this.mark(live, field, index, [limit, place, point, choices]));
  }

  mark(live, field, index, [limit, place, point, choices]) {
    if (point.includes(null)) return;
    const fitting = field.symbol.stops.map((stop) => {
      const at = point.with(index, parsed(stop));
      const total = live.network.total(place, at, choices);
      return total === null ? null : total[0] <= limit;
    });
    if (fitting.every((fits) => fits === null)) {
      field.about.textContent = field.symbol.about;
      return;
    }
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${fitting.length} 1`);
    svg.setAttribute("preserveAspectRatio", "none");
    fitting.forEach((fits, x) => {
      if (!fits) return;
      const rect = document.createElementNS(SVG, "rect");
      for (const [key, value] of [["x", x], ["width", 1.02], ["height", 1]]) rect.setAttribute(key, value);
      svg.append(rect);
    });
    field.strip.replaceChildren(svg);
    const last = fitting.lastIndexOf(true);
    const end = last < 0 ? "no value fits" : `fits up to ${field.symbol.stops[last]}`;
    field.about.textContent = `${field.symbol.about} · ${end}`;
  }
}
