// Charts that are drawn anew: the same shapes as the page came with, at other values.

const TICKS = 5;
const MOST_STEPS = 220; // of more, each is the largest of several
const STEP_NAMES = 6; // below the axis

/** Return a new shape with its attributes, and what is shown under the pointer. */
function shape(name, attributes, tip = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (tip) {
    const title = document.createElementNS(SVG, "title");
    title.textContent = tip;
    node.append(title);
  }
  return node;
}

function caption(attributes, text) {
  const node = shape("text", attributes);
  node.textContent = text;
  return node;
}

/** Return the ticks of an axis from 0: multiples of 1, 2, 2.5 or 5 times a power of ten of the unit. */
function ticksTo(high, most, unit = 1) {
  const top = high / unit;
  if (!(top > 0)) return [0];
  const size = 10 ** Math.floor(Math.log10(top / most));
  const step = [1, 2, 2.5, 5, 10, 20].map((each) => each * size).find((each) => top / each <= most);
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, count) => count * step * unit);
}

/** Return a number of an axis in few digits. */
function inFew(value, isBytes) {
  if (!value) return "0";
  if (!Number.isInteger(value)) return `${Number(value.toPrecision(4))}${isBytes ? " bytes" : ""}`;
  return isBytes ? bytesText(BigInt(value)) : short(BigInt(value));
}

/** Return a share in percent, in few digits. */
function shareText(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(1).replace(/\.0$/, "")} %`;
}

/** Return the numbers of a path. */
function numbersOf(path) {
  return path.getAttribute("d").match(/-?[\d.]+/g).map(Number);
}

/**
 * Draw bars anew.
 *
 * @param svg The chart.
 * @param panels By the key of a panel: `series`, of which each has `values` and `tips` by the keys of rows; what `text`
 *   writes of a value; `title`.
 */
function drawBars(svg, panels) {
  for (const group of svg.querySelectorAll("g[data-panel]")) {
    const panel = panels[group.dataset.panel];
    const [from, length] = [Number(group.dataset.from), Number(group.dataset.length)];
    const most = Math.max(...Object.values(panel.series).flatMap((each) => [...each.values.values()])) || 1;
    const [, top, , bottom] = numbersOf(group.querySelector("path.s-axis"));
    const fills = fillsOf(group);
    for (const node of group.querySelectorAll("path.s-grid, text.f-muted:not([data-row]), rect")) node.remove();
    for (const tick of ticksTo(most, 3)) {
      const x = from + (length * tick) / most;
      if (tick) group.prepend(shape("path", { class: "s-grid", d: `M${x} ${top}L${x} ${bottom}` }));
      const place = { class: "f-muted", x, y: bottom + 13, "font-size": 9.5, "text-anchor": tick ? "middle" : "start" };
      group.append(caption(place, panel.text(tick)));
    }
    group.querySelector("text.f-ink").textContent = panel.title;
    const names = Object.keys(panel.series);
    for (const label of group.querySelectorAll("text[data-row]")) {
      const { row: key, series } = label.dataset;
      const { values, tips } = panel.series[series];
      const value = values.get(key) ?? 0;
      const width = (length * value) / most;
      label.setAttribute("x", from + width + 4);
      label.textContent = value ? panel.text(value) : "";
      if (!value) continue;
      const thick = names.length > 1 ? 9.5 : 11;
      const y = Number(label.getAttribute("y")) - 0.36 * Number(label.getAttribute("font-size")) - thick / 2;
      const height = thick - (series === names.at(-1) ? 0 : 0.8);
      const size = { x: from, y, width: Math.max(0.75, width), height };
      label.before(shape("rect", { ...fills[series], ...size }, `${key}: ${tips.get(key)}`));
    }
  }
}

/** Return by what attributes the bars of each series have their colours, as the chart came with them. */
function fillsOf(group) {
  if (!group.fills) {
    group.fills = {};
    for (const label of group.querySelectorAll("text[data-series]")) group.fills[label.dataset.series] = { class: "f-series1" };
    for (const rect of group.querySelectorAll("rect[data-series]")) {
      const name = rect.hasAttribute("fill") ? "fill" : "class";
      group.fills[rect.dataset.series] = { [name]: rect.getAttribute(name) };
    }
  }
  return group.fills;
}

/** Return the sums of a metric by the keys of rows, with their texts under the pointer. */
function seriesOf(keys, leaves, place, title) {
  const sums = new Map();
  leaves.forEach((row, index) => sums.set(keys[index], (sums.get(keys[index]) ?? 0n) + (row.metrics[place] ?? ZERO)[0]));
  return {
    values: new Map([...sums].map(([key, sum]) => [key, Number(sum)])),
    tips: new Map([...sums].map(([key, sum]) => [key, `${grouped(sum)} ${title}`])),
  };
}

/** Return a text with its first letter large. */
function capital(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}`;
}

/** Draw steps anew: names and values of bytes in their order, with the largest marked. */
function drawSteps(svg, names, values) {
  const [frame, bars] = svg.querySelectorAll("g");
  const axes = [...frame.querySelectorAll("path.s-axis")].map(numbersOf);
  const right = Math.max(...axes.map((axis) => axis[2]));
  const left = Math.min(...axes.map((axis) => axis[0]));
  const [bottom, height] = [Number(bars.dataset.from), Number(bars.dataset.length)];
  const [shown, called] = joined(names, values);
  const most = shown.reduce((a, b) => (b > a ? b : a), 0n);
  const at = (value) => bottom - (most ? height * (Number(value) / Number(most)) : 0);
  const wide = (right - left) / Math.max(1, shown.length);
  let unit = 1;
  while (Number(most) >= unit * 1024) unit *= 1024;
  frame.replaceChildren();
  for (const tick of ticksTo(Number(most), TICKS, unit)) {
    const y = at(tick);
    frame.append(shape("path", { class: "s-grid", d: `M${left} ${y}L${right} ${y}` }));
    const place = { class: "f-muted", x: left - 7, y: y + 3.5, "font-size": 10, "text-anchor": "end" };
    frame.append(caption(place, inFew(tick, true)));
  }
  frame.append(shape("path", { class: "s-axis", d: `M${left} ${bottom - height}L${left} ${bottom}L${right} ${bottom}` }));
  const every = Math.max(1, Math.ceil(shown.length / STEP_NAMES));
  for (let number = 0; number < shown.length; number += every) {
    const x = left + number * wide;
    if (x > right - 60) continue;
    frame.append(shape("path", { class: "s-axis", d: `M${x} ${bottom}L${x} ${bottom + 4}` }));
    const name = called[number].split("/")[0];
    const text = name.length > 16 ? `${name.slice(0, 15)}…` : name;
    frame.append(caption({ class: "f-muted", x, y: bottom + 16, "font-size": 10 }, text));
  }
  bars.replaceChildren();
  let line = "";
  shown.forEach((value, number) => {
    const [x, y] = [left + number * wide, at(value)];
    const size = { class: "f-soft", x, y, width: wide + 0.4, height: bottom - y };
    bars.append(shape("rect", size, `${called[number]}: ${grouped(value)} bytes`));
    line += `${number ? "L" : "M"}${x} ${y}L${x + wide} ${y}`;
  });
  if (!shown.length) return;
  bars.append(shape("path", { class: "s-series1", d: line, "stroke-width": 1.6 }));
  const peak = shown.indexOf(most);
  const [x, y] = [left + (peak + 0.5) * wide, at(most)];
  const mark = { class: "f-series2 edge", d: "M0-1.35 1.35 0 0 1.35-1.35 0z", transform: `translate(${x} ${y}) scale(4.5)` };
  bars.append(shape("path", { ...mark, "vector-effect": "non-scaling-stroke" }));
  const anchor = x < left + 100 ? "start" : x > right - 100 ? "end" : "middle";
  const place = { class: "f-series2", x, y: y - 9, "font-size": 11, "font-weight": 600, "text-anchor": anchor };
  bars.append(caption(place, `peak ${bytesText(most)} at ${called[peak]}`));
}

/** Return at most so many steps as are drawn: each the first of the largest of those that it stands for. */
function joined(names, values) {
  const size = Math.max(1, Math.ceil(values.length / MOST_STEPS));
  const [shown, called] = [[], []];
  for (let start = 0; start < values.length; start += size) {
    const part = values.slice(start, start + size);
    const largest = part.reduce((a, b) => (b > a ? b : a));
    shown.push(largest);
    called.push(names[start + part.indexOf(largest)]);
  }
  return [shown, called];
}

/** How charts are drawn anew, by their keys: functions of the chart, what was found, and the controls. */
const CHARTS = {
  cost(figure, found, live) {
    const keys = live.barsOf(found.leaves);
    figure.classList.toggle("other", keys === null);
    if (keys === null) return;
    const panels = {};
    for (const { dataset } of figure.querySelectorAll("g[data-panel]")) {
      const name = dataset.panel;
      const place = live.network.placeOf(name);
      const title = live.data.metrics[place][1];
      panels[name] = {
        series: { [name]: seriesOf(keys, found.leaves, place, title) },
        text: (value) => inFew(value, false),
        title: `${capital(title)} · ${short(found.totals[place][0])}`,
      };
    }
    drawBars(figure.querySelector("svg"), panels);
  },

  separable(figure, found, live) {
    const leaves = found.leaves.filter((row) => row.metrics[live.network.placeOf("drawn")] !== null);
    const keys = live.barsOf(leaves);
    figure.classList.toggle("other", keys === null);
    if (keys === null) return;
    const panels = {};
    for (const { dataset } of figure.querySelectorAll("g[data-panel]")) {
      const count = dataset.panel.split("_")[0];
      const series = {};
      for (const form of ["standard", "separable"]) {
        const place = live.network.placeOf(`${count}_${form}`);
        series[`${count}_${form}`] = seriesOf(keys, leaves, place, `${count}, ${form}`);
      }
      panels[dataset.panel] = { series, text: (value) => inFew(value, false), title: capital(count) };
    }
    drawBars(figure.querySelector("svg"), panels);
  },

  types(figure, found, live) {
    const panels = {};
    for (const { dataset } of figure.querySelectorAll("g[data-panel]")) {
      const place = live.network.placeOf(dataset.panel);
      const title = live.data.metrics[place][1];
      const total = found.totals[place][0];
      const sums = live.byType(found, place);
      const share = (sum) => (total ? Number(sum) / Number(total) : 0);
      const values = new Map([...sums].map(([key, sum]) => [key, share(sum)]));
      const tips = new Map([...sums].map(([key, sum]) => [key, `${grouped(sum)} ${title}, ${shareText(share(sum))}`]));
      panels[dataset.panel] = {
        series: { [dataset.panel]: { values, tips } },
        text: shareText,
        title: `${capital(title)} · ${short(total)}`,
      };
    }
    drawBars(figure.querySelector("svg"), panels);
    live.showTypes(found);
  },

  memory(figure, found, live) {
    const place = live.network.placeOf("peak_memory");
    const values = found.leaves.map((row) => row.metrics[place][0]);
    const names = found.leaves.map((row) => row.layer);
    drawSteps(figure.querySelector("svg"), names, values);
    if (!live.grids.memory) return; // the main table has the numbers
    const rows = names.map((label, index) => {
      const cell = { text: grouped(values[index]), order: Number(values[index]), exact: values[index] };
      return { label, level: 0, name: "", heading: false, cells: [cell] };
    });
    live.grids.memory.setRows(rows);
    live.grids.memory.draw();
  },
};
