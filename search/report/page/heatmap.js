// What became of each layer: layers down, kinds of site across, a colour by bits a weight.
const [siteName, siteKind, siteLayer, siteWeights, siteBytes] = [0, 1, 2, 3, 4];
const kinds = [...new Set(run.sites.map((site) => site[siteKind]))];
const layers = [...new Set(run.sites.map((site) => site[siteLayer]))].sort((a, b) => a - b);

// Names without the words at their ends that all of them share: w2-g32 and w3-g32 are w2 and w3.
function shortNames(names) {
  const words = names.map((name) => name.split("-"));
  let shared = 0;
  while (words.length > 1 &&
         words.every((each) => each.length > shared + 1 && each.at(-1 - shared) === words[0].at(-1 - shared)))
    ++shared;
  return {
    shared: shared ? "-" + words[0].slice(-shared).join("-") : "",
    of: new Map(names.map((name, i) => [name, words[i].slice(0, words[i].length - shared).join("-")]))
  };
}

function chosenSites(recipe) {
  return run.sites.map((site, s) => ({
                         site,
                         option: run.options[recipe.options[s]],
                         bytes: recipe.bytes_of[s],
                         bits: bitsOf(recipe.bytes_of[s], site[siteWeights]),
                         error: recipe.errors[s]
                       }));
}

const totalBits = (chosen) =>
    bitsOf(chosen.reduce((sum, c) => sum + c.bytes, 0), chosen.reduce((sum, c) => sum + c.site[siteWeights], 0));

// One scale for all recipes of the page, so that they can be compared.
const heatRange = (() => {
  const bits = run.recipes.flatMap((recipe) => chosenSites(recipe).map((c) => c.bits)).filter((b) => b > 0);
  return [Math.min(...bits), Math.max(...bits)];
})();
const heat = (bits) =>
    heatRange[1] > heatRange[0] ? Math.min(1, Math.max(0, (bits - heatRange[0]) / (heatRange[1] - heatRange[0]))) : 0.5;

function heatKey(chosen, names) {
  const used = new Map();
  for (const c of chosen) {
    const entry = used.get(c.option) ?? {name: c.option, count: 0, bytes: 0, weights: 0};
    used.set(
        c.option,
        {...entry, count: entry.count + 1, bytes: entry.bytes + c.bytes, weights: entry.weights + c.site[siteWeights]});
  }
  const entries = [...used.values()]
                      .map((e) => ({...e, bits: bitsOf(e.bytes, e.weights)}))
                      .sort((a, b) => a.bits - b.bits || (a.name < b.name ? -1 : 1));
  return element(
      "ul", {class: "key"},
      ...entries.map(
          (e) => element(
              "li", {}, element("span", {class: "swatch", style: `--t:${heat(e.bits)}`}),
              `${names.of.get(e.name)}${names.shared}: ${fixed(e.bits, 2)} bits, ${plural(e.count, "layer")}`)));
}

function heatCell(here, names, say) {
  if (!here.length) return element("td", {"aria-label": "none"}, "");
  const bits = totalBits(here);
  const options = [...new Set(here.map((c) => names.of.get(c.option)))];
  const text = options.join("/");
  const words = here.map(
                        (c) => `${c.site[siteName]}: ${c.option}, ${fixed(c.bits, 3)} bits a weight, ` +
                            `${grouped(c.bytes)} bytes of ${grouped(c.site[siteBytes])}, local error ${short(c.error)}`)
                    .join("; ");
  const cell = element(
      "td", {
        class: `cell${heat(bits) > 0.55 ? " high" : ""}${bits === 0 ? " none" : ""}`,
        style: `--t:${heat(bits)}`,
        tabindex: "-1",
        "aria-label": words,
        "data-options": here.map((c) => c.option).join(" ")
      },
      text.length <= 7 ? text : fixed(bits, 2));
  for (const event of ["mouseenter", "focus"]) cell.addEventListener(event, () => say(words));
  return cell;
}

// One cell takes part in the tab order; arrows go to the others.
function arrowKeys(grid) {
  const first = grid.querySelector("td.cell");
  if (first) first.tabIndex = 0;
  grid.addEventListener("keydown", (event) => {
    const step = {ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0]}[event.key];
    const cell = event.target.closest("td.cell");
    if (!step || !cell) return;
    event.preventDefault();
    const next = grid.rows[cell.parentElement.rowIndex + step[0]]?.cells[cell.cellIndex + step[1]];
    if (!next || !next.matches("td.cell")) return;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

function heatGrid(recipe) {
  const chosen = chosenSites(recipe);
  const names = shortNames([...new Set(chosen.map((c) => c.option))]);
  const rest = "Point at a cell, or reach the map with the tab key and use the arrows, to read what it is.";
  const reading = element("p", {class: "reading", "aria-live": "polite"}, rest);
  const say = (words) => {
    reading.textContent = words;
  };
  const head = element(
      "tr", {}, element("th", {scope: "col", class: "layer"}, "layer"),
      ...kinds.map((kind) => element("th", {scope: "col"}, kind.replace(/_/g, "_\u200b"))),
      element("th", {scope: "col", class: "sum"}, "bits"));
  const rows = layers.map((layer) => {
    const here = chosen.filter((c) => c.site[siteLayer] === layer);
    return element(
        "tr", {}, element("th", {scope: "row"}, String(layer)),
        ...kinds.map((kind) => heatCell(here.filter((c) => c.site[siteKind] === kind), names, say)),
        element("td", {class: "sum"}, fixed(totalBits(here), 2)));
  });
  const sums = element(
      "tr", {}, element("th", {scope: "row"}, "bits"),
      ...kinds.map(
          (kind) => element(
              "td", {class: "sum", style: "text-align:center"},
              fixed(totalBits(chosen.filter((c) => c.site[siteKind] === kind)), 2))),
      element("td", {class: "sum"}, fixed(recipe.bits_per_weight, 2)));
  const grid = element(
      "table", {class: "heat", "aria-label": `Options of ${recipe.name}, by layer and kind; colour is bits a weight`},
      element("thead", {}, head), element("tbody", {}, ...rows, sums));
  arrowKeys(grid);
  return [heatKey(chosen, names), grid, reading];
}

function heatSection() {
  if (!run.recipes.length) return null;
  const place = element("div", {});
  const choice =
      element("div", {class: "choice", role: "group", "aria-label": "Recipe shown"}, ...run.recipes.map((recipe) => {
        const button = element("button", {type: "button"}, recipe.title);
        button.addEventListener("click", () => show(recipe, button));
        return button;
      }));
  function show(recipe, pressed) {
    for (const button of choice.children) button.setAttribute("aria-pressed", String(button === pressed));
    place.replaceChildren(...heatGrid(recipe));
  }
  show(run.recipes[0], choice.firstElementChild);
  const what = verdict ?
      `How ${run.recipes.length > 1 ? "the winner under each budget" : verdict.winner.name} spends its bits` :
      "How the best recipe so far spends its bits";
  return section(
      "heatmap", "Where the bits go",
      what + ": deeper colour means more bits a weight; the last column and row are means.",
      run.recipes.length > 1 ? choice : null, place);
}
