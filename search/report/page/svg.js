// Drawing: figures that are drawn anew for the width they get, scales with round ticks, labels that make room.
function shape(name, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes))
    if (known(value)) made.setAttribute(key, value);
  if (known(text)) made.textContent = text;
  return made;
}

// What draws a figure in the width that it has on the page; called once it is there, and again when the window changes.
const drawings = [];

// draw(width) returns {height, shapes}.
function figure(label, draw) {
  const svg = shape("svg", {role: "img", "aria-label": label});
  drawings.push(() => {
    const width = Math.floor(svg.parentElement.getBoundingClientRect().width);
    if (width < 50) return;
    const {height, shapes} = draw(width);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.replaceChildren(...shapes);
  });
  return element("figure", {}, svg);
}

function linear([low, high], [from, to]) {
  const span = high - low || Math.abs(high) || 1;
  const scale = (value) => from + (value - low) / span * (to - from);
  scale.ticks = (count) => {
    const rough = span / Math.max(1, count);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * span; ++i)
      ticks.push(Number((i * step).toPrecision(12)));
    return ticks;
  };
  return scale;
}

function logarithmic([low, high], [from, to]) {
  const inner = linear([Math.log10(low), Math.log10(high)], [from, to]);
  const scale = (value) => inner(Math.log10(value));
  scale.ticks = (count) => {
    const decades = Math.log10(high / low);
    if (decades < 1.1) return linear([low, high], [0, 1]).ticks(count);
    const factors = decades > count ? [1] : decades > count / 2 ? [1, 3] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); ++power)
      for (const factor of factors) {
        const tick = Number(`${factor}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    return ticks;
  };
  return scale;
}

// Grid lines and the numbers at them; the titles of the axes stand at their ends.
function axes(x, y, box, {xTitle, yTitle, xCount, yCount = 5, xText = short, yText = short}) {
  const shapes = [shape("text", {x: 0, y: 12}, yTitle)];
  for (const tick of y.ticks(yCount)) {
    shapes.push(shape("line", {class: "axis", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick)}));
    shapes.push(shape("text", {x: box.left - 8, y: y(tick) + 4, "text-anchor": "end"}, yText(tick)));
  }
  for (const tick of x.ticks(xCount ?? Math.max(4, Math.floor((box.right - box.left) / 90)))) {
    shapes.push(shape("line", {class: "axis", x1: x(tick), x2: x(tick), y1: box.bottom, y2: box.bottom + 4}));
    shapes.push(shape("text", {x: x(tick), y: box.bottom + 18, "text-anchor": "middle"}, xText(tick)));
  }
  shapes.push(shape("text", {x: box.right, y: box.bottom + 36, "text-anchor": "end"}, xTitle));
  return shapes;
}

// Moves labels {y} down and up until they are `gap` apart, within [top, bottom].
function spread(labels, gap, top, bottom) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, i) => {
    label.at = i ? Math.max(label.y, sorted[i - 1].at + gap) : Math.max(label.y, top);
  });
  for (let i = sorted.length - 1; i >= 0; --i)
    sorted[i].at = Math.min(sorted[i].at, i === sorted.length - 1 ? bottom : sorted[i + 1].at - gap);
}

function dot(x, y, radius, fill, title, more = {}) {
  const made = shape("circle", {cx: x, cy: y, r: radius, fill, ...more});
  if (title) made.append(shape("title", {}, title));
  return made;
}
