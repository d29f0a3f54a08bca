# SPDX-License-Identifier: Apache-2.0
"""scripts/check_layers.py: includes point down. Run: python3 tests/scripts/check_layers_test.py"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ.get("PARE_SOURCE_DIR") or Path(__file__).resolve().parents[2])


class CheckLayers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "scripts").mkdir()
        shutil.copy(SOURCE / "scripts/layers.txt", self.root / "scripts/layers.txt")
        (self.root / "tests").mkdir()

    def write(self, name, *lines):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))

    def check(self):
        done = subprocess.run([sys.executable, SOURCE / "scripts/check_layers.py", self.root],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def expect_problem(self, *words):
        status, errors = self.check()
        self.assertEqual((status, errors.count("\n")), (1, 1), errors)
        for word in words:
            self.assertIn(word, errors)

    def test_accepts_includes_that_point_down(self):
        self.write("kernels/gemm/gemm.cpp", '#include "kernels/gemm/gemm.hpp"', "#include <vector>", "#include <time.h>",
                   "#include <omp.h>", '#include "kernels/core/tensor.hpp"', "#include <oneapi/dnnl/dnnl.hpp>", "#include <cuda_runtime.h>")
        self.write("framework/io/h5.cpp", "#include <hdf5.h>", "#include <unistd.h>", '#include "kernels/prune/mask.hpp"')
        self.write("search/app/main.cpp", "#include <CLI/CLI.hpp>", '#include "search/space/a.hpp"',
                   '#include "framework/export/e.hpp"')

        self.assertEqual(self.check(), (0, ""))

    def test_names_file_and_line_of_an_upward_include(self):
        self.write("framework/io/a.hpp", "#pragma once", "", '#include "search/space/b.hpp"')

        self.expect_problem("framework/io/a.hpp:3: ", "points up, from framework to search")

    def test_refuses_a_later_room_of_the_same_floor(self):
        self.write("framework/io/a.hpp", '#include "framework/model/b.hpp"')

        self.expect_problem("framework/io/a.hpp:1: ", "points up, from framework/io to framework/model")

    def test_refuses_a_foreign_header_outside_its_home(self):
        self.write("framework/model/a.cpp", "#include <nlohmann/json.hpp>")

        self.expect_problem("framework/model/a.cpp:1: ", "home in framework/io")

    def test_accepts_a_header_in_each_of_its_homes(self):
        self.write("framework/compression/a.cpp", "#include <Eigen/Core>")
        self.write("search/algorithm/a.cpp", "#include <Eigen/Core>")
        self.write("search/space/a.cpp", "#include <Eigen/Core>")

        self.expect_problem("search/space/a.cpp:1: ", "home in framework/compression and search/algorithm")

    def test_keeps_foreign_headers_out_of_the_kernels(self):
        self.write("kernels/core/a.cpp", "#include <fmt/core.h>")

        self.expect_problem("kernels/core/a.cpp:1: ", "foreign to kernels")

    def test_keeps_one_dnn_out_of_the_other_kernels(self):
        self.write("kernels/transformer/a.cpp", "#include <oneapi/dnnl/dnnl.hpp>")

        self.expect_problem("home in kernels/gemm")

    def test_knows_the_home_of_a_generated_header(self):
        self.write("framework/provenance/a.cpp", '#include "framework_build_facts.hpp"')
        self.write("framework/io/a.cpp", '#include "framework_build_facts.hpp"')

        self.expect_problem("framework/io/a.cpp:1: ", "home in framework/provenance")

    def test_wants_paths_from_the_root(self):
        self.write("framework/io/a.cpp", '#include "a.hpp"')

        self.expect_problem("framework/io/a.cpp:1: ", "not written from the repository root")

    def test_wants_quotes_around_our_headers(self):
        self.write("framework/io/a.cpp", "#include <kernels/core/tensor.hpp>")

        self.expect_problem("is ours")

    def test_refuses_tests_included_by_sources(self):
        self.write("framework/io/a.cpp", '#include "tests/helper.hpp"')

        self.expect_problem("belongs to no floor")

    def test_refuses_a_room_that_is_not_listed(self):
        self.write("framework/misc/a.cpp", "#include <vector>")

        self.expect_problem("framework/misc/a.cpp:1: ", "no room of framework")

    def test_ignores_comments_and_tests(self):
        self.write("framework/io/a.cpp", "/*", '#include "search/space/b.hpp"', "*/", '// #include "search/app/c.hpp"')
        self.write("tests/framework/a_test.cpp", '#include "search/space/b.hpp"')

        self.assertEqual(self.check(), (0, ""))

    def test_counts_lines_behind_a_block_comment(self):
        self.write("framework/io/a.cpp", "/* one", "two */", '#  include "search/space/b.hpp"')

        self.expect_problem("framework/io/a.cpp:3: ")

    def test_explains_a_broken_list(self):
        with open(self.root / "scripts/layers.txt", "a", encoding="utf-8") as listing:
            listing.write("romo core\n")

        status, errors = self.check()

        self.assertEqual(status, 2)
        self.assertIn("unknown word romo", errors)

    def test_this_repository_keeps_its_order(self):
        done = subprocess.run([sys.executable, SOURCE / "scripts/check_layers.py"],
                              capture_output=True, text=True, check=False)

        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
