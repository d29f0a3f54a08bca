"""Every kind of wrong input: an exit code that names the kind, and one line that says what is wrong, where, and what would be right."""

import os
import re
import shutil
import time
import unittest

from broken_checkpoint import Checkpoint, copy_config
from harness import SystemTest, h5py, needs_h5py, needs_mpi, run_pare, start_pare


class ErrorTest(SystemTest):
    def expect_error(self, outcome, *parts, code=2):
        """`parts` are in the one line, in this order."""
        self.assertEqual(outcome.code, code, outcome.err)
        self.assertEqual(outcome.out, "")
        lines = outcome.err.splitlines()
        self.assertEqual(len(lines), 1, outcome.err)
        self.assertTrue(lines[0].startswith("pare: error: "), lines[0])
        self.assertRegex(lines[0], ".*".join(re.escape(part) for part in parts))

    def expect_check_error(self, file, *parts, **code):
        self.expect_error(run_pare("check", file, timeout=20), *parts, **code)

    def expect_search_error(self, file, *parts, **code):
        self.expect_error(run_pare("search", file, "--quiet", timeout=60), *parts, **code)


class Checkpoints(ErrorTest):
    def expect_model_error(self, directory, *parts):
        self.expect_check_error(self.experiment(model={"path": str(directory)}), *parts, code=65)

    def test_no_such_directory(self):
        self.expect_model_error(self.directory / "nowhere", "nowhere", "config.json: cannot be opened (No such file or directory)")

    def test_no_weights(self):
        self.expect_model_error(copy_config(self.directory / "m"), "/m: holds neither model.safetensors nor", "index.json")

    def test_missing_shard(self):
        model = Checkpoint().write_sharded(self.directory / "m")
        (model / "model-00002-of-00002.safetensors").unlink()

        self.expect_model_error(model, "model-00002-of-00002.safetensors: the shard is missing", "index.json lists 28 tensors")

    def test_truncated_shard(self):
        model = Checkpoint().write_sharded(self.directory / "m")
        os.truncate(model / "model-00002-of-00002.safetensors", 100_000)

        self.expect_model_error(model, "model-00002-of-00002.safetensors: tensor 'model.", "its data ends", "beyond")

    def test_truncated_header(self):
        model = Checkpoint().write(self.directory / "m")
        os.truncate(model / "model.safetensors", 100)

        self.expect_model_error(model, "model.safetensors: cut off or not a safetensors file", "in a file of 100")

    def test_empty_file(self):
        model = Checkpoint().write(self.directory / "m")
        os.truncate(model / "model.safetensors", 0)

        self.expect_model_error(model, "model.safetensors: not a safetensors file (0 bytes")

    def test_header_longer_than_the_file(self):
        model = Checkpoint().write(self.directory / "m", header_length=50_000_000)

        self.expect_model_error(model, "model.safetensors: cut off or not a safetensors file (a header of 50000000 bytes")

    def test_header_longer_than_any(self):
        model = Checkpoint().write(self.directory / "m", header_length=2**63)

        self.expect_model_error(model, "model.safetensors: not a safetensors file (a header of 9223372036854775808 bytes")

    def test_header_that_is_not_json(self):
        checkpoint = Checkpoint()
        checkpoint.header_bytes = lambda: b'{"a": {"dtype" "F32"}}'

        self.expect_model_error(checkpoint.write(self.directory / "m"), "model.safetensors: the header is not JSON")

    def test_overlapping_tensors(self):
        checkpoint = Checkpoint()
        q = checkpoint.tensor("layers.0.self_attn.q_proj")
        q["data_offsets"] = checkpoint.tensor("layers.0.self_attn.o_proj")["data_offsets"]

        self.expect_model_error(
            checkpoint.write(self.directory / "m"), "model.safetensors: tensor 'model.layers.0.self_attn.", "its data begins at"
        )

    def test_tensor_beyond_the_end(self):
        checkpoint = Checkpoint()
        norm = checkpoint.tensor("norm")
        norm["data_offsets"] = [offset + (1 << 40) for offset in norm["data_offsets"]]

        self.expect_model_error(checkpoint.write(self.directory / "m"), "model.safetensors: tensor 'model.norm.weight'", "data")

    def test_offsets_that_end_before_they_begin(self):
        checkpoint = Checkpoint()
        checkpoint.tensor("norm")["data_offsets"].reverse()

        self.expect_model_error(
            checkpoint.write(self.directory / "m"), "tensor 'model.norm.weight': data_offsets", "end before they begin"
        )

    def test_wrong_shape(self):
        checkpoint = Checkpoint()
        checkpoint.tensor("layers.1.mlp.down_proj")["shape"].reverse()

        self.expect_model_error(
            checkpoint.write(self.directory / "m"),
            "tensor 'model.layers.1.mlp.down_proj.weight': shape [768, 256], config.json makes it [256, 768]",
        )

    def test_shape_that_does_not_match_its_bytes(self):
        checkpoint = Checkpoint()
        checkpoint.tensor("norm")["shape"] = [300]

        self.expect_model_error(
            checkpoint.write(self.directory / "m"), "tensor 'model.norm.weight': data_offsets", "hold 512 bytes", "needs 600"
        )

    def test_wrong_dtype(self):
        checkpoint = Checkpoint()
        checkpoint.tensor("norm")["dtype"] = "I16"

        self.expect_model_error(
            checkpoint.write(self.directory / "m"), "tensor 'model.norm.weight': dtype I16 is not supported (supported: F32, F16, BF16)"
        )

    def test_unknown_dtype(self):
        checkpoint = Checkpoint()
        checkpoint.tensor("norm")["dtype"] = "BF17"

        self.expect_model_error(checkpoint.write(self.directory / "m"), "'model.norm.weight': unknown dtype 'BF17' (known: ", "BF16")

    def test_missing_tensor(self):
        checkpoint = Checkpoint()
        checkpoint.header["model.final_norm.weight"] = checkpoint.header.pop("model.norm.weight")

        self.expect_model_error(
            checkpoint.write(self.directory / "m"), "model.safetensors: tensor 'model.norm.weight' is missing, config.json makes it [256]"
        )

    def test_weights_that_are_not_finite(self):
        for value, bits in (("nan", 0x7FC0), ("-inf", 0xFF80)):
            with self.subTest(value):
                checkpoint = Checkpoint()
                checkpoint.set_bf16("layers.3.self_attn.v_proj", 17, bits)

                self.expect_model_error(
                    checkpoint.write(self.directory / value),
                    f"tensor 'model.layers.3.self_attn.v_proj.weight': the weight at index 17 is {value}, should be finite",
                )

    def test_unsupported_architecture(self):
        checkpoint = Checkpoint()
        checkpoint.config["model_type"] = "gpt2"

        self.expect_model_error(
            checkpoint.write(self.directory / "m"),
            "config.json: model_type: 'gpt2' is not supported",
            "(supported: llama, mistral, qwen2, qwen3)",
        )

    def test_model_that_is_compressed_already(self):
        checkpoint = Checkpoint()
        checkpoint.config["quantization_config"] = {"quant_method": "gptq"}

        self.expect_model_error(checkpoint.write(self.directory / "m"), "config.json: ", "quantiz")

    def test_configuration_that_is_not_json(self):
        model = Checkpoint().write(self.directory / "m")
        (model / "config.json").write_text('{\n  "model_type": llama\n}')

        self.expect_model_error(model, "config.json:2:")


class Settings(ErrorTest):
    def expect_line_error(self, old, new, *parts):
        """Replaces a line of an experiment that is otherwise right."""
        file = self.experiment()
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new))
        self.expect_check_error(file, *parts)

    def test_no_such_file(self):
        self.expect_check_error(self.directory / "none.yaml", "none.yaml: cannot be read, is it there?")

    def test_unknown_key_names_the_nearest(self):
        self.expect_line_error("search:", "serach:", "experiment.yaml:6:1: serach: unknown key, did you mean 'search'?", "known: schema")

    def test_unknown_inner_key_names_the_nearest(self):
        self.expect_line_error('"windows"', '"widnows"', "experiment.yaml:3:", "data.widnows: unknown key, did you mean 'windows'?")

    def test_duplicate_key(self):
        self.expect_line_error("schema: 1", "schema: 1\nschema: 1", "experiment.yaml:2:1: ", "key 'schema' is given twice")

    def test_missing_key(self):
        self.expect_check_error(self.experiment(budget=None), "experiment.yaml:", "missing key 'budget'")

    def test_text_for_a_number(self):
        self.expect_line_error('"windows": 8', '"windows": "many"', "experiment.yaml:3:", "data.windows: expected a whole number", "many")

    def test_yaml_that_is_none(self):
        self.expect_line_error("schema: 1", "schema: [1", "experiment.yaml:")

    def test_misspelt_algorithm(self):
        self.expect_line_error(
            '"tokens"', '"algorithm": "evopres", "tokens"', "search.algorithm: unknown value 'evopres', did you mean 'evopress'?", "known: "
        )

    def test_option_that_is_none(self):
        self.expect_line_error("w8-g32", "w9-g32", "experiment.yaml:4:", "options[2]: ", "w9-g32", "2", "8")

    def test_option_listed_twice(self):
        self.expect_line_error("w8-g32", "w4-g32", "experiment.yaml:4:", "option 'w4-g32' is listed twice")

    def test_one_of_two_limits_is_impossible(self):
        self.expect_check_error(
            self.experiment(budget={"ratio": 0.3, "bytes": 9}), "budget bytes: 9", "the smallest possible is"
        )

    def test_override_of_an_unknown_key(self):
        outcome = run_pare("check", self.experiment(), "--set", "search.sede=2")

        self.expect_error(outcome, "--set search.sede=2", "unknown key, did you mean 'seed'?")

    def test_tie_of_unknown_layers(self):
        self.expect_check_error(self.experiment(ties=[["q_proj", "w_proj"]]), "ties: no layer is called 'w_proj'")

    def test_rule_that_matches_nothing(self):
        rules = [{"match": "x_proj", "options": ["w4-g32"]}, {"match": "*", "options": ["w4-g32", "w8-g32"]}]

        self.expect_check_error(self.experiment(options=rules), "options: rule 'match: x_proj' matches no layer")

    def test_windows_beyond_the_models_positions(self):
        self.expect_check_error(
            self.experiment(data={"calibration": "self", "length": 513}), "data.length: 513 tokens", "the model has only 512 positions"
        )

    def test_unknown_verb_or_flag(self):
        for arguments in (["serach"], ["search"], ["search", "x.yaml", "--jsno"], []):
            with self.subTest(arguments):
                self.assertEqual(run_pare(*arguments).code, 2)


class Budgets(ErrorTest):
    # 42 sites of 4,718,592 weights: 2-bit codes, a 2-bit zero point and a binary16 scale a group of 32.
    smallest = 4_718_592 * 2 // 8 + 4_718_592 // 32 * 18 // 8

    def expect_budget_error(self, budget, *parts):
        self.expect_check_error(self.experiment(budget=budget), "budget", *parts)

    def test_impossible_budget_says_the_smallest_possible(self):
        self.expect_budget_error({"bytes": 1000}, "1000", "the smallest possible is", f"{self.smallest} bytes")
        self.expect_budget_error({"bits_per_weight": 2.0}, "the smallest possible is 2.5625 bits", f"{self.smallest} bytes")
        self.expect_budget_error({"ratio": 0.1}, "the smallest possible is 0.16", f"{self.smallest} bytes")

    def test_smallest_possible_is_possible(self):
        outcome = run_pare("check", self.experiment(budget={"bytes": self.smallest}))

        self.assertEqual(outcome.code, 0, outcome.err)

    def test_budget_above_the_largest_recipe(self):
        self.expect_budget_error({"bytes": 9_000_000}, "9000000", "nothing to search", "the largest recipe is 5160960 bytes")

    def test_budget_above_the_full_model(self):
        self.expect_budget_error({"bits_per_weight": 17}, "17", "nothing to search", "the largest recipe is 8.75 bits")
        self.expect_budget_error({"ratio": 1.5}, "ratio: expected a number", "1.5")

    def test_same_as_an_option_that_is_not_offered(self):
        self.expect_budget_error({"same_as": "w5-g32"}, "same_as: w5-g32 (not offered", "did you mean", "w2-g32, w4-g32, w8-g32")


@needs_h5py
class TokenFiles(ErrorTest):
    """The search reads the text; by then the other ranks wait for it."""

    def experiment_on(self, tokens, **datasets):
        file = self.directory / "tokens.h5"
        with h5py.File(file, "w") as h5:
            h5.create_dataset("tokens", data=tokens, dtype="uint32")
            for name, values in datasets.items():
                h5.create_dataset(name, data=values, dtype="uint64")
        return self.experiment(data={"calibration": str(file), "windows": 8, "length": 64, "holdout": 4})

    def expect_text_error(self, file, *parts):
        self.expect_search_error(file, *parts, code=65)

    def test_no_windows_left_after_the_held_out_split(self):
        self.expect_text_error(
            self.experiment_on([1] * 700), "tokens.h5: 700 tokens give 10 windows of 64, the experiment needs 8 + 4 held out"
        )

    def test_no_windows_left_to_calibrate_on(self):
        self.expect_error(
            run_pare("search", self.experiment_on([1] * 800), "--quiet", "--set", "options=[w2-g32-gptq, w4-g32, w8-g32]"),
            "tokens.h5: 800 tokens give 12 windows of 64, the experiment needs 8 + 4 held out + 8 to calibrate on",
            "data.calibration_windows: 0",
            code=65,
        )

    def test_token_beyond_the_vocabulary(self):
        self.expect_text_error(
            self.experiment_on([1] * 500 + [1024] + [1] * 499),
            "tokens.h5: token 1024 at position 500 is beyond the model's vocabulary of 1024",
        )

    def test_documents_that_do_not_cover_the_tokens(self):
        self.expect_text_error(self.experiment_on([1] * 1000, doc_offsets=[0, 1200]), "tokens.h5: /doc_offsets must rise", "1000")

    def test_no_token_file(self):
        (self.directory / "tokens.h5").write_text("Once upon a time")
        data = {"calibration": str(self.directory / "tokens.h5")}

        self.expect_text_error(self.experiment(data=data), "tokens.h5: ", "HDF5")

    def test_missing_token_file(self):
        self.expect_text_error(self.experiment(data={"calibration": "nowhere.h5"}), "nowhere.h5: there is no such file")

    def test_model_without_a_first_token_cannot_write_its_own_text(self):
        checkpoint = Checkpoint()
        del checkpoint.config["bos_token_id"]
        model = checkpoint.write(self.directory / "m")

        self.expect_search_error(self.experiment(model={"path": str(model)}), "config.json: no bos_token_id", "give a token file")


class Outputs(ErrorTest):
    def test_directory_that_cannot_be_made(self):
        (self.directory / "file").write_text("in the way")
        for output in (self.directory / "file", self.directory / "file/below", "/proc/nowhere"):
            with self.subTest(output):
                self.expect_search_error(self.experiment(output=str(output)), "output: cannot create the directory", str(output), code=73)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_directory_that_is_not_writable(self):
        output = self.directory / "output"
        output.mkdir(mode=0o555)

        self.expect_search_error(self.experiment(output=str(output)), "output: the directory", "is not writable", code=73)

    def test_directory_of_another_experiment(self):
        self.search(self.experiment(search={"algorithm": "random", "tokens": 4000}))

        self.expect_search_error(
            self.experiment(search={"algorithm": "random", "tokens": 4001}),
            "output: ",
            "holds a run of a different experiment, choose another directory (--output)",
        )

    def test_unfinished_run_of_another_experiment(self):
        self.search(self.experiment(search={"algorithm": "random", "tokens": 4000}))
        (self.directory / "experiment/run.h5").unlink()

        self.expect_search_error(
            self.experiment(search={"algorithm": "random", "tokens": 4001}),
            "holds a run of a different experiment, choose another directory (--output)",
        )

    def test_journal_of_an_older_version(self):
        file = self.experiment()
        (self.directory / "experiment").mkdir()
        (self.directory / "experiment/journal.bin").write_bytes(b"PAREJRNL")

        self.expect_search_error(file, "experiment/journal.bin is a journal of version 1, which only the pare that wrote it can continue")

    def test_output_removed_while_it_searches(self):
        file = self.experiment(search={"tokens": 400000})
        process = start_pare("search", file, "--quiet", capture=True)
        journal = self.directory / "experiment/journal/000001.bin"
        prepared = self.directory / "experiment/experiment.yaml"
        deadline = time.monotonic() + 120
        while not (prepared.exists() and journal.exists()) and time.monotonic() < deadline:
            time.sleep(0.01)
        size = journal.stat().st_size
        while journal.stat().st_size == size and time.monotonic() < deadline:
            time.sleep(0.01)
        while (self.directory / "experiment").exists():  # again where the search wrote another file meanwhile
            shutil.rmtree(self.directory / "experiment", ignore_errors=True)

        out, err = process.communicate(timeout=60)

        self.assertEqual(process.returncode, 74, err)
        self.assertRegex(err, "^pare: error: .*/journal/000001.bin was removed while the search ran")

    def test_report_of_what_is_no_run(self):
        self.expect_error(run_pare("report", self.directory), "there is neither a run.h5 nor a journal of a search that has begun")
        file = self.directory / "run.h5"
        file.write_bytes(b"x" * 5000)
        self.expect_error(run_pare("report", file), "run.h5: ")


class FullDisks(ErrorTest):
    """A limit on the size of files stands in for a full disk: writes beyond it fail."""

    def run_with_limit(self, file, kilobytes, ranks=None):
        # In a shell of its own each, so that the launcher keeps its shared memory; an error instead of a signal, as on a disk.
        limit = ["sh", "-c", f'trap "" XFSZ; ulimit -f {2 * kilobytes}; exec "$0" "$@"']
        outcome = run_pare("search", file, "--quiet", ranks=ranks, timeout=60, before=limit)
        self.assertEqual(outcome.out, "")
        self.assertEqual(outcome.err.count("pare: "), 1, outcome.err)
        self.assertNotIn("terminate called", outcome.err)
        self.assertLess(outcome.seconds, 30)
        return outcome

    def expect_cache_error(self, ranks):
        outcome = self.run_with_limit(self.experiment(cache=str(self.directory / "cache")), 8000, ranks)

        self.assertEqual(outcome.code, 2, outcome.err)
        self.assertRegex(outcome.err, "pare: error: .*/cache/bank-[0-9a-f]+.h5")
        self.assertEqual([file.name[:5] for file in (self.directory / "cache").iterdir()], ["text-"])

    def test_cache_that_cannot_grow(self):
        self.expect_cache_error(None)

    @needs_mpi
    def test_cache_that_cannot_grow_under_ranks(self):
        for ranks in (2, 4):
            with self.subTest(ranks=ranks):
                self.expect_cache_error(ranks)
                (self.directory / "cache").rename(self.directory / f"cache-{ranks}")

    def test_journal_that_cannot_grow_keeps_what_it_has(self):
        file = self.experiment()
        self.succeed("evaluate", file, "--recipe", "w4-g32", "--quiet")  # fills the cache

        outcome = self.run_with_limit(file, 30)

        self.assertEqual(outcome.code, 74)
        self.assertIn("/journal/0000", outcome.err)
        self.assertIn("make room and run the same command again", outcome.err)
        verdict = self.search(file)
        self.assertEqual(verdict["digest"], self.search(self.experiment("again"))["digest"])


class BrokenArithmetic(ErrorTest):
    """What only the workers find out."""

    def expect_worker_error(self, checkpoint, *parts):
        file = self.experiment(model={"path": str(checkpoint.write(self.directory / "m"))})
        self.expect_search_error(file, *parts)

    def test_weights_too_large_for_a_scale(self):
        checkpoint = Checkpoint()
        checkpoint.set_bf16("layers.3.self_attn.v_proj", 17, 0x7149)  # 1e30

        self.expect_worker_error(
            checkpoint, "model.layers.3.self_attn.v_proj is left with none, all of its options fail: ", "w2-g32: ", "65504", "such as w16"
        )

    def test_logits_that_overflow(self):
        checkpoint = Checkpoint()
        for element in range(256):
            checkpoint.set_bf16("norm", element, 0x7F00)

        self.expect_worker_error(checkpoint, "the logits of token 0 are not finite")


class Recipes(ErrorTest):
    def expect_recipe_error(self, recipe, *parts):
        self.expect_error(run_pare("evaluate", self.experiment(), "--recipe", recipe, "--quiet", timeout=60), *parts)

    def test_missing_file(self):
        self.expect_recipe_error("nowhere.yaml", "nowhere.yaml: no such recipe file")

    def test_option_that_is_not_offered(self):
        self.expect_recipe_error("w5-g32", "recipe: option 'w5-g32' is not offered by every site, did you mean 'w")

    def test_unknown_site_names_the_nearest(self):
        recipe = self.directory / "recipe.yaml"
        recipe.write_text("model.layers.0.self_attn.q_prj: w4-g32\n")

        self.expect_recipe_error(recipe, "recipe.yaml:1:1: ", "did you mean 'model.layers.0.self_attn.q_proj'?")

    def test_missing_site(self):
        recipe = self.directory / "recipe.yaml"
        recipe.write_text("model.layers.0.self_attn.q_proj: w4-g32\n")

        self.expect_recipe_error(recipe, "recipe.yaml:1:1: missing key 'model.layers.0.self_attn.k_proj'")


@needs_mpi
class UnderMpi(ErrorTest):
    """The launcher adds its own words; ours are there once, and nobody waits for ever."""

    def expect_once(self, file, text, verb="search", code=65):
        outcome = run_pare(verb, file, ranks=2, timeout=60)

        self.assertEqual(outcome.code, code, outcome.err)
        self.assertEqual(outcome.out, "")
        self.assertEqual(outcome.err.count("pare: error: "), 1, outcome.err)
        self.assertIn(text, outcome.err)
        self.assertLess(outcome.seconds, 20)

    def test_before_the_ranks_work_together(self):
        self.expect_once(self.experiment(model={"path": "nowhere"}), "nowhere/config.json: cannot be opened (No such file or directory)")

    def test_under_check(self):
        self.expect_once(self.experiment(bugdet={}), "did you mean 'budget'?", verb="check", code=2)

    def test_when_the_ranks_work_together(self):
        self.expect_once(self.experiment(data={"calibration": "nowhere.h5"}), "nowhere.h5: there is no such file")

    def test_wrong_command_line(self):
        outcome = run_pare("serach", ranks=2, timeout=60)

        self.assertEqual(outcome.code, 2)


if __name__ == "__main__":
    unittest.main()
