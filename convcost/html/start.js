// What happens when the page is there.

for (const section of document.querySelectorAll("section.report")) {
  const grids = {};
  for (const table of section.querySelectorAll("table.grid")) {
    const grid = new Grid(table);
    if (table.dataset.key) grids[table.dataset.key] = grid;
  }
  const data = section.querySelector("script.live");
  if (data) section.live = new Live(section, grids, JSON.parse(data.textContent));
}
document.documentElement.classList.add("ready");
