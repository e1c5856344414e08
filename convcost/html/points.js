// The points of a roofline, drawn anew between the axes that the chart came with.

const MOST_NAMED = 8; // points with a name
const LEAST_RADIUS = 3; // pixels
const MOST_RADIUS = 9;
const NAME_SIZE = 10;
const NARROW = "ijl.,:;'|!()[]/ ftrI·";
const MARKS = {
  compute: { class: "f-series1 edge" },
  memory: { class: "f-series2 edge", d: "M0-1.35 1.35 0 0 1.35-1.35 0z", "vector-effect": "non-scaling-stroke" },
};

/** Return about how wide a text is. */
function widthOf(text) {
  const ems = [...text].map((char) => (NARROW.includes(char) ? 0.36 : "mwMW@%…→".includes(char) ? 0.95 : 0.62));
  return NAME_SIZE * ems.reduce((a, b) => a + b, 0);
}

/** Return a function from the logarithm of a value to pixels, by two marks of the chart that are far apart; else null. */
function scaleOf(marks) {
  const sorted = [...marks].sort((a, b) => a[0] - b[0]);
  const [[low, start], [high, end]] = [sorted[0], sorted.at(-1)];
  if (!(high - low > 1e-6)) return null;
  return (value) => start + ((value - low) / (high - low)) * (end - start);
}

/** Return the scales of a chart, which its marks and their values give, and its frame; null where they do not. */
function scalesOf(svg) {
  if (svg.scales === undefined) {
    const marks = [...svg.querySelectorAll("g[data-panel] [data-x]")].map((mark) => {
      const moved = /translate\((\S+) (\S+)\)/.exec(mark.getAttribute("transform") ?? "");
      const place = moved ? moved.slice(1) : [mark.getAttribute("cx"), mark.getAttribute("cy")];
      const values = [mark.dataset.x, mark.dataset.y].map((text) => Math.log10(about(constant(text))));
      return values.map((value, axis) => [value, Number(place[axis])]);
    });
    const scales = marks.length ? [0, 1].map((axis) => scaleOf(marks.map((mark) => mark[axis]))) : [null];
    const axes = [...svg.querySelector("g").querySelectorAll("path.s-axis")].map(numbersOf);
    const xs = axes.flatMap((axis) => [axis[0], axis[2]]);
    const ys = axes.flatMap((axis) => [axis[1], axis[3]]);
    const frame = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    svg.scales = scales.includes(null) ? null : { x: scales[0], y: scales[1], frame };
  }
  return svg.scales;
}

/** Return the points of layers, the longest first; those that are at one place are one. */
function pointsOf(leaves, place) {
  const points = new Map();
  for (const row of leaves) {
    const [flops, bytes, compute, memory, seconds] = place.map((each) => row.metrics[each]);
    if (!flops[0] || !bytes[0]) continue;
    const [x, y] = [over(flops, bytes), over(flops, seconds)];
    const key = `${plain(x)} ${plain(y)}`;
    const found = points.get(key) ?? { x, y, name: row.layer, longest: ZERO, count: 0, seconds: ZERO };
    if (compare(seconds, found.longest) > 0) [found.longest, found.name] = [seconds, row.layer];
    found.count += 1;
    found.seconds = add(found.seconds, seconds);
    found.bound = compare(memory, compute) > 0 ? "memory" : "compute";
    points.set(key, found);
  }
  return [...points.values()].sort((a, b) => compare(b.seconds, a.seconds));
}

/** Draw the points of a roofline anew; return whether the chart's axes have room for all of them. */
function drawPoints(svg, points, whole) {
  const scales = scalesOf(svg);
  if (!scales) return false;
  const [left, top, right, bottom] = scales.frame;
  const longest = points.length ? points[0].seconds : ONE;
  const marks = points.map((point) => {
    const [x, y] = [scales.x(Math.log10(about(point.x))), scales.y(Math.log10(about(point.y)))];
    const radius = Math.max(LEAST_RADIUS, MOST_RADIUS * Math.sqrt(partOf(point.seconds, longest)));
    const label = point.count > 1 ? `${point.name} and ${point.count - 1} more` : point.name;
    return { ...point, x, y, radius, label, intensity: about(point.x) };
  });
  if (marks.some(({ x, y }) => !(x >= left && x <= right && y >= top && y <= bottom))) return false;
  const [, , group, names] = svg.querySelectorAll("g");
  group.replaceChildren(...marks.map((mark) => {
    const { x, y, radius, bound } = mark;
    const share = wholePercent(partOf(mark.seconds, whole));
    const few = Number(mark.intensity.toPrecision(4));
    const tip = `${mark.label}: ${few} flops per byte, at least ${secondsText(mark.seconds)}, ${share} of all`;
    const isRound = bound === "compute";
    const placed = isRound ? { cx: x, cy: y, r: radius } : { transform: `translate(${x} ${y}) scale(${radius})` };
    return shape(isRound ? "circle" : "path", { ...MARKS[bound], ...placed }, tip);
  }));
  const taken = marks.map(({ x, y, radius }) => [x - radius, y - radius, x + radius, y + radius]);
  const inside = ([x1, y1, x2, y2]) => x1 >= left && y1 >= top && x2 <= right && y2 <= bottom;
  const free = (box) => taken.every((each) => box[0] >= each[2] || each[0] >= box[2] || box[1] >= each[3] || each[1] >= box[3]);
  names.replaceChildren();
  for (const mark of marks.slice(0, MOST_NAMED)) {
    const found = placesOf(mark).find(({ box }) => inside(box) && free(box));
    if (!found) continue;
    taken.push(found.box);
    const { x, y, anchor, isFar } = found;
    if (isFar) {
      const line = { class: "s-axis", d: `M${mark.x} ${found.box[1]}L${mark.x} ${mark.y - mark.radius - 1}` };
      names.append(shape("path", { ...line, "stroke-width": 0.8 }));
    }
    names.append(caption({ class: "f-ink", x, y, "font-size": NAME_SIZE, "text-anchor": anchor }, mark.label));
  }
  return true;
}

/** Return where the name of a point may stand: beside it, above and below. */
function placesOf({ x, y, radius, label }) {
  const width = widthOf(label);
  const gap = radius + 3;
  const lines = [[x + gap, y + 3.5, "start"], [x - gap, y + 3.5, "end"], [x, y - gap, "middle"], [x, y + gap + 7, "middle"]];
  for (let turn = 1; turn < 4; turn += 1) {
    lines.push([x - 4, y - gap - turn * 13, "end", true], [x + 4, y - gap - turn * 13, "start", true]);
  }
  return lines.map(([at, base, anchor, isFar = false]) => {
    const start = anchor === "start" ? at : anchor === "end" ? at - width : at - width / 2;
    return { x: at, y: base, anchor, isFar, box: [start - 1, base - 8, start + width + 1, base + 2] };
  });
}

CHARTS.roofline = (figure, found, live) => {
  const names = ["flops", "bytes_moved", "compute", "memory", "seconds"];
  const places = names.map((name) => live.network.placeOf(name));
  const fits = drawPoints(figure.querySelector("svg"), pointsOf(found.leaves, places), found.totals[places[4]]);
  figure.classList.toggle("other", !fits);
};
