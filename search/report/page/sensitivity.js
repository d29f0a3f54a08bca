// How much each site loses alone: a strip of bars a kind, one scale for all.
function sensitivityRows() {
  if (run.site_losses.length) {
    const rows = run.site_losses.map(
        ([site, option, loss, error]) => ({site: run.sites[site], option: run.options[option], loss, error}));
    return {rows, measured: true};
  }
  const recipe = run.recipes[0];
  if (!recipe) return {rows: [], measured: false};
  return {
    rows: chosenSites(recipe).map((c) => ({site: c.site, option: c.option, loss: c.error, error: 0})),
    measured: false
  };
}

function sensitivityFigure(rows, measured) {
  const strips = kinds.map((kind) => ({kind, rows: rows.filter((row) => row.site[siteKind] === kind)}))
                     .filter((strip) => strip.rows.length);
  const most = Math.max(...rows.map((row) => row.loss), 1e-12);
  const worst = rows.reduce((a, b) => a.loss > b.loss ? a : b);
  const unit = measured ? lossUnit : "relative squared error";
  const whole = (strip) =>
      short(strip.rows.reduce((sum, row) => sum + row.loss, 0) / (measured ? 1 : strip.rows.length));
  const label = `Loss of each layer alone, by kind and layer, ${unit}; ` +
      `the largest is ${worst.site[siteName]} with ${short(worst.loss)}; ` +
      `${measured ? "sums" : "means"} by kind: ` + strips.map((strip) => `${strip.kind} ${whole(strip)}`).join(", ");
  return figure(label, (width) => {
    const left = 86, right = width - 76, stripHeight = 46, top = 26;
    const slot = (right - left) / layers.length;
    const shapes = [
      shape("text", {x: left, y: 12}, unit),
      shape("text", {x: width, y: 12, "text-anchor": "end"}, measured ? "sum" : "mean")
    ];
    strips.forEach((strip, i) => {
      const base = top + (i + 1) * stripHeight - 8;
      const y = linear([0, most], [base, base - stripHeight + 14]);
      shapes.push(shape("line", {class: "axis", x1: left, x2: right, y1: base, y2: base}));
      shapes.push(shape("text", {class: "strong", x: 0, y: base}, strip.kind));
      for (const row of strip.rows) {
        const x = left + layers.indexOf(row.site[siteLayer]) * slot;
        const bar = shape("rect", {
          x: x + slot * 0.14,
          width: Math.max(1, slot * 0.72),
          y: Math.min(y(row.loss), base - 0.5),
          height: Math.max(0.5, base - y(row.loss)),
          fill: "var(--accent)"
        });
        bar.append(shape(
            "title", {},
            `${row.site[siteName]}, ${row.option}: ${short(row.loss)}` +
                (measured ? ` \u00b1 ${short(row.error)} standard error` : "")));
        shapes.push(bar);
        if (row === worst)
          shapes.push(shape(
              "text", {class: "accent", x: x + slot / 2, y: y(row.loss) - 3, "text-anchor": "middle"},
              short(row.loss)));
      }
      shapes.push(shape("text", {x: width, y: base, "text-anchor": "end"}, whole(strip)));
    });
    const bottom = top + strips.length * stripHeight;
    const every = Math.ceil(layers.length / Math.max(2, Math.floor((right - left) / 40)));
    layers.forEach((layer, i) => {
      if (i % every === 0)
        shapes.push(shape("text", {x: left + (i + 0.5) * slot, y: bottom + 8, "text-anchor": "middle"}, String(layer)));
    });
    shapes.push(shape("text", {x: 0, y: bottom + 8}, "layer"));
    return {height: bottom + 14, shapes};
  });
}

function sensitivitySection() {
  const {rows, measured} = sensitivityRows();
  if (!rows.length) return null;
  const options = [...new Set(rows.map((row) => row.option))];
  const to = options.length > 3 ? "options differ, see the bars" : "to " + options.join(" or ");
  const lede = measured ?
      `What ${lossName} rises by when one layer alone is compressed (${to}), everything else left at its best; ` +
          "paired over search windows." :
      "This algorithm measured no layer alone. Instead, the relative squared error of each layer's outputs " +
          "(or weights) under its chosen option.";
  return section("sensitivity", "What each layer is sensitive to", lede, sensitivityFigure(rows, measured));
}
