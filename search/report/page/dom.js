// Elements. Texts go in as text, never as markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    if (known(value)) made.setAttribute(key, value);
  made.append(...children.filter(known));
  return made;
}

function section(id, title, lede, ...children) {
  const made = element("section", {id, "aria-labelledby": id + "-title"}, element("h2", {id: id + "-title"}, title));
  if (lede) made.append(element("p", {class: "lede"}, lede));
  made.append(...children.filter(known));
  return made;
}

// columns: [{title, value(row), number, header, wide}]; className(row) marks rows.
function table(columns, rows, {label, className} = {}) {
  const kind = (column) => [column.number ? "number" : "", column.wide ? "wide" : ""].join(" ").trim() || null;
  const head = element("tr", {}, ...columns.map((c) => element("th", {scope: "col", class: kind(c)}, c.title)));
  const body = rows.map(
      (row) => element(
          "tr", {class: className ? className(row) : null},
          ...columns.map(
              (c) => element(c.header ? "th" : "td", {scope: c.header ? "row" : null, class: kind(c)}, c.value(row)))));
  return element(
      "div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label},
      element("table", {class: "data"}, element("thead", {}, head), element("tbody", {}, ...body)));
}

// Rows of [name, share from 0 to 1, [number, ...] or words, is bad].
function barList(rows, label) {
  return element(
      "table", {class: "bars", "aria-label": label},
      element(
          "tbody", {},
          ...rows.map(
              ([name, share, text, bad]) => element(
                  "tr", {}, element("td", {}, name),
                  element(
                      "td", {class: "track"},
                      element("span", {class: bad ? "bar bad" : "bar", style: `width:${100 * Math.min(1, share)}%`})),
                  ...(Array.isArray(text) ? text.map((number) => element("td", {class: "number"}, number)) :
                                            [element("td", {class: "words"}, text)])))));
}

function unfolding(title, ...content) {
  return element("details", {}, element("summary", {}, title), element("div", {}, ...content));
}
