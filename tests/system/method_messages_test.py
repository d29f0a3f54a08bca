"""What users are told about options: refused in one line, explained by `pare check`, shown in reports."""

import re
import unittest
from pathlib import Path

from harness import STORIES, needs_stories, run_pare
from method_harness import ATTENTION_OPTIONS, MIXED, MethodTest


class Refusals(MethodTest):
    """Before anything is computed, in one line."""

    def expect_refused(self, options, *parts, **changes):
        outcome = run_pare("check", self.experiment(options=options, data=self.data, **{"budget": {"ratio": 0.3}, **changes}), timeout=20)

        self.assertEqual(outcome.code, 2, outcome.out + outcome.err)
        (line,) = outcome.err.splitlines()
        self.assertTrue(line.startswith("pare: error: "), line)
        self.assertRegex(line, ".*".join(re.escape(part) for part in parts))

    def test_misspelt_methods_name_the_nearest(self):
        for wrong, right in (
            ("w3-g32-gtpq", "gptq"),
            ("w3-g32-aqw", "awq"),
            ("w8a8-smoth", "smooth"),
            ("q4_m", "q4_0"),
            ("Q4_K_M", "q4_k"),
            ("q3_k-imatrx", "imatrix"),
            ("2:4-sparsgpt", "sparsegpt"),
            ("50%-wnada", "wanda"),
            ("keep-75%-wand+w4-g32", "wanda"),
            ("kep-75%", "keep"),
            ("dorp", "drop"),
        ):
            with self.subTest(wrong):
                self.expect_refused([wrong], "experiment.yaml:4:", "options[0]: ", f"'{wrong}'", "did you mean", f"'{right}'")

    def test_impossible_numbers(self):
        for wrong, reason in (
            ("w3-g20-gptq", "the group size must be a positive multiple of 8"),
            ("w4-g0", "the group size must be a positive multiple of 8"),
            ("4:4-wanda", "1 <= n < m <= 64"),
            ("100%-wanda", "between 1% and 99%"),
            ("keep-0%", "between 1% and 99%"),
            ("50%", "no method behind the sparsity"),
            ("w4a8-awq", "awq is for 16-bit activations"),
            ("w4a8-g32", "one scale an output"),
            ("2:4-wanda+q4_k", "write '2:4-wanda-dense+...'"),
            ("w4-g32-awq-gptq", "'gptq' is a second way of rounding, choose one of mse, gptq, awq"),
            ("w4-g32+2:4-wanda", "in the order keep, sparsity, weights"),
        ):
            with self.subTest(wrong):
                self.expect_refused([wrong], "experiment.yaml:4:", "options[0]: ", f"'{wrong}'", reason)

    def test_pattern_that_no_layer_can_hold(self):
        self.expect_refused(
            ["4:7-magnitude+w4-g32"],
            "model.layers.0.self_attn.q_proj can hold none of its options",
            "4:7-magnitude+w4-g32: a layer of 256 inputs cannot be pruned 4:7, its width must be a multiple of 7",
        )

    @needs_stories
    def test_blocks_that_no_row_fills(self):
        self.expect_refused(
            ["q4_k"],
            "can hold none of its options; q4_k: a row of 64 weights cannot be cut into the blocks of 256 of q4_k, use q5_0",
            model={"path": str(STORIES / "hf")},
        )

    def test_share_that_takes_nothing_away(self):
        # The nearest to 75 % of 2 head groups is 2.
        self.expect_refused(["keep-75%+w4-g32"], "self_attn.", "keep-75% of 2 KV head groups takes none away", "at most keep-74%")

    def test_rules_that_tear_a_sub_layer(self):
        rules = [{"match": "q_proj", "options": ["drop", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]
        self.expect_refused(rules, "'drop' at model.layers.0.self_attn.q_proj decides", "the rule for", "k_proj has no option of that kind")

        rules = [{"match": "q_proj", "options": ["w3-g32-awq", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]
        self.expect_refused(rules, "k_proj", "q_proj", "'w3-g32-awq' scales an input that they share")

    def test_rule_that_names_no_layer(self):
        rules = [{"match": "self_attn", "options": ["drop", "w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]

        self.expect_refused(rules, "'match: self_attn' matches no layer", "(known: q_proj, k_proj", "re:.*self_attn")

    def test_budget_below_the_smallest(self):
        self.expect_refused(["w2-g32-gptq", "2:4-wanda+w4-g32"], "budget", "smallest possible is", budget={"bytes": 1000})
        self.expect_refused(["drop", "w4-g32"], "budget.bytes: expected a whole number of at least 1", budget={"bytes": 0})

    def test_same_as_an_option_that_is_left_out_somewhere(self):
        self.expect_refused(
            ["w2-g32", "w4-g32", "3:12-wanda+w4-g32"],
            "same_as: 3:12-wanda+w4-g32 (not offered at every site)",
            budget={"same_as": "3:12-wanda+w4-g32"},
        )


class Explained(MethodTest):
    """What `pare check` says of such experiments."""

    def check(self, *options, **changes):
        return self.succeed("check", self.offering(*options, **changes), timeout=20).out

    def test_options_that_some_sites_cannot_hold(self):
        text = self.check("w2-g32", "3:12-wanda+w4-g32", "w8-g32")

        flat = " ".join(text.split())
        reason = "3:12-wanda+w4-g32: a layer of 256 inputs cannot be pruned 3:12, its width must be a multiple of 12"
        self.assertIn(f"left out {reason} (36 sites: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj)", flat)
        self.assertEqual(flat.count("cannot be pruned"), 1)
        self.assertNotIn("left out", self.check("w2-g32", "w8-g32"))

    def test_options_that_may_fail(self):
        text = " ".join(self.check("w2-g32", "w8-g32").split())

        self.assertIn("failing a layer goes without an option whose numbers do not work out there", text)

    def test_one_site_left_out(self):
        rules = [{"match": "model.layers.0.mlp.up_proj", "options": ["w4-g32", "4:7-wanda"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]

        self.assertIn("(1 site: up_proj)", " ".join(self.check(options=rules, budget={"ratio": 0.4}).split()))

    def test_calibration_and_its_disk(self):
        text = " ".join(self.check("w2-g32", "w3-g32-gptq", "w3-g32-awq").split())

        self.assertRegex(text, "calibrate the inputs of all layers .* 32 windows that neither .*, for w3-g32-awq, w3-g32-gptq(;.*)? disk")
        self.assertIn("16 held out to confirm, 32 to calibrate on", text)
        self.assertNotRegex(self.check("w2-g32", "w3-g32-mse", "2:4-magnitude"), "calibrate|statistics")

    def test_too_little_text_to_calibrate(self):
        few = " ".join(self.check("w3-g32-gptq", data={**self.data, "windows": 8}).split())

        self.assertIn("WARNING: 1024 tokens are only 1.3 for each of 768 inputs", few)
        self.assertIn("give at least 6144 (data.calibration_windows, data.length)", few)
        self.assertNotIn("WARNING", self.check("w3-g32-gptq", data={**self.data, "windows": 48}))
        self.assertNotIn("WARNING", self.check("w3-g32-gptq", data={**self.data, "windows": 8, "calibration_windows": 48}))
        self.assertNotIn("WARNING", self.check("w3-g32-mse", data={**self.data, "windows": 8}))

    def test_calibration_on_the_text_of_the_search(self):
        text = " ".join(self.check("w3-g32-gptq", data={**self.data, "windows": 48, "calibration_windows": 0}).split())

        self.assertIn("on the 48 search windows (data.calibration_windows: 0)", text)
        self.assertIn("WARNING: the search judges these options on the text that they were fitted to", text)
        self.assertNotIn("to calibrate on", text)

    def test_statistics_take_the_disk_that_it_says(self):
        file = self.experiment(options=["w3-g32-gptq", "w4-g32"], cache=str(self.directory / "cache"), search={"tokens": 2000})
        said = re.search(r"([\d.]+) MB statistics", self.succeed("check", file).out)
        self.search(file)

        (statistics,) = Path(self.directory / "cache").glob("calibration-*.h5")
        self.assertAlmostEqual(float(said[1]) * 1e6 / statistics.stat().st_size, 1, delta=0.05)

    def test_why_layers_are_tied(self):
        text = " ".join(self.check("drop", "w3-g32-awq", "keep-50%", "w8-g32").split())

        self.assertIn("tied drop, keep-50%: take from a whole sub-layer, so all of its layers take part or none", text)
        self.assertIn("w3-g32-awq: scale an input, so the layers that read it have one option", text)
        self.assertNotIn("tied ", self.check("w2-g32", "w8-g32", ties=[["gate_proj", "up_proj"]]))

    def expect_lines_of_at_most(self, width, text):
        self.assertLessEqual(max(map(len, text.splitlines())), width, text)

    def test_lines_stay_readable(self):
        sub_layers = ["drop", "keep-50%+w4-g32", *ATTENTION_OPTIONS[:4], "2:4-wanda+w3-g32", "75%-sparsegpt+w3-g32"]
        layers = [f"w{bits}-g32{method}" for bits in (2, 3, 4, 5, 6) for method in ("", "-gptq", "-gptq-act", "-mse")]
        for options in (sub_layers, layers):
            text = self.check(*options)

            self.expect_lines_of_at_most(110, text[text.index("\n  site ") :].replace(str(self.shared), ""))
            for option in options:
                self.assertIn(f"{option} (", text)

    def report_of(self, options, bits):
        self.search(self.experiment(options=options, budget={"bits_per_weight": bits}, search={"algorithm": "random", "tokens": 6000}))
        return self.succeed("report", self.directory / "experiment").out

    def test_short_names_stand_in_the_grid(self):
        report = self.report_of(["w2-g32-mse", "w3-g32-mse", "w4-g32"], 3.0)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, "0( +w[234]-g32(-mse)?){7} ")

    def test_letters_stand_for_long_names_in_a_wide_grid(self):
        report = self.report_of(["2:4-magnitude+w3-g32", "3:4-magnitude+w3-g32", "w4-g32"], 3.6)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"\n +0( +[ABC]){7} +[\d.]+\n")
        self.assertRegex(report, r"\n +A  2:4-magnitude\+w3-g32\n +B  3:4-magnitude\+w3-g32\n")

    def test_tied_layers(self):
        report = self.report_of(["w2-g32-awq", "w3-g32-awq"], 3.0)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"layer +q_proj\+k_proj\+v_proj +o_proj +gate_proj\+up_proj +down_proj +bits\n")

    def test_a_model_that_guesses(self):
        report = self.report_of(MIXED["options"], 0.5)

        self.expect_lines_of_at_most(120, report)
        self.assertRegex(report, r"uniform drop +0 +0\.000 .* \d\.\d\d\de\+\d\d\n")


if __name__ == "__main__":
    unittest.main()
