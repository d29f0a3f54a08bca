"""The result of a search is a matter of the experiment alone, not of who computed it."""

import unittest

from harness import OneSearch, needs_mpi


def without_costs(verdict):
    """What must be equal: the cut into leases, and with it the savings and seconds, may differ."""
    return {key: value for key, value in verdict.items() if key not in ("spent", "workers")}


class Ranks(OneSearch):
    def expect_same(self, name, cluster=None, **options):
        # Nothing is shared: every search makes its own text, bank and teacher.
        file = self.experiment(name, cache=str(self.directory / f"cache-{name}"), cluster=cluster)
        verdict = self.search(file, **options)

        self.assertEqual(without_costs(verdict), without_costs(self.verdict))
        for cost in ("tokens", "search_tokens", "evaluations"):
            self.assertEqual(verdict["spent"][cost], self.verdict["spent"][cost])

    def test_one_process_gives_the_same_again(self):
        self.expect_same("again")

    def test_one_thread_gives_the_same(self):
        verdict = self.search(self.experiment("thread", threads=1))

        self.assertEqual(without_costs(verdict), without_costs(self.verdict))

    @needs_mpi
    def test_one_two_and_four_ranks_give_the_same(self):
        for ranks in (1, 2, 4):
            with self.subTest(ranks=ranks):
                self.expect_same(f"ranks-{ranks}", ranks=ranks)

    @needs_mpi
    def test_workers_of_several_ranks_give_the_same(self):
        for ranks, each, isolation, ranks_of_node in ((2, 2, "none", 2), (3, 3, "process", 2), (4, 2, "process", 1)):
            with self.subTest(ranks=ranks, each=each):
                # SLURMD_NODENAME is what SLURM calls a node.
                node = f"SLURMD_NODENAME=node$((OMPI_COMM_WORLD_RANK / {ranks_of_node}))"
                self.expect_same(
                    f"{ranks}-by-{each}", cluster={"ranks_per_worker": each, "isolation": isolation}, ranks=ranks,
                    before=["sh", "-c", f'export {node}; exec "$@"', "sh"],
                )


if __name__ == "__main__":
    unittest.main()
