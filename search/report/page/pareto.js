// Size against loss: all trials, uniform recipes, contestants, the front.
function paretoPoints() {
  const points = verdict ?
      verdict.contestants.map(
          (c) => ({
            bits: c.bits_per_weight,
            loss: c.loss,
            name: c.name,
            bytes: c.bytes,
            uniform: c.name.startsWith("uniform "),
            wins: c === winner || (verdict.front || []).some((point) => point.winner.name === c.name)
          })) :
      [];
  const best = !verdict && run.recipes.length && run.status ? run.status.best : null;
  if (best)
    points.push({
      bits: bitsOf(best.bytes),
      loss: best.loss,
      name: "best so far",
      bytes: best.bytes,
      uniform: false,
      wins: true
    });
  return points.filter((point) => point.loss > 0).sort((a, b) => a.wins - b.wins);
}

function paretoFrame(points, budgets) {
  const inner = [...points.map((p) => p.bits), ...budgets];
  if (!inner.length) inner.push(...run.trials.points.map((t) => t[0]));
  const low = Math.min(...inner), high = Math.max(...inner), pad = Math.max(0.25, 0.2 * (high - low));
  const inside = run.trials.points.filter(([bits, loss]) => bits >= low - pad && bits <= high + pad && loss > 0);
  const losses = inside.map((t) => t[1]).sort((a, b) => a - b);
  const at = (share) => losses[Math.min(losses.length - 1, Math.floor(share * losses.length))];
  const all = [...points.map((p) => p.loss), ...(losses.length ? [at(0), at(0.97)] : [])];
  return {
    bits: [low - pad, high + pad],
    loss: [Math.min(...all) * 0.8, Math.max(...all) * (byAccuracy ? 1 : 1.25)],
    inside
  };
}

function paretoFigure() {
  const points = paretoPoints();
  const budgets = (verdict ? (verdict.front || [{budget_bytes: verdict.budget_bytes}]) : run.recipes)
                      .map((each) => bitsOf(each.budget_bytes));
  const frame = paretoFrame(points, budgets);
  const uniforms = run.uniforms.filter(
      ([, bits, loss]) =>
          bits >= frame.bits[0] && bits <= frame.bits[1] && loss >= frame.loss[0] && loss <= frame.loss[1]);
  const label = `Bits a weight against ${lossName}, ${grouped(frame.inside.length)} recipes tried; ` +
      points.map((p) => `${p.name}: ${fixed(p.bits, 3)} bits, ${fixed(p.loss, 5)}`).join("; ");
  return figure(label, (width) => {
    const box = {left: 58, right: width - 8, top: 28, bottom: Math.round(Math.min(460, Math.max(300, 0.5 * width)))};
    const x = linear(frame.bits, [box.left, box.right]),
          y = (byAccuracy ? linear : logarithmic)(frame.loss, [box.bottom, box.top]);
    const shapes = axes(x, y, box, {xTitle: "bits a weight", yTitle: `${lossTitle}, ${lossUnit}`});
    for (const [bits, loss, windows] of frame.inside)
      if (loss <= frame.loss[1])
        shapes.push(
            dot(x(bits), y(loss), frame.inside.length > 1000 ? 1.8 : 2.6, "var(--faint)", null,
                {opacity: 0.2 + 0.5 * windows / run.search_windows}));
    for (const bits of budgets)
      shapes.push(shape("line", {class: "guide", x1: x(bits), x2: x(bits), y1: box.top, y2: box.bottom}));
    if (budgets.length)
      shapes.push(shape(
          "text", {
            x: x(budgets.at(-1)) + (x(budgets.at(-1)) > width - 80 ? -6 : 6),
            y: box.top + 10,
            "text-anchor": x(budgets.at(-1)) > width - 80 ? "end" : "start"
          },
          budgets.length > 1 ? "budgets" : "budget"));
    const baseline = points.filter((p) => p.uniform)
                         .sort((a, b) => a.bits - b.bits)
                         .filter((p, i, all) => all.slice(0, i).every((smaller) => smaller.loss > p.loss));
    if (baseline.length > 1)
      shapes.push(shape("polyline", {
        fill: "none",
        stroke: "var(--rival)",
        "stroke-width": 1,
        opacity: 0.7,
        points: baseline.map((p) => `${x(p.bits)},${y(p.loss)}`).join(" ")
      }));
    for (const [name, bits, loss] of uniforms)
      shapes.push(dot(
          x(bits), y(loss), 4, "var(--paper)",
          `uniform ${name}, ${fixed(bits, 3)} bits, ${fixed(loss, 5)} on search windows`, {stroke: "var(--rival)"}));
    const front = points.filter((p) => p.wins).sort((a, b) => a.bits - b.bits);
    if (front.length > 1)
      shapes.push(shape("polyline", {
        fill: "none",
        stroke: "var(--accent)",
        "stroke-width": 1.5,
        points: front.map((p) => `${x(p.bits)},${y(p.loss)}`).join(" ")
      }));
    shapes.push(...paretoLabels(points, x, y, box, width));
    return {height: box.bottom + 42, shapes};
  });
}

// Names stand beside their points; where many share a place, lines lead to them.
function paretoLabels(points, x, y, box, width) {
  const shapes = [];
  const named = points.length <= 14 ? points : points.filter((p) => p.wins || p.uniform);
  const labels =
      named.map((p) => ({p, x: x(p.bits), y: y(p.loss), side: x(p.bits) + 12 + 6.6 * p.name.length > width ? -1 : 1}));
  for (const side of [-1, 1]) spread(labels.filter((l) => l.side === side), 15, box.top + 16, box.bottom - 4);
  for (const p of points)
    shapes.push(
        dot(x(p.bits), y(p.loss), p.wins ? 6 : 4.5,
            p.wins        ? "var(--accent)" :
                p.uniform ? "var(--rival)" :
                            "var(--ink-2)",
            `${p.name}: ${fixed(p.bits, 3)} bits a weight, ${grouped(p.bytes)} bytes, ${lossName} ${fixed(p.loss, 5)}`,
            {stroke: "var(--paper)", "stroke-width": 1.5}));
  for (const {p, x: px, y: py, at, side} of labels) {
    if (Math.abs(at - py) > 4)
      shapes.push(shape("path", {class: "leader", d: `M${px + 6 * side},${py} L${px + 18 * side},${at}`}));
    shapes.push(shape(
        "text", {
          x: px + (Math.abs(at - py) > 4 ? 21 : 11) * side,
          y: at + 4,
          "text-anchor": side < 0 ? "end" : "start",
          class: p.wins ? "accent halo" : "strong halo"
        },
        p.name));
  }
  return shapes;
}

function paretoSection() {
  if (!run.trials.points.length && !verdict) return null;
  const shown =
      run.trials.points.length < run.trials.recipes ? ` (${grouped(run.trials.points.length)} are drawn)` : "";
  return section(
      "pareto", "Size against loss",
      "Filled points were measured on held-out windows. Faint ones are recipes tried, " +
          `${grouped(run.trials.recipes)} in all${shown}, on the search windows they were measured on ` +
          "(darker: more of them); " +
          "rings are uniform recipes there. Lower left is better.",
      paretoFigure(), frontTable());
}

function frontTable() {
  if (!verdict || !verdict.front) return null;
  return table(
      [
        {title: "budget, bits", header: true, number: true, value: (p) => fixed(bitsOf(p.budget_bytes), 3)},
        {title: "winner", value: (p) => p.winner.name},
        {title: "bytes", number: true, value: (p) => grouped(p.winner.bytes)},
        {title: "bits a weight", number: true, value: (p) => fixed(p.winner.bits_per_weight, 3)},
        {
          title: "KL \u00b1 standard error",
          number: true,
          value: (p) => `${fixed(p.winner.kl.mean, 5)} \u00b1 ${fixed(p.winner.kl.stderr, 6)}`
        },
        {title: "perplexity", number: true, value: (p) => perplexity(p.winner.perplexity)},
        {
          title: "best uniform recipe that fits",
          value: (p) => p.uniform ? `${fixed(p.uniform.kl.mean, 5)}  ${p.uniform.name}` : "none"
        },
      ],
      verdict.front, {label: "The winner under each budget"});
}
