// Numbers as the terminal prints them.
const run = JSON.parse(document.getElementById("run").textContent);
const known = (value) => value !== null && value !== undefined;
const fixed = (value, digits) => known(value) ? value.toFixed(digits).replace("-", "\u2212") : "\u2013";
const signed = (value, digits) => known(value) && value > 0 ? "+" + fixed(value, digits) : fixed(value, digits);
const grouped = (value) => String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
const perplexity = (value) => known(value) && value >= 1e5 ? value.toExponential(3) : fixed(value, 4);
const percent = (share, digits = 0) => known(share) ? fixed(100 * share, digits) + " %" : "\u2013";
const plural = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;

function short(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e9) return trimmed(value / 1e9) + " G";
  if (size >= 1e6) return trimmed(value / 1e6) + " M";
  if (size >= 1e4) return trimmed(value / 1e3) + " k";
  return size < 1e-4 ? value.toExponential(0).replace("-", "\u2212") : trimmed(value);
}
const trimmed = (value) => String(Number(value.toPrecision(3))).replace("-", "\u2212");

function bytesText(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1000;
    ++unit;
  }
  return `${unit === 0 ? bytes : Number(bytes.toPrecision(4))} ${units[unit]}`;
}

function duration(seconds) {
  if (!known(seconds)) return "\u2013";
  if (seconds < 60) return `${seconds < 10 ? fixed(seconds, 1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, "0");
  return whole < 3600 ? `${Math.floor(whole / 60)}:${two(whole % 60)} min` :
                        `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)} h`;
}

const byAccuracy = run.objective.metric === "accuracy";
const lossName = run.objective.name;
const lossUnit = byAccuracy ? "share" : "nats a token";
const lossTitle = lossName.charAt(0).toUpperCase() + lossName.slice(1);
const bitsOf = (bytes, weights = run.weights) => 8 * bytes / weights;
