// The head of the page: what was found, in one sentence and four numbers, and how sure that is.
const verdict = run.verdict;
const winner = verdict && verdict.contestants.find((each) => each.name === verdict.winner.name);
const modelName = run.model.split("/").filter(Boolean).slice(-2).join("/") || "a model";

function headline() {
  if (!verdict) return run.status && run.status.state === "FAILED" ? "The search failed" : "No verdict yet";
  const over = verdict.over_uniform;
  if (!over) return `KL ${fixed(winner.kl.mean, 5)} at ${bytesText(winner.bytes)}; no uniform recipe fits`;
  if (over.name === winner.name) return `No recipe was better than ${over.name}`;
  if (over.loss_difference.high >= 0) return `No sure difference from ${over.name}`;
  const uniform = verdict.contestants.find((each) => each.name === over.name);
  if (byAccuracy)
    return `${percent(1 - winner.accuracy, 1)} wrong answers, ${percent(1 - uniform.accuracy, 1)} with ${over.name}`;
  const ratio =
      run.objective.metric === "perplexity" ? Math.exp(over.loss_difference.mean) : winner.loss / uniform.loss;
  const name = run.objective.metric === "perplexity" ? "perplexity" : "KL";
  const where = run.objective.combine === "worst" ? " in the worst domain" : "";
  return `${percent(1 - ratio)} less ${name}${where} than the best uniform recipe that fits`;
}

function againstText(over) {
  if (!over || over.name === winner.name) return null;
  const d = over.loss_difference;
  const unit = byAccuracy ? "" : " nats a token";
  return element(
      "p", {},
      `Against ${over.name}: ${signed(d.mean, 5)}${unit} of ${lossName}, 95 % interval ` +
          `[${signed(d.low, 5)}, ${signed(d.high, 5)}], paired over ${run.holdout_windows} held-out windows ` +
          `of ${run.window_length} tokens` +
          (run.objective.metric === "kl" && run.objective.combine === "mean" && over.kl_ratio ?
               `. That is ${fixed(over.kl_ratio, 3)} times the KL.` :
               "."));
}

function facts(entries) {
  return element(
      "dl", {class: "facts"},
      ...entries.map(
          ([name, value, detail]) => element(
              "div", {}, element("dt", {}, name), element("dd", {class: "value"}, value),
              element("dd", {class: "detail"}, detail))));
}

function verdictFacts() {
  const loss = byAccuracy ?
      ["Right answers", percent(winner.accuracy, 1), `full model ${percent(verdict.reference.accuracy, 1)}`] :
      [
        "KL to the full model", fixed(winner.kl.mean, 5),
        `\u00b1 ${fixed(winner.kl.stderr, 6)} standard error, nats a token`
      ];
  return facts([
    ["Size", bytesText(winner.bytes), `${grouped(winner.bytes)} bytes of ${grouped(verdict.budget_bytes)} allowed`],
    [
      "Bits a weight", fixed(winner.bits_per_weight, 3),
      `${percent(winner.bytes / verdict.reference.bytes, 1)} of the checkpoint's ${bytesText(verdict.reference.bytes)}`
    ],
    loss,
    ["Perplexity", perplexity(winner.perplexity), `full model ${perplexity(verdict.reference.perplexity)}`],
  ]);
}

function statusFacts() {
  const status = run.status;
  const best = status && status.best;
  const entries = [[
    "Trials", grouped(run.trials.total),
    `of '${run.algorithm}'` + (run.trials.failed ? `, ${run.trials.failed} failed` : "")
  ]];
  if (!status)
    entries.push(
        ["State", "unknown", "give the directory of the run instead of run.h5 to see it, and the best recipe so far"]);
  if (status) entries.unshift(["State", status.state, status.process || "nobody said more"]);
  if (status && status.tokens_limit)
    entries.push(["Tokens", short(status.tokens_done), `of at most ${short(status.tokens_limit)} in the search`]);
  if (best)
    entries.push([
      "Best so far", fixed(best.loss, 5),
      `${lossName} on ${best.windows} search windows` +
          (best.uniform ? `; ${fixed(best.uniform_loss, 5)} with ${best.uniform}` : "")
    ]);
  return facts(entries);
}

function head() {
  const made = element(
      "header", {}, element("p", {class: "kicker"}, `${modelName}, searched by '${run.algorithm}', seed ${run.seed}`),
      element("h1", {}, headline()),
      ...(verdict ? [againstText(verdict.over_uniform), againstText(verdict.over_mixture)].filter(known) : []));
  if (!verdict) {
    made.append(element(
        "p", {class: "alert"},
        "The search has not come to its end: what follows is what it knows so far, on search windows. " +
            "Nothing has been confirmed on held-out windows." +
            (run.status && run.status.error ? ` It says: ${run.status.error}` : "")));
  } else if (verdict.ended_by) {
    made.append(
        element("p", {class: "alert"}, `Ended by search.limits.${verdict.ended_by}, with the best recipe so far.`));
  }
  made.append(verdict ? verdictFacts() : statusFacts());
  return made;
}
