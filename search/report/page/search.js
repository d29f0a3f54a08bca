// How the search went: best so far, and how good its predictions were.
const [atTokens, atSeconds, atLoss, atWindows, atRatio] = [0, 1, 2, 3, 4];

function curveFigure(position, xTitle, xText, unit = 1) {
  const relative = run.curve.every((point) => known(point[atRatio]));
  const value = relative ? atRatio : atLoss;
  const points = run.curve.filter((point) => known(point[position]) && known(point[value]))
                     .map((point) => ({at: point[position] / unit, value: point[value]}));
  const last = points.at(-1);
  const yTitle = relative ? (byAccuracy                                ? "wrong answers" :
                                 run.objective.metric === "perplexity" ? "perplexity" :
                                                                         "KL") +
          " / best uniform" :
                            `${lossTitle}, ${lossUnit}`;
  const label = `Best so far: ${yTitle} against ${xTitle}; from ${fixed(points[0].value, 3)} ` +
      `to ${fixed(last.value, 3)} at ${xText(last.at)}`;
  return figure(label, (width) => {
    const box = {left: 46, right: width - 44, top: 28, bottom: 240};
    const values = points.map((point) => point.value).concat(relative ? [1] : []);
    const low = Math.min(...values), high = Math.max(...values), pad = 0.08 * (high - low || high);
    const x = linear([0, last.at], [box.left, box.right]), y = linear([low - pad, high + pad], [box.bottom, box.top]);
    const shapes = axes(x, y, box, {xTitle, yTitle, xText, xCount: Math.max(2, Math.floor(width / 110))});
    if (relative)
      shapes.push(
          shape("line", {x1: box.left, x2: box.right, y1: y(1), y2: y(1), stroke: "var(--rival)"}),
          shape("text", {x: box.right, y: y(1) - 5, "text-anchor": "end"}, "best uniform"));
    const path = points.map((point, i) => (i ? `H${x(point.at)}V` : `M${x(point.at)},`) + y(point.value)).join("");
    shapes.push(shape("path", {d: path, fill: "none", stroke: "var(--accent)", "stroke-width": 2}));
    shapes.push(
        dot(x(last.at), y(last.value), 4, "var(--accent)"),
        shape("text", {class: "accent", x: x(last.at) + 8, y: y(last.value) + 4}, fixed(last.value, 3)));
    return {height: box.bottom + 42, shapes};
  });
}

// In the largest unit of which there are two.
function secondsFigure() {
  const most = Math.max(...run.curve.map((point) => point[atSeconds] ?? 0));
  const [unit, name] = most >= 7200 ? [3600, "hours"] : most >= 120 ? [60, "minutes"] : [1, "seconds"];
  return curveFigure(atSeconds, `${name} of search, over all starts`, short, unit);
}

function curveSection() {
  if (run.curve.length < 2) return null;
  const timed = run.curve.filter((point) => known(point[atSeconds])).length > 1;
  const budget = verdict && verdict.front ? " under the largest budget" : "";
  return section(
      "curve", "Best so far",
      `The best recipe that fits${budget}, by the search windows that at least two such recipes ` +
          "were measured on at that time. Early points stand on few windows.",
      element(
          "div", {class: timed ? "pair" : ""}, curveFigure(atTokens, "candidate-tokens", short),
          timed ? secondsFigure() : null),
      timed ? null : element("p", {class: "note"}, "This run file does not say when trials were measured."));
}

function predictionFigure() {
  const pairs = run.predictions.filter(([p, m]) => known(p) && known(m));
  const figures = verdict.figures;
  const label = `Predicted against measured change of ${lossName} for ${pairs.length} fresh recipes; ` +
      `rank correlation of the latest ${fixed(figures.surrogate_correlation, 2)}`;
  return figure(label, (width) => {
    const size = Math.min(width - 66, 380);
    const box = {left: 58, right: 58 + size, top: 28, bottom: 28 + size * 0.8};
    const values = pairs.flat(), low = Math.min(...values, 0), high = Math.max(...values, 0),
          pad = 0.05 * (high - low || 1e-9);
    const x = linear([low - pad, high + pad], [box.left, box.right]),
          y = linear([low - pad, high + pad], [box.bottom, box.top]);
    const shapes = axes(x, y, box, {
      xTitle: `predicted change, ${lossUnit}`,
      yTitle: `measured change, ${lossUnit}`,
      xCount: Math.floor(size / 80)
    });
    shapes.push(
        shape("line", {class: "guide", x1: x(low - pad), y1: y(low - pad), x2: x(high + pad), y2: y(high + pad)}),
        shape("text", {x: x(high) - 4, y: y(high) - 6, "text-anchor": "end"}, "as predicted"));
    for (const [p, m] of pairs)
      shapes.push(dot(x(p), y(m), 3, "var(--accent)", `predicted ${short(p)}, measured ${short(m)}`, {opacity: 0.6}));
    return {height: box.bottom + 42, shapes};
  });
}

function predictionPart() {
  const figures = verdict && verdict.figures;
  if (!figures || !figures.surrogate_trials) return null;
  const made = element(
      "div", {}, element("h2", {}, "Predicted against measured"),
      element(
          "p", {class: "lede"},
          "How the surrogate's promise for a fresh recipe, against the best one of that time, " +
              "held when it was measured. " +
              `Rank correlation of the latest trials ${fixed(figures.surrogate_correlation, 2)}, ` +
              `${plural(figures.surrogate_trials, "trial")} in all.`));
  if (run.predictions.length > 1) made.append(predictionFigure());
  return made;
}

function effortPart() {
  if (!verdict) return null;
  const {spent, figures} = verdict;
  const made = element("div", {}, element("h2", {}, "Where the time went"));
  const total = spent.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  if (total > 0) {
    const most = Math.max(...spent.stages.map((stage) => stage.seconds));
    made.append(
        element("p", {class: "lede"}, `${duration(total)} in the start that came to the verdict.`),
        barList(
            spent.stages.map((s) => [s.name, s.seconds / most, [duration(s.seconds), percent(s.seconds / total)]]),
            "Seconds by stage"));
  } else {
    made.append(element(
        "p", {class: "lede"},
        `${duration(spent.seconds)} from the first trial to the verdict; this run file does not say more.`));
  }
  const runs = spent.stage_runs + spent.stage_runs_saved;
  const notes =
      [`${grouped(spent.tokens)} tokens in ${plural(spent.evaluations, "trial")}, ` +
       `${grouped(spent.search_tokens)} of them in the search`];
  if (spent.reused_tokens) notes.push(`${grouped(spent.reused_tokens)} more known from other runs`);
  if (runs) notes.push(`shared prefixes saved ${percent(spent.stage_runs_saved / runs)} of the stage runs`);
  const raced = figures.rungs.reduce((sum, rung) => sum + rung.spent_windows, 0) + figures.windows_saved;
  const saved = percent(figures.windows_saved / Math.max(1, raced));
  if (figures.races)
    notes.push(`${plural(figures.races, "race")} saved ${saved} against measuring every entrant on all windows`);
  made.append(element("p", {class: "note"}, notes.join("; ") + "."));
  return made;
}

function effortSection() {
  const parts = [effortPart(), predictionPart()].filter(known);
  return parts.length ? element(
                            "section", {id: "effort", "aria-label": "Effort"},
                            element("div", {class: parts.length > 1 ? "pair" : ""}, ...parts)) :
                        null;
}
