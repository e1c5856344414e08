// Tables that sort, filter and fold; of long ones the rows in sight are drawn, no others.

const MOST_DRAWN = 400; // rows; of longer tables those in sight are drawn
const FEW = 16; // rows of a table that needs no filter
const MOST_OPEN = 40; // rows that are seen at first
const ROW_HEIGHT = 28; // pixels of a row in a long table, as the style has it
const BEYOND = 12; // rows that are drawn above and below what is in sight
const SVG = "http://www.w3.org/2000/svg";

/** Return a new element. */
function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** Return a bar; dark and light are percents of its width. */
function barOf(dark, light = 0) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("aria-hidden", "true");
  for (const [width, name] of [[light, "light"], [dark, ""]]) {
    if (!width) continue;
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("width", `${width}%`);
    rect.setAttribute("height", "100%");
    if (name) rect.setAttribute("class", name);
    svg.append(rect);
  }
  return svg;
}

/** Return by what a cell is sorted: its number where it is one, else its text. */
function orderOf(cell) {
  const given = cell.getAttribute("data-v");
  if (given !== null) return Number(given);
  return numberIn(cell.textContent) ?? cell.textContent;
}

/** Return the number that a text begins with, null where there is none. */
function numberIn(text) {
  const found = /^[→≥≈\s]*([+−-]?[\d,]+(?:\.\d+)?)/.exec(text);
  return found ? Number(found[1].replaceAll(",", "").replace("−", "-")) : null;
}

class Grid {
  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.columns = [...table.tHead.rows[0].cells].map((cell) => ({
      title: cell.textContent,
      cell,
      name: cell.className,
      number: cell.classList.contains("n"),
      bar: cell.dataset.kind === "bar",
      fold: cell.dataset.fold ?? "",
    }));
    this.sorted = null; // [column, whether the largest is first]
    this.words = [];
    this.folded = new Set();
    this.setRows([...this.body.rows].map(readRow));
    this.addHeads();
    this.foldToFit();
    this.addTools();
    this.table.parentElement.addEventListener("scroll", () => this.drawInSight());
    addEventListener("beforeprint", () => this.draw(true));
    addEventListener("afterprint", () => this.draw());
  }

  /** Take rows, and find which are in which. */
  setRows(rows) {
    this.rows = rows;
    const open = [];
    rows.forEach((row, index) => {
      row.index = index;
      open.length = Math.min(open.length, row.level);
      row.path = [...open.map((each) => rows[each].label), row.label].join("/");
      row.within = open.filter((each) => rows[each].heading);
      row.leaves = [];
      open[row.level] = index;
      if (!row.heading) for (const each of row.within) rows[each].leaves.push(row);
    });
    this.groups = rows.filter((row) => row.heading);
    this.wholes = new Map();
    for (const row of this.groups) this.sumUp(row);
  }

  /** Return the sum of all rows in a column. */
  whole(place) {
    if (!this.wholes.has(place)) this.wholes.set(place, totalOf(this.rows.filter((row) => !row.heading), place));
    return this.wholes.get(place);
  }

  /** Fill the cells of a block with what its rows are together. */
  sumUp(row) {
    row.cells = this.columns.slice(1).map((column, place) => {
      if (!column.fold) return row.cells[place] ?? { text: "", order: "" };
      const values = row.leaves.map((leaf) => leaf.cells[place].exact ?? leaf.cells[place].order);
      if (column.fold === "count") return { text: counted(row.leaves.length, "layer"), order: "" };
      if (column.fold.startsWith("share of ")) {
        const of = this.columns.findIndex((each) => each.title === column.fold.slice(9)) - 1;
        const whole = this.whole(of);
        const share = whole ? Number(totalOf(row.leaves, of)) / Number(whole) : 0;
        return column.bar ? { text: "", order: share, share: [100 * share, 0] } : { text: tenths(share), order: share };
      }
      if (column.bar) {
        const share = Math.max(0, ...row.leaves.map((leaf) => leaf.cells[place].share?.[0] ?? 0));
        return { text: "", order: share, share: [share, 0] };
      }
      const numbers = values.map(asBig);
      const total =
        column.fold === "sum" ? numbers.reduce((a, b) => a + b, 0n) : numbers.reduce((a, b) => (b > a ? b : a), 0n);
      return { text: grouped(total), order: Number(total) };
    });
  }

  /** Make the heads buttons that sort. */
  addHeads() {
    if (this.rows.some((row) => !row.label)) return; // rows that continue those before them stay with these
    for (const column of this.columns) {
      if (column.bar) continue;
      const button = element("button", { type: "button" }, column.title);
      button.addEventListener("click", () => this.sortBy(column));
      column.cell.replaceChildren(button);
    }
  }

  sortBy(column) {
    const first = column.number;
    const [now, largest] = this.sorted ?? [];
    if (now !== column) this.sorted = [column, first];
    else this.sorted = largest === first ? [column, !first] : null;
    for (const each of this.columns) each.cell.removeAttribute("aria-sort");
    if (this.sorted) column.cell.setAttribute("aria-sort", this.sorted[1] ? "descending" : "ascending");
    this.table.parentElement.scrollTop = 0;
    this.draw();
  }

  /** Fold the deepest blocks until the rows fit. */
  foldToFit() {
    if (this.rows.length <= MOST_OPEN) return;
    const deepest = Math.max(0, ...this.groups.map((row) => row.level));
    for (let level = deepest; level >= 0; level -= 1) {
      for (const row of this.groups) if (row.level === level) this.folded.add(row.index);
      if (this.visible().length <= MOST_OPEN) return;
    }
  }

  /** Add the field that filters and the buttons that fold. */
  addTools() {
    if (this.rows.length < FEW) {
      this.draw();
      return;
    }
    const field = element("input", { type: "search", placeholder: "Filter rows", "aria-label": "Filter rows" });
    this.status = element("span", { class: "status", role: "status" });
    field.addEventListener("input", () => {
      this.words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.table.parentElement.scrollTop = 0;
      this.draw();
    });
    const tools = element("div", { class: "tools" }, field);
    if (this.groups.length) {
      for (const [text, folds] of [["Fold all", true], ["Unfold all", false]]) {
        const button = element("button", { type: "button" }, text);
        button.addEventListener("click", () => {
          this.folded = new Set(folds ? this.groups.map((row) => row.index) : []);
          this.draw();
        });
        tools.append(button);
      }
    }
    tools.append(this.status);
    this.table.parentElement.before(tools);
    this.draw();
  }

  /** Return the rows that are shown, in their order. */
  visible() {
    const flat = this.sorted || this.words.length;
    let rows = this.rows.filter((row) => {
      if (!flat) return !row.within.some((each) => this.folded.has(each));
      return !row.heading && this.words.every((word) => textOf(row).includes(word));
    });
    if (this.sorted) {
      const [column, largest] = this.sorted;
      const place = this.columns.indexOf(column) - 1;
      rows = sortRows(rows, (row) => (place < 0 ? row.path : row.cells[place].order), largest);
    }
    return rows;
  }

  /** Draw the rows again, all of them for a printer. */
  draw(whole = false) {
    this.shown = this.visible();
    this.isLong = this.shown.length > MOST_DRAWN && !whole;
    this.table.parentElement.classList.toggle("long", this.isLong);
    if (this.status) {
      const all = this.rows.length - this.groups.length;
      const leaves = this.shown.filter((row) => !row.heading).length;
      this.status.textContent = this.words.length ? `${grouped(leaves)} of ${counted(all, "row")}` : counted(all, "row");
    }
    if (this.isLong) {
      this.table.setAttribute("aria-rowcount", this.shown.length + 1);
      this.first = -1;
      this.drawInSight();
    } else {
      this.table.removeAttribute("aria-rowcount");
      this.body.replaceChildren(...this.shown.map((row) => this.rowNode(row)));
    }
  }

  /** Draw the rows of a long table that are in sight, and room for the others. */
  drawInSight() {
    if (!this.isLong) return;
    const box = this.table.parentElement;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - BEYOND);
    if (first === this.first) return;
    this.first = first;
    const last = Math.min(this.shown.length, first + Math.ceil(box.clientHeight / ROW_HEIGHT) + 2 * BEYOND);
    const rows = this.shown.slice(first, last).map((row, place) => {
      const node = this.rowNode(row);
      node.setAttribute("aria-rowindex", first + place + 2);
      return node;
    });
    this.body.replaceChildren(this.room(first), ...rows, this.room(this.shown.length - last));
  }

  /** Return an empty row as high as so many. */
  room(rows) {
    const node = element("tr", { class: "room", "aria-hidden": "true" }, element("td", { colspan: this.columns.length }));
    node.firstChild.style.height = `${rows * ROW_HEIGHT}px`;
    return node;
  }

  /** Return a row as an element. */
  rowNode(row) {
    const flat = this.sorted || this.words.length;
    const head = element("th", { scope: "row" });
    const node = element("tr", row.name ? { class: row.name } : {}, head);
    if (row.level && !flat) node.setAttribute("data-l", Math.min(row.level, 9));
    if (row.heading && row.leaves.length) head.append(this.toggle(row));
    else head.append(flat ? row.path : row.label);
    row.cells.forEach((cell, place) => {
      const column = this.columns[place + 1];
      const td = element("td", column.name ? { class: column.name } : {});
      if (cell.node) td.append(cell.node);
      else if (cell.share) td.append(barOf(...cell.share));
      else td.append(cell.text);
      node.append(td);
    });
    return node;
  }

  /** Return the button that folds a block. */
  toggle(row) {
    const isFolded = this.folded.has(row.index);
    const button = element("button", { type: "button", "aria-expanded": String(!isFolded) }, row.label);
    button.addEventListener("click", () => {
      if (isFolded) this.folded.delete(row.index);
      else this.folded.add(row.index);
      const height = this.table.parentElement.scrollTop;
      this.draw();
      this.table.parentElement.scrollTop = height;
      for (const each of this.body.querySelectorAll("th button")) if (each.textContent === row.label) each.focus();
    });
    return button;
  }
}

/** Return the row that an element shows. */
function readRow(node) {
  const [head, ...cells] = node.cells;
  return {
    label: head.textContent,
    level: Number(node.dataset.l ?? 0),
    name: node.className,
    heading: node.classList.contains("h"),
    cells: cells.map((cell) => {
      const drawing = cell.querySelector("svg");
      if (!drawing?.classList.contains("bar")) return { text: cell.textContent, order: orderOf(cell), node: drawing };
      const widths = [...drawing.querySelectorAll("rect")].map((rect) => parseFloat(rect.getAttribute("width")));
      return { text: "", order: Math.max(0, ...widths), share: [widths.at(-1) ?? 0, widths.length > 1 ? widths[0] : 0] };
    }),
  };
}

/** Return the number of a cell as BigInt, 0 where it is none. */
function asBig(value) {
  if (typeof value === "bigint") return value;
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value) : 0n;
}

/** Return the sum of some rows in a column. */
function totalOf(rows, place) {
  return rows.reduce((found, row) => found + asBig(row.cells[place].exact ?? row.cells[place].order), 0n);
}

/** Return all text of a row, in small letters. */
function textOf(row) {
  row.text ??= [row.path, ...row.cells.map((cell) => cell.text)].join(" ").toLowerCase();
  return row.text;
}

/** Return rows sorted by a key, those without a number last. */
function sortRows(rows, key, largest) {
  const side = largest ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (typeof x !== typeof y) return typeof x === "string" ? 1 : -1;
    if (typeof x === "string") return side * x.localeCompare(y, "en", { numeric: true });
    return x === y ? 0 : side * (x < y ? -1 : 1);
  });
}
