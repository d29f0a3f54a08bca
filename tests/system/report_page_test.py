"""The page of `pare report --html` in a headless Chromium: what it shows, and that it needs nothing but itself. Then the other
forms of a report, `pare compare`, and what is refused."""

import csv
import html
import html.parser
import io
import os
import re
import shutil
import subprocess
import unittest

from harness import OneSearch, h5py, needs_h5py, run_pare

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = unittest.skipUnless(BROWSER, "there is no chromium to open the page with")
SITES = 42
# A page in a frame, since windows are never narrower than 500 pixels; leaves behind how many pixels it is wider than that.
FRAME = """<body><iframe width={width} height=2000 srcdoc="{page}"></iframe><script>setTimeout(() => {{
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.body.dataset.overflow = page.scrollWidth - page.clientWidth;
  document.body.dataset.cells = page.querySelectorAll("td.cell").length;
}}, 1000)</script>"""


class Page(html.parser.HTMLParser):
    """Elements as (name, attributes, text of all that is inside), in the order of their ends."""

    VOID = {"meta", "link", "br", "img", "hr", "input"}

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        element = (tag, dict(attributes), [])
        if tag not in self.VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        while self.open and self.open[-1][0] != tag:
            self.elements.append(self.open.pop())
        if self.open:
            self.elements.append(self.open.pop())

    def handle_data(self, data):
        if any(tag in ("script", "style") for tag, _, _ in self.open):
            return
        for _, _, text in self.open:
            text.append(data)

    def all(self, tag, cls=None):
        return [(attributes, "".join(text)) for name, attributes, text in self.elements
                if name == tag and (cls is None or cls in attributes.get("class", "").split())]

    def text(self, tag, cls=None):
        return [text for _, text in self.all(tag, cls)]


def opened(file):
    """The page as a browser without a network shows it, and what its console said."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr",
         f"--user-data-dir={file.parent / 'browser'}", "--window-size=1280,2000", "--virtual-time-budget=5000", "--dump-dom",
         file.as_uri()],
        capture_output=True, text=True, timeout=120, env={**os.environ, "HOME": str(file.parent)})
    return Page(done.stdout), [line for line in done.stderr.splitlines() if "CONSOLE" in line]


class Reports(OneSearch):
    """One search, told in all ways."""

    def unfinished(self):
        """The run file as it was before the verdict."""
        file = self.directory / "unfinished.h5"
        shutil.copy(self.run_directory / "run.h5", file)
        with h5py.File(file, "r+") as run:
            del run["verdict"]
        return file

    def written(self, run, form="html"):
        file = self.directory / f"report.{form}"
        self.assertEqual(self.succeed("report", run, f"--{form}", file).out, "")
        return file

    @needs_browser
    def test_page_shows_the_verdict(self):
        page, console = opened(self.written(self.run_directory))
        winner = self.verdict["winner"]

        self.assertEqual(console, [])
        values = page.text("dd", "value")
        self.assertIn(f"{winner['kl']['mean']:.5f}", values)
        self.assertIn(f"{winner['bits_per_weight']:.3f}", values)
        self.assertIn(f"{winner['perplexity']:.4f}", values)
        self.assertTrue(any(f"{winner['bytes']:,} bytes" in text for text in page.text("dd", "detail")))
        rows = page.text("tr")
        for contestant in self.verdict["contestants"]:
            kl = f"{contestant['kl']['mean']:.5f} ± {contestant['kl']['stderr']:.6f}"
            self.assertTrue(any(contestant["name"] in row and kl in row for row in rows), contestant["name"])
        interval = self.verdict["over_uniform"]["loss_difference"]
        self.assertTrue(any(f"{interval['low']:+.5f}".replace("-", "\u2212") in text for text in page.text("p")))
        self.assertIn(self.verdict["digest"], "".join(page.text("td")))

    @needs_browser
    def test_page_shows_every_layer_and_every_figure(self):
        page, _ = opened(self.written(self.run_directory))
        recipe = self.verdict["winner"]["recipe"]

        cells = {attributes["aria-label"].split(":")[0]: attributes["data-options"] for attributes, _ in page.all("td", "cell")}
        self.assertEqual(cells, recipe)
        figures = page.all("svg")
        self.assertGreaterEqual(len(figures), 5)  # rivals, size against loss, layers, best so far twice
        for attributes, text in figures:
            self.assertEqual(attributes["role"], "img")
            self.assertGreater(len(attributes["aria-label"]), 20)
            self.assertTrue(text, attributes["aria-label"])
        self.assertTrue(any("".join(f"{site}: {option}\n" for site, option in recipe.items()) in text for text in page.text("pre")))
        self.assertIn("searching", "".join(page.text("td")))

    @needs_browser
    def test_page_fits_wide_and_narrow_windows(self):
        file = self.written(self.run_directory)
        text = html.escape(file.read_text())

        for width in (1280, 390):
            file.write_text(FRAME.format(width=width, page=text))
            page, console = opened(file)
            self.assertEqual(console, [])
            [(body, _)] = page.all("body")
            self.assertEqual((body["data-overflow"], body["data-cells"]), ("0", str(SITES)), width)

    @needs_browser
    @needs_h5py
    def test_page_of_a_run_that_goes_on_says_so(self):
        page, console = opened(self.written(self.unfinished()))

        self.assertEqual(console, [])
        self.assertEqual(page.text("h1"), ["No verdict yet"])
        self.assertIn(str(self.verdict["trials"]), page.text("dd", "value"))

    def test_page_is_one_small_file_that_asks_for_nothing(self):
        text = self.written(self.run_directory).read_text()

        self.assertLess(len(text), 2_000_000)
        self.assertEqual(set(re.findall(r"https?://[^\"' ]*", text)), {"http://www.w3.org/2000/svg"})
        self.assertNotRegex(text, r"<(link|img|iframe|script)[^>]* (src|href)=")

    def test_markdown_and_csv_say_the_same(self):
        text = self.succeed("report", self.run_directory, "--markdown", "-").out
        trials = list(csv.DictReader(io.StringIO(self.succeed("report", self.run_directory, "--csv", "-").out)))

        self.assertIn(f"| **{self.verdict['winner']['name']}** | {self.verdict['winner']['bytes']:,} |", text)
        self.assertEqual(len(trials), self.verdict["trials"])
        seconds = [float(trial["seconds"]) for trial in trials]
        self.assertEqual(seconds, sorted(seconds))
        held_out = [trial for trial in trials if trial["set"] == "holdout"]
        self.assertEqual([float(trial["kl_mean"]) for trial in held_out], [c["kl"]["mean"] for c in self.verdict["contestants"]])
        self.assertEqual({site: held_out[0][site] for site in self.verdict["winner"]["recipe"]}.keys(), self.verdict["winner"]["recipe"].keys())

    def test_compare_pairs_runs_of_one_text(self):
        random = self.home.search(self.home.experiment("random", search={"algorithm": "random", "tokens": 8000}))

        comparison = self.succeed("compare", self.run_directory, self.home.directory / "random/run.h5", "--json").json

        first, other = comparison["budgets"][0]["runs"]
        self.assertEqual(comparison["warnings"], [])
        self.assertTrue(other["paired"])
        self.assertAlmostEqual(other["kl_difference"]["mean"], random["winner"]["kl"]["mean"] - self.verdict["winner"]["kl"]["mean"])
        self.assertEqual(first["bytes"], self.verdict["winner"]["bytes"])

    def refused(self, *arguments):
        outcome = run_pare(*arguments)
        self.assertNotEqual(outcome.code, 0)
        self.assertEqual(outcome.out, "")
        self.assertRegex(outcome.err, r"^pare: error: [^\n]*\n$")
        return outcome.err

    def test_output_that_cannot_be_written(self):
        for form in ("html", "markdown", "csv"):
            target = self.directory / "nowhere" / f"report.{form}"
            self.assertIn(str(target), self.refused("report", self.run_directory, f"--{form}", target))
            self.assertFalse(target.parent.exists())

    def test_damaged_run_files_leave_no_page(self):
        damaged = self.directory / "run.h5"
        damaged.write_bytes((self.run_directory / "run.h5").read_bytes()[:20000])
        page = self.directory / "report.html"

        self.assertIn("run.h5", self.refused("report", damaged, "--html", page))
        self.assertIn("run.h5", self.refused("compare", damaged, self.run_directory))
        self.assertFalse(page.exists())

    @needs_h5py
    def test_run_file_of_another_version(self):
        other = self.directory / "run.h5"
        shutil.copy(self.run_directory / "run.h5", other)
        with h5py.File(other, "r+") as run:
            run.attrs["version"] = 99

        self.assertIn("version 99", self.refused("report", other, "--html", self.directory / "report.html"))

    @needs_h5py
    def test_compare_needs_verdicts(self):
        self.assertIn("has no verdict yet", self.refused("compare", self.run_directory, self.unfinished()))


if __name__ == "__main__":
    unittest.main()
