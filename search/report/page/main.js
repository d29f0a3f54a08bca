document.title = `${modelName}: ${headline()} \u2013 pare`;
document.getElementById("page").append(
    ...[head(), rivalsSection(), paretoSection(), heatSection(), sensitivitySection(), curveSection(), domainsSection(),
        effortSection(), workersSection(), fullSection()]
        .filter(known));

function drawAll() {
  for (const draw of drawings) draw();
}
drawAll();
addEventListener("resize", drawAll);
