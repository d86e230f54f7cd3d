#!/usr/bin/env python3
"""What becomes of the program's outputs: links, devices, closed descriptors, signals, damaged files.

The one rule: an output appears whole or not at all, and nothing that is an input, or not ours, is
lost on the way.
"""
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

RANKGRAD = os.environ["RANKGRAD"]


class Outputs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rankgrad-test-")
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)
        self.run_well("generate", "-o", "d.h5", "--lists", "40", "--features", "4")
        self.run_well("train", "d.h5", "-o", "m.h5", "-q", "--epochs", "2")
        self.model = (self.at / "m.h5").read_bytes()

    def run_it(self, *arguments, **more):
        return subprocess.run([RANKGRAD, *arguments], cwd=self.at, timeout=120,
                              capture_output="stdout" not in more, text=True, **more)

    def run_well(self, *arguments, **more):
        done = self.run_it(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def no_temporary(self):
        self.assertEqual([p.name for p in self.at.iterdir() if ".tmp-" in p.name], [])

    def test_link_to_an_input(self):
        (self.at / "link").symlink_to("m.h5")
        for command in (("predict", "m.h5", "d.h5", "-o", "link", "--force"),
                        ("train", "d.h5", "-o", "n.h5", "--history", "link"),
                        ("train", "d.h5", "-o", "n.h5", "-q", "--history", "./n.h5")):
            self.assertEqual(self.run_it(*command).returncode, 2, command)
        self.assertEqual((self.at / "m.h5").read_bytes(), self.model)
        self.assertFalse((self.at / "n.h5").exists())
        self.no_temporary()

    def test_link_to_another_file(self):
        target, link = self.at / "scores", self.at / "link"
        target.write_text("old\n" * 10000)
        link.symlink_to("scores")
        self.assertEqual(self.run_it("predict", "m.h5", "d.h5", "-o", "link").returncode, 2)
        self.assertTrue(target.read_text().startswith("old"))
        self.run_well("predict", "m.h5", "d.h5", "-o", "link", "--force")
        self.assertTrue(link.is_symlink())
        self.assertNotIn("old", target.read_text())
        target.unlink()
        self.run_well("predict", "m.h5", "d.h5", "-o", "link")
        self.no_temporary()

    def test_group_file_beside_an_input(self):
        (self.at / "x.txt").write_text("0 1:1 4:1\n1 1:2\n")
        (self.at / "x.txt.query").write_text("2\n")
        for command in (("convert", "x.txt", "-o", "x.txt.query", "--force"),
                        ("predict", "m.h5", "x.txt", "-o", "x.txt.query", "--force")):
            done = self.run_it(*command)
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("also the input x.txt.query", done.stderr)
        self.assertEqual((self.at / "x.txt.query").read_text(), "2\n")

    def test_hdf5_through_a_pipe(self):
        with open(self.at / "d.h5", "rb") as data:
            cat = subprocess.Popen(["cat"], stdin=data, stdout=subprocess.PIPE)
            done = self.run_it("convert", "-", "-o", "n.h5", stdin=cat.stdout)
            cat.stdout.close()
            cat.wait()
        self.assertEqual(done.returncode, 3)
        self.assertIn("is HDF5 behind a pipe", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)

    def test_history_that_cannot_be_written(self):
        done = self.run_it("train", "d.h5", "-o", "m.h5", "-q", "--seed", "2", "--history",
                           "/dev/full")
        self.assertEqual(done.returncode, 5)
        self.assertEqual((self.at / "m.h5").read_bytes(), self.model)
        self.no_temporary()

    def test_standard_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            done = self.run_it("train", "d.h5", "-o", "n.h5", "-q", stdout=full,
                               stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 0)
            self.assertIn("No space left", done.stderr)
            self.assertTrue((self.at / "n.h5").exists())
            self.assertEqual(self.run_it("evaluate", "m.h5", "d.h5", stdout=full,
                                         stderr=subprocess.PIPE).returncode, 5)

    def test_closed_descriptors(self):
        command = f'"{RANKGRAD}" train d.h5 -o n.h5 --epochs 3 --history h.tsv <&- >&- 2>&-'
        self.assertEqual(subprocess.run(["sh", "-c", command], cwd=self.at).returncode, 0)
        lines = (self.at / "h.tsv").read_text().splitlines()
        self.assertEqual(len(lines), 5)
        self.assertTrue(lines[0].startswith("epoch\t"), lines[0])
        self.run_well("evaluate", "n.h5", "d.h5")

    def test_signals(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            running = subprocess.Popen([RANKGRAD, "train", "d.h5", "-o", "n.h5", "--epochs",
                                        "100000000", "-q", "--history", "h.tsv"], cwd=self.at,
                                       stderr=subprocess.PIPE)
            while not any(".tmp-" in p.name for p in self.at.iterdir()):
                time.sleep(0.01)
            running.send_signal(number)
            said = running.communicate(timeout=60)[1].decode()
            self.assertEqual(running.returncode, 128 + number, said)
            self.assertEqual(said.count("\n"), 1, said)
            self.assertFalse((self.at / "n.h5").exists() or (self.at / "h.tsv").exists())
            self.no_temporary()

    def spooling(self):
        """A conversion that has spooled rows and waits for more; its output would be n.h5."""
        running = subprocess.Popen([RANKGRAD, "convert", "-", "-o", "n.h5", "--memory", "64K"],
                                   cwd=self.at, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = "".join(f"1 qid:{i // 9} 1:{i} 2:0.5 3:7\n" for i in range(30000)).encode()
        for turn in range(300):  # a qid that comes back would be an error
            running.stdin.write(lines.replace(b"qid:", b"qid:%d_" % turn))
            running.stdin.flush()
            links = [os.readlink(link) for link in
                     pathlib.Path(f"/proc/{running.pid}/fd").iterdir()]
            if any("n.h5.tmp-" in link and "(deleted)" in link for link in links):
                return running
        self.fail("nothing was spooled")

    @unittest.skipUnless(os.path.isdir("/proc/self/fd"), "no /proc")
    def test_spool_leaves_nothing(self):
        before = sorted(p.name for p in self.at.iterdir())
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
            running = self.spooling()
            self.assertEqual(sorted(p.name for p in self.at.iterdir()), before)
            running.send_signal(number)
            said = running.communicate()[1].decode()
            expected = -number if number == signal.SIGKILL else 128 + number
            self.assertEqual(running.returncode, expected, said)
            self.assertEqual(sorted(p.name for p in self.at.iterdir()), before)

    def test_spool_changes_nothing(self):
        (self.at / "t.txt").write_text("".join(
            f"{i % 3} qid:{i // 50} {i % 30 + 1}:{i / 8} 40:{i % 7} # d{i}\n" for i in range(90000)))
        for layout in ((), ("--sparse",), ("--compress",)):
            self.run_well("convert", "t.txt", "-o", "a.h5", *layout)
            self.run_well("convert", "t.txt", "-o", "b.h5", "--memory", "512K", *layout)
            self.assertEqual((self.at / "a.h5").read_bytes(), (self.at / "b.h5").read_bytes())
        for size in ("", "0", "x", "-1", "5X", "5MM", "99999999999T", "1.5G"):
            done = self.run_it("convert", "t.txt", "-o", "b.h5", "--memory", size)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--memory", done.stderr)
        self.no_temporary()

    def test_damaged_files_are_told_in_one_line(self):
        """libhdf5 forgets memory of its own when a header is damaged, and would say so at exit."""
        refused = 0
        for at in range(8, len(self.model), 97):
            damaged = bytearray(self.model)
            damaged[at] ^= 1
            (self.at / "x.h5").write_bytes(damaged)
            done = self.run_it("predict", "x.h5", "d.h5")
            if done.returncode == 0:
                continue
            refused += 1
            self.assertIn(done.returncode, (3, 4), f"byte {at}: {done.stderr}")
            self.assertEqual(done.stderr.count("\n"), 1, f"byte {at}: {done.stderr}")
        self.assertGreater(refused, 3)


if __name__ == "__main__":
    unittest.main()
