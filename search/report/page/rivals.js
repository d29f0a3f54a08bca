// Everybody of the final: how much more they lose than the winner, and the table.
function forest(rivals) {
  const rows = rivals
                   .map((each) => {
                     const d = each.winner_difference;
                     return {name: each.name, mean: -d.mean, low: -d.high, high: -d.low};
                   })
                   .sort((a, b) => a.mean - b.mean);
  const label = `Additional ${lossName} against the winner, with 95 % intervals: ` +
      rows.map((row) => `${row.name} ${signed(row.mean, 5)}`).join(", ");
  return figure(label, (width) => {
    const narrow = width < 620;
    const nameWidth = narrow ? 0 : Math.min(220, 7 * Math.max(...rows.map((row) => row.name.length)) + 16);
    const textWidth = narrow ? 0 : 220;
    const rowHeight = narrow ? 46 : 30;
    const top = 8, bottom = top + rows.length * rowHeight;
    const low = Math.min(0, ...rows.map((row) => row.low)), high = Math.max(0, ...rows.map((row) => row.high));
    const x = linear([low, high], [nameWidth + 10, width - textWidth - 10]);
    const shapes = [];
    for (const tick of x.ticks(Math.max(2, Math.floor((width - nameWidth - textWidth) / 100)))) {
      shapes.push(shape("line", {class: "axis", x1: x(tick), x2: x(tick), y1: top, y2: bottom}));
      shapes.push(shape("text", {x: x(tick), y: bottom + 16, "text-anchor": "middle"}, short(tick)));
    }
    shapes.push(shape("line", {x1: x(0), x2: x(0), y1: top, y2: bottom, stroke: "var(--accent)", "stroke-width": 2}));
    rows.forEach((row, i) => {
      const y = top + (i + (narrow ? 0.72 : 0.5)) * rowHeight;
      const text = `${signed(row.mean, 5)}  [${signed(row.low, 5)}, ${signed(row.high, 5)}]`;
      shapes.push(
          shape("line", {x1: x(row.low), x2: x(row.high), y1: y, y2: y, stroke: "var(--rival)", "stroke-width": 2}));
      shapes.push(dot(x(row.mean), y, 4.5, "var(--rival)"));
      shapes.push(shape("text", {class: "strong halo", x: 0, y: narrow ? y - 16 : y + 4}, row.name));
      shapes.push(shape("text", {class: "halo", x: width, y: narrow ? y - 16 : y + 4, "text-anchor": "end"}, text));
    });
    shapes.push(shape(
        "text", {class: "accent", x: x(0), y: bottom + 34, "text-anchor": x(0) > width / 2 ? "end" : "start"},
        `winner: ${winner.name}`));
    shapes.push(shape("text", {x: width - textWidth, y: bottom + 34, "text-anchor": "end"}, lossUnit));
    return {height: bottom + 40, shapes};
  });
}

function contestantTable() {
  const columns = [
    {title: "contestant", header: true, value: (c) => c.name},
    {title: "bytes", number: true, value: (c) => grouped(c.bytes)},
    {title: "bits a weight", number: true, value: (c) => fixed(c.bits_per_weight, 3)},
    {
      title: "KL \u00b1 standard error",
      number: true,
      value: (c) => `${fixed(c.kl.mean, 5)} \u00b1 ${fixed(c.kl.stderr, 6)}`
    },
    {title: "perplexity", number: true, value: (c) => perplexity(c.perplexity)},
  ];
  if (run.objective.metric !== "kl" || run.objective.combine !== "mean")
    columns.push(
        {title: lossName, number: true, value: (c) => `${fixed(c.loss, 5)} \u00b1 ${fixed(c.loss_half_width, 5)}`});
  if (known(winner.accuracy))
    columns.push({title: "right answers", number: true, value: (c) => percent(c.accuracy, 1)});
  columns.push({title: "", value: (c) => c === winner ? "winner" : c.fits ? "" : "over the budget"});
  return table(columns, verdict.contestants, {
    label: "All contestants on the held-out windows",
    className: (c) => c === winner ? "winner" :
        c.fits                     ? null :
                                     "muted"
  });
}

function rivalsSection() {
  if (!verdict) return null;
  const rivals = verdict.contestants.filter((each) => each.fits && each !== winner);
  return section(
      "rivals",
      verdict.front ? "Against everybody else under the largest budget" : "Against everybody else of the same budget",
      rivals.length ? `How much more ${lossName} the others have, on the held-out windows that no search saw; ` +
              "bars are 95 % intervals, paired over windows." :
                      null,
      rivals.length ? forest(rivals) : null, contestantTable());
}
