"""`pare export`: from a run to files that load, and what is refused on the way."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from harness import DEMO_MODEL, SOURCE, OneSearch, SystemTest, h5py, needs_h5py, run_pare, start_pare

OPTIONS = ["w4-g32", "w4-g128-sym", "w8a8", "w16"]


class ExportTest(OneSearch):
    def export(self, name, *arguments, code=0):
        """The output of an export into a directory of this test, and the directory."""
        output = self.directory / name
        outcome = run_pare("export", self.run_directory, "--output", output, "--quiet", *arguments)
        self.assertEqual(outcome.code, code, outcome.err)
        if code != 0:
            self.assertEqual(len(outcome.err.strip().splitlines()), 1, outcome.err)
        return outcome, output


class Export(ExportTest):
    """One search for vllm, exported in many ways."""

    changes = {"target": "vllm", "options": OPTIONS, "budget": {"bits_per_weight": 5}}

    def test_fused_layers_have_one_option(self):
        recipe = self.verdict["winner"]["recipe"]

        self.assertEqual(len(recipe), 24)
        self.assertIn("model.layers.0.self_attn.{q_proj,k_proj,v_proj}", recipe)

    def test_winner_reads_back_with_the_loss_of_the_run(self):
        outcome, output = self.export("model")

        facts = json.loads((output / "pare_export.json").read_text())
        self.assertEqual(facts["held_out_kl"]["promised"], facts["held_out_kl"]["file"])
        self.assertAlmostEqual(facts["held_out_kl"]["file"], self.verdict["winner"]["kl"]["mean"], places=12)
        self.assertEqual(facts["layer_bytes"]["promised"], self.verdict["winner"]["bytes"])
        self.assertEqual(facts["recipe"], self.verdict["winner"]["recipe"])
        self.assertIn("bit for bit", outcome.out)
        for name in ("config.json", "model.safetensors", "tokenizer.json", "generation_config.json"):
            self.assertTrue((output / name).is_file(), name)

    def test_export_is_a_model_like_any_other(self):
        _, output = self.export("model", "--recipe", "uniform w8a8")
        file = self.experiment("again", model={"path": str(output)}, options=["w16"], budget={"same_as": "w16"})

        kl = self.succeed("evaluate", file, "--recipe", "w16", "--json", "--quiet").json["kl"]["mean"]
        self.assertLess(kl, 1e-6)  # to itself

    def test_output_of_an_earlier_export_is_replaced_and_nothing_else(self):
        self.export("model", "--no-verify")
        self.export("model", "--no-verify", "--recipe", "w4-g32")
        foreign = self.directory / "mine"
        foreign.mkdir()
        (foreign / "thesis.tex").write_text("years of work")

        outcome, _ = self.export("mine", code=2)

        self.assertIn("exists and was not written by pare", outcome.err)
        self.assertTrue((foreign / "thesis.tex").exists())
        self.assertEqual([p for p in self.directory.iterdir() if p.name.startswith(".")], [])

    def test_recipe_evaluates_to_what_the_run_measured(self):
        _, recipe = self.export("recipe.yaml", "--format", "recipe")

        again = self.succeed("evaluate", self.file, "--recipe", recipe, "--json", "--quiet").json

        self.assertEqual(again["kl"], self.verdict["winner"]["kl"])

    def test_llm_compressor_recipe_names_every_quantized_layer(self):
        _, recipe = self.export("llm.yaml", "--format", "llm-compressor", "--recipe", "w4-g128-sym")

        text = recipe.read_text()
        self.assertEqual(text.count("            - model.layers."), 42)
        self.assertIn("num_bits: 4, type: int, symmetric: true, strategy: group, group_size: 128", text)

    def test_dense_weights_are_verified_too(self):
        outcome, output = self.export("dense", "--format", "dense", "--recipe", "w4-g32")

        self.assertIn("bit for bit", outcome.out)
        self.assertEqual(json.loads((output / "config.json").read_text())["torch_dtype"], "float32")

    def test_what_cannot_be_exported_is_said(self):
        outcome, output = self.export("dense", "--format", "dense", "--recipe", "w8a8", code=2)
        self.assertIn("plain weights cannot say that inputs are quantized", outcome.err)
        self.assertFalse(output.exists())

        self.assertIn("did you mean 'dense'", self.export("x", "--format", "dens", code=2)[0].err)
        self.assertIn("'w4-g64' is not offered by every site", self.export("x", "--recipe", "w4-g64", code=2)[0].err)

    def test_file_limit_leaves_nothing_behind(self):
        output = self.directory / "model"

        outcome = run_pare(
            "export", self.run_directory, "--output", output, "--quiet",
            before=["bash", "-c", 'trap "" XFSZ; ulimit -f 1000; exec "$@"', "bash"],
        )

        self.assertNotEqual(outcome.code, 0)
        self.assertIn("cannot be written", outcome.err)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_damaged_and_missing_runs_are_refused(self):
        damaged = self.directory / "damaged.h5"
        damaged.write_bytes((self.run_directory / "run.h5").read_bytes()[:20000])
        for run in (damaged, self.directory / "nothing"):
            outcome = run_pare("export", run, "--output", self.directory / "out")
            self.assertNotEqual(outcome.code, 0)
            self.assertIn(str(run), outcome.err)
            self.assertEqual(len(outcome.err.strip().splitlines()), 1, outcome.err)
        self.assertFalse((self.directory / "out").exists())

    @needs_h5py
    def test_run_file_of_another_version_is_refused(self):
        other = self.directory / "other.h5"
        shutil.copy(self.run_directory / "run.h5", other)
        with h5py.File(other, "r+") as run:
            run.attrs["version"] = 99

        outcome = run_pare("export", other, "--output", self.directory / "out")

        self.assertNotEqual(outcome.code, 0)
        self.assertIn("99", outcome.err)

    def test_other_model_is_refused(self):
        other = self.directory / "other"
        shutil.copytree(DEMO_MODEL, other)
        with (other / "config.json").open("a") as config:
            config.write("\n")

        outcome, output = self.export("model", "--set", f"model.path={other}", code=2)

        self.assertIn("is not the model that the run searched", outcome.err)
        self.assertFalse(output.exists())


GGUF_OPTIONS = ["q3_k-imatrix", "q4_k", "q6_k", "q8_0", "w16"]
MIXED = ["q4_k", "q8_0", "w16", "q3_k-imatrix", "q6_k"]


class Gguf(ExportTest):
    """One search for llama.cpp, exported in many ways."""

    changes = {"target": "llama.cpp", "options": GGUF_OPTIONS, "budget": {"bits_per_weight": 5}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sites = list(cls.verdict["winner"]["recipe"])
        cls.mixed = cls.home.directory / "mixed.yaml"
        cls.mixed.write_text("".join(f"{site}: {MIXED[i % len(MIXED)]}\n" for i, site in enumerate(sites)))

    def test_winner_is_verified_and_says_what_stays(self):
        outcome, output = self.export("model.gguf")

        self.assertIn("as gguf", outcome.out)
        self.assertIn("bit for bit", outcome.out)
        self.assertIn("token_embd.weight stays BF16", outcome.out)
        self.assertNotIn("warning", outcome.out)
        text = self.succeed("inspect", output).out
        self.assertIn("general.architecture                    'llama'", text)
        self.assertIn("tokenizer.ggml.tokens                   1024 texts", text)
        self.assertIn("pare.recipe_name", text)
        self.assertEqual([p.name for p in self.directory.iterdir()], ["model.gguf"])

    def test_template_gives_the_same_tensors(self):
        _, base = self.export("base.gguf", "--recipe", "w16")
        _, plain = self.export("plain.gguf", "--recipe", self.mixed)

        outcome, output = self.export("model.gguf", "--recipe", self.mixed, "--template", base)

        self.assertIn("bit for bit", outcome.out)
        self.assertEqual(output.read_bytes(), plain.read_bytes())

    def test_export_is_a_model_like_any_other(self):
        _, output = self.export("model.gguf", "--no-verify", "--recipe", "q8_0")
        file = self.experiment("again", model={"path": str(output)}, options=["w16"], budget={"same_as": "w16"})

        kl = self.succeed("evaluate", file, "--recipe", "w16", "--json", "--quiet").json["kl"]["mean"]
        self.assertLess(kl, 1e-6)  # to itself

    @unittest.skipUnless(importlib.util.find_spec("gguf"), "the Python package gguf is missing")
    def test_package_gguf_reads_the_same_values(self):
        _, output = self.export("model.gguf", "--no-verify", "--recipe", self.mixed)
        _, dense = self.export("dense", "--no-verify", "--recipe", self.mixed, "--format", "dense")

        script = SOURCE / "scripts/third_party/compare_gguf.py"
        outcome = subprocess.run([sys.executable, script, output, dense], capture_output=True, text=True, timeout=120)

        self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)

    def test_llama_quantize_gets_types_matrix_and_command(self):
        outcome, output = self.export("recipe", "--format", "llama-quantize", "--recipe", self.mixed)

        self.assertIn("llama-quantize.sh BASE-F16.gguf MODEL.gguf", outcome.out)
        types = (output / "tensor-types.txt").read_text().splitlines()
        self.assertEqual(len(types), 42)
        self.assertEqual(types[0], r"^blk\.0\.attn_q\.weight$=q4_k")
        self.assertIn("blk.5.ffn_down.weight.in_sum2", self.succeed("inspect", output / "imatrix.gguf").out)
        stub = self.directory / "stub"
        stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        stub.chmod(0o755)
        words = subprocess.run(["sh", output / "llama-quantize.sh", "base.gguf", "out.gguf"], env={"LLAMA_QUANTIZE": stub, "PATH": "/usr/bin:/bin"},
                               capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(words[:2], ["--imatrix", str(output / "imatrix.gguf")])
        self.assertEqual(words[-3:], ["base.gguf", "out.gguf", "Q4_1"])

    def test_what_cannot_be_exported_is_said(self):
        foreign = self.directory / "mine.gguf"
        foreign.write_text("years of work")
        self.assertIn("exists and was not written by pare", self.export("mine.gguf", code=2)[0].err)
        self.assertEqual(foreign.read_text(), "years of work")
        self.assertIn("not a GGUF file", self.export("a.gguf", "--template", foreign, code=2)[0].err)
        self.assertIn("--template goes with --format gguf", self.export("a", "--template", foreign, "--format", "dense", code=2)[0].err)
        self.assertIn("hold no GGUF blocks", self.export("a", "--format", "compressed-tensors", "--recipe", "q4_k", code=2)[0].err)

        _, base = self.export("base.gguf", "--no-verify", "--recipe", "w16")
        damaged = bytearray(base.read_bytes())
        damaged[-3000:-2000] = bytes(1000)
        (self.directory / "other.gguf").write_bytes(damaged)
        self.assertIn("is not of the model", self.export("a.gguf", "--template", self.directory / "other.gguf", code=2)[0].err)
        (self.directory / "cut.gguf").write_bytes(damaged[:-5000])
        self.assertIn("is the file cut off?", self.export("a.gguf", "--template", self.directory / "cut.gguf", code=2)[0].err)
        self.assertFalse((self.directory / "a.gguf").exists())

    def test_file_limit_leaves_nothing_behind(self):
        outcome = run_pare(
            "export", self.run_directory, "--output", self.directory / "model.gguf", "--quiet",
            before=["bash", "-c", 'trap "" XFSZ; ulimit -f 1000; exec "$@"', "bash"],
        )

        self.assertNotEqual(outcome.code, 0)
        self.assertIn("cannot be written", outcome.err)
        self.assertEqual(list(self.directory.iterdir()), [])


class UnfinishedRun(SystemTest):
    def test_best_so_far_is_exported_while_the_search_goes_on(self):
        file = self.experiment(options=["w4-g32", "w8-channel-sym"], budget={"bits_per_weight": 6}, target="vllm",
                               search={"tokens": 50_000_000})
        run_directory = self.directory / "experiment"
        search = start_pare("search", file, "--quiet")
        try:
            self.wait_for_best(run_directory)

            output = self.directory / "model"
            outcome = self.succeed("export", run_directory, "--output", output, "--quiet")
        finally:
            search.send_signal(signal.SIGTERM)
            search.wait(60)

        self.assertIn("'best so far'", outcome.out)
        self.assertIn("had not measured this recipe", outcome.out)
        self.assertTrue((output / "model.safetensors").is_file())

    def wait_for_best(self, directory: Path):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            outcome = run_pare("status", directory, "--json")
            if outcome.code == 0 and outcome.json["best"]:
                return
            time.sleep(0.5)
        self.fail("no recipe was measured in two minutes")


class Targets(SystemTest):
    def test_option_that_the_target_does_not_execute_is_named_with_its_line(self):
        file = self.experiment(target="vllm", options=["w4-g32", "w3-g32"])

        outcome = run_pare("check", file)

        self.assertEqual(outcome.code, 2)
        self.assertIn("target vllm does not execute 'w3-g32': packed weights have 4 or 8 bits there", outcome.err)
        self.assertRegex(outcome.err, r"experiment\.yaml:\d+:")

    def test_check_says_what_the_target_ties(self):
        text = self.succeed("check", self.experiment(target="vllm", options=["w4-g32"], budget={"same_as": "w4-g32"})).out

        self.assertIn("vllm: q, k, v have one option", text)

    def test_unknown_target_is_refused_with_the_nearest_name(self):
        outcome = run_pare("check", self.experiment(target="vlm"))

        self.assertEqual(outcome.code, 2)
        self.assertIn("did you mean 'vllm'", outcome.err)


if __name__ == "__main__":
    unittest.main()
