"use strict";
(() => {
  const table = document.querySelector("table.layers");
  if (!table) return;
  const body = table.tBodies[0], rows = [...body.rows];
  const heads = [...table.querySelectorAll("th[data-column]")];
  const byIndex = new Map(rows.map((row) => [Number(row.dataset.i), row]));

  // Sorting: by number where there is one, else by text.
  const key = (row, column) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
  const compare = (a, b, sign) => {
    const x = Number(a), y = Number(b);
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x < y ? -1 : x > y ? 1 : 0);
  };
  heads.forEach((head) => head.querySelector("button").addEventListener("click", () => {
    const column = Number(head.dataset.column);
    const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : "falls" in head.dataset;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    rows.sort((a, b) => compare(key(a, column), key(b, column), down ? -1 : 1));
    body.append(...rows);
  }));

  // Filtering by text (node, tensor, operator) and to the kept layers.
  const search = document.getElementById("filter"), kept = document.getElementById("only-kept"), shown = document.getElementById("shown");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = (row.cells[1].textContent + " " + row.cells[2].textContent).toLowerCase();
      row.hidden = (kept.checked && !("kept" in row.dataset)) || !words.every((word) => text.includes(word));
      count += !row.hidden;
    }
    shown.textContent = `${count} of ${rows.length} layers`;
  };
  search.addEventListener("input", filter);
  kept.addEventListener("change", filter);
  filter();

  // Charts: one cursor for all of them, by pointer or arrow keys; a click or Enter goes to the layer's row.
  const plots = [...document.querySelectorAll(".plot[data-layers]")], total = rows.length;
  const tipColumns = heads.filter((head) => "tip" in head.dataset);
  let current = -1;
  const element = (name, text, parent, kind = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = kind;
    parent.append(made);
    return made;
  };
  const clear = () => document.querySelectorAll(".cursor, .tip").forEach((item) => item.remove());
  const describe = (row, parent) => {
    element("b", row.querySelector(".name").textContent, parent);
    element("div", `${row.cells[2].textContent.trim()}, ${row.cells[3].textContent.trim()}, layer ${row.dataset.i}`, parent);
    const lines = element("table", "", parent);
    for (const head of tipColumns) {
      const text = row.cells[Number(head.dataset.column)].textContent.trim();
      if ("nonzero" in head.dataset && text === "0") continue;
      const line = lines.insertRow();
      line.insertCell().textContent = head.dataset.tip;
      line.insertCell().textContent = text;
    }
  };
  const show = (plot, index) => {
    clear();
    current = Math.min(total - 1, Math.max(0, index));
    const at = (100 * (current + 0.5)) / total;
    plots.forEach((each) => { element("div", "", each, "cursor").style.left = `${at}%`; });
    const tip = element("div", "", plot, "tip");
    describe(byIndex.get(current), tip);
    plot.setAttribute("aria-valuenow", current);
    plot.setAttribute("aria-valuetext", [...tip.querySelectorAll("b, div, tr")].map((item) => item.textContent).join("; "));
    if (at < 50) tip.style.left = `calc(${at}% + .7rem)`;
    else tip.style.right = `calc(${100 - at}% + .7rem)`;
  };
  const visit = () => {
    const row = byIndex.get(current);
    if (!row || row.hidden) return;
    rows.forEach((each) => each.classList.toggle("lit", each === row));
    row.scrollIntoView({ block: "center" });
  };
  // To a screen reader a chart is a slider over the layers: its value is read out as it moves.
  for (const plot of plots) {
    Object.entries({ role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": total - 1, "aria-valuenow": 0 })
      .forEach(([name, value]) => plot.setAttribute(name, value));
    const index = (event) => {
      const frame = plot.getBoundingClientRect();
      return Math.floor(((event.clientX - frame.left) / frame.width) * total);
    };
    plot.addEventListener("pointermove", (event) => show(plot, index(event)));
    plot.addEventListener("pointerleave", clear);
    plot.addEventListener("blur", clear);
    plot.addEventListener("click", visit);
    plot.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -total, End: total };
      if (event.key in moves) { event.preventDefault(); show(plot, current + moves[event.key]); }
      if (event.key === "Enter") visit();
      if (event.key === "Escape") clear();
    });
  }
})();
