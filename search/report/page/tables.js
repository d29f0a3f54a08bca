// Workers, domains, and everything in full.
function workersSection() {
  const {crew} = run, shown = crew.workers.slice(0, 64);
  if (!shown.length) return null;
  const again = [[crew.retries, "after failures"], [crew.lost_leases, "after losses"], [crew.late_leases, "late"]]
                    .filter(([count]) => count)
                    .map(([count, why]) => `, ${plural(count, "task")} handed out again ${why}`)
                    .join("");
  return section(
      "workers", "Workers",
      `${crew.workers.filter((w) => w.alive).length} of ${crew.workers.length} alive${verdict ? " at the end" : ""}, ` +
          `busy ${percent(crew.utilization)} of ${duration(crew.seconds)}${again}.` +
          (shown.length < crew.workers.length ? ` The first ${shown.length} are shown.` : ""),
      barList(
          shown.map(
              (w) =>
                  [w.name, crew.seconds ? w.busy_seconds / crew.seconds : 0,
                   `${percent(crew.seconds ? w.busy_seconds / crew.seconds : null)} busy, ` +
                       `${plural(w.tasks, "task")}, 95 % within ${duration(w.latency_p95_seconds)}` +
                       (w.failures ? `, ${w.failures} failed` : "") + (w.alive ? "" : `, ${w.state}`),
                   !w.alive]),
          "Share of the time that each worker was busy"));
}

function domainsSection() {
  if (!verdict || !winner.domains) return null;
  const over = verdict.over_uniform && verdict.over_uniform.name !== winner.name ?
      verdict.contestants.find((each) => each.name === verdict.over_uniform.name) :
      null;
  const rows = winner.domains.map(
      (domain, d) =>
          ({...domain, uniform: over && over.domains[d], reference: verdict.reference.domain_perplexities?.[d]}));
  const columns = [
    {title: "domain", header: true, value: (d) => d.name},
    {title: "windows", number: true, value: (d) => grouped(d.windows)}, {
      title: "KL \u00b1 standard error",
      number: true,
      value: (d) => `${fixed(d.kl.mean, 5)} \u00b1 ${fixed(d.kl.stderr, 6)}`
    },
    {title: "perplexity", number: true, value: (d) => perplexity(d.perplexity)}
  ];
  if (known(winner.accuracy))
    columns.push({title: "right answers", number: true, value: (d) => percent(d.accuracy, 1)});
  if (over)
    columns.push(
        {title: `KL of ${over.name}`, number: true, value: (d) => fixed(d.uniform.kl.mean, 5)},
        {title: "its perplexity", number: true, value: (d) => perplexity(d.uniform.perplexity)});
  if (verdict.reference.domain_perplexities)
    columns.push({title: "full model", number: true, value: (d) => perplexity(d.reference)});
  return section(
      "domains", "By domain", `${winner.name} on the held-out windows of each domain of the text.`,
      table(columns, rows, {label: "By domain"}));
}

function recipeText(recipe) {
  return `# ${grouped(recipe.bytes)} bytes, ${recipe.bits_per_weight.toFixed(4)} bits per weight, ` +
      `${run.sites.length} sites\n` +
      run.sites.map((site, s) => `${site[siteName]}: ${run.options[recipe.options[s]]}\n`).join("");
}

function lossesOf(rows, columns, title) {
  return rows.length ? unfolding(`${title} (${rows.length})`, table(columns, rows, {label: title})) : null;
}

function fullSection() {
  const several = run.recipes.length > 1;
  return section(
      "full", "In full", null,
      ...run.recipes.map(
          (recipe) => unfolding(
              several ? `Recipe of ${recipe.name}, ${recipe.title}` : `Recipe of ${recipe.name}`,
              element(
                  "p", {class: "note"},
                  "As `pare report --recipe` prints it; `pare evaluate --recipe` and `pare export --recipe` read it."),
              element("pre", {tabindex: "0"}, recipeText(recipe)))),
      verdict ? lossesOf(
                    verdict.left_out,
                    [
                      {title: "site", header: true, value: (e) => e.site}, {title: "option", value: (e) => e.option},
                      {title: "why", wide: true, value: (e) => e.reason}
                    ],
                    "Options left out") :
                null,
      verdict ? lossesOf(
                    verdict.failed,
                    [
                      {title: "trial", header: true, number: true, value: (e) => grouped(e.trial)},
                      {title: "why", wide: true, value: (e) => e.reason}
                    ],
                    "Trials that could not be measured") :
                null,
      unfolding("Experiment, resolved", element("pre", {tabindex: "0"}, run.yaml)),
      unfolding(
          "Provenance",
          table(
              [
                {title: "fact", header: true, value: ([key]) => key},
                {title: "value", wide: true, value: ([, value]) => value || "\u2013"}
              ],
              [
                ...run.provenance,
                ...(verdict ? [["digest", `${verdict.digest} over ${grouped(verdict.trials)} trials`]] : [])
              ],
              {label: "Provenance"})));
}
