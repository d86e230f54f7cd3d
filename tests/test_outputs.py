#!/usr/bin/env python3
"""What becomes of the program's outputs, as docs/outputs.md says: links, permissions, streams, files
that hold something else, closed descriptors, signals, damaged files.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest

RANKGRAD = os.environ["RANKGRAD"]


class Case(unittest.TestCase):
    made = {}  # a data set d.h5 and a model m.h5 of it, made once for all tests

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="rankgrad-test-")
        self.addCleanup(self.folder.cleanup)
        self.at = pathlib.Path(self.folder.name)
        if not self.made:
            self.run_well("generate", "-o", "d.h5", "--lists", "40", "--features", "4")
            self.run_well("train", "d.h5", "-o", "m.h5", "-q", "--epochs", "2")
            self.made.update((name, (self.at / name).read_bytes()) for name in ("d.h5", "m.h5"))
        for name, content in self.made.items():
            (self.at / name).write_bytes(content)
        self.model = self.made["m.h5"]

    def run_it(self, *arguments, **more):
        return subprocess.run([RANKGRAD, *arguments], cwd=self.at, timeout=120,
                              capture_output="stdout" not in more, text=True, **more)

    def run_well(self, *arguments, **more):
        done = self.run_it(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def no_temporary(self):
        self.assertEqual([p.name for p in self.at.iterdir() if ".tmp-" in p.name], [])


class Outputs(Case):
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

    def lines_of_the_history_of(self, pid):
        """How many the file has that becomes the history; the file comes and goes at the start."""
        for path in self.at.glob(f"h.tsv.tmp-{pid}-*"):
            with contextlib.suppress(FileNotFoundError):
                return path.read_text().count("\n")
        return 0

    def train_until(self, n_lines, *arguments, output="n.h5"):
        """A training under way whose history, not yet in its place, has so many lines."""
        running = subprocess.Popen(
            [RANKGRAD, "train", "-o", output, "-q", "--history", "h.tsv", *arguments],
            cwd=self.at, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(60000):
            self.assertIsNone(running.poll(), "training ended")
            if self.lines_of_the_history_of(running.pid) >= n_lines:
                return running
            time.sleep(0.001)
        running.kill()
        self.fail("the history does not grow")

    def forget(self):
        for path in self.at.iterdir():
            if path.name not in ("d.h5", "m.h5"):
                path.unlink()

    ENDLESS = ("d.h5", "--epochs", "100000000")

    def test_interrupted_training_keeps_the_best_epoch(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            for more in ((), ("--model", "mlp", "--hidden", "4"), ("--batch-lists", "1"),
                         ("--window", "1K"), ("--metric", "map,ndcg@3")):
                with self.subTest(signal=number, more=more):
                    running = self.train_until(5, *self.ENDLESS, *more)
                    running.send_signal(number)
                    told, said = running.communicate(timeout=60)
                    self.assertEqual(running.returncode, 128 + number, said)
                    self.assertEqual(said.count("\n"), 1, said)
                    self.no_temporary()
                    rows = [line.split("\t") for line in
                            (self.at / "h.tsv").read_text().splitlines()][1:]
                    best = [row[0] for row in rows if row[-1] == "1"][-1]
                    self.assertIn(f"interrupted after epoch {rows[-1][0]} of 100000000; wrote "
                                  f"epoch {best} to n.h5", said)
                    self.assertIn(f"kept epoch {best} of", told)
                    name = more[1] if "map,ndcg@3" in more else "ndcg@10"
                    report = json.loads(self.run_well(
                        "evaluate", "n.h5", "d.h5", "--split", "vali", "--format", "json",
                        "--metric", name.split(",")[0]).stdout)
                    value = next(iter(report["metrics"].values()))["value"]
                    self.assertAlmostEqual(value, float(rows[int(best)][3]), places=8)
                    self.forget()

    SLOW = ("d.h5", "--epochs", "2", "--model", "mlp", "--hidden", "1024,1024",
            "--batch-lists", "1000000", "--threads", "1")

    def test_interrupted_before_the_first_epoch(self):
        (self.at / "n.h5").write_bytes(self.model)
        running = self.train_until(2, *self.SLOW)
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=60)[1]
        self.assertEqual(running.returncode, 143, said)
        self.assertIn("interrupted before the first epoch ended; there is no model", said)
        self.assertEqual((self.at / "n.h5").read_bytes(), self.model)
        self.assertFalse((self.at / "h.tsv").exists())
        self.no_temporary()

    def test_a_second_signal_ends_the_process(self):
        """The signals that reach a stopped process are handled one after the other, when it goes
        on, so that the second one finds it before it could end in good order."""
        lines = "".join(f"1 qid:{i} 1:{i}\n" for i in range(1000))
        commands = (("train", *self.ENDLESS, "-q", "-o", "n.h5"), ("convert", "-", "-o", "n.h5"),
                    ("predict", "m.h5", "-"), ("loss",))
        for command in commands:
            for numbers in ((signal.SIGHUP, signal.SIGINT), (signal.SIGHUP, signal.SIGTERM),
                            (signal.SIGINT, signal.SIGTERM), (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)):
                with self.subTest(command=command, signals=numbers):
                    running = subprocess.Popen(
                        [RANKGRAD, *command], cwd=self.at, stdin=subprocess.PIPE, text=True,
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                    running.stdin.write(lines)
                    running.stdin.flush()
                    self.wait_for_handlers(running)
                    for number in (signal.SIGSTOP, *numbers, signal.SIGCONT):
                        running.send_signal(number)
                    running.communicate(timeout=60)
                    self.assertLess(running.returncode, 0)
                    self.assertFalse((self.at / "n.h5").exists())
        for number in (signal.SIGINT, signal.SIGTERM):  # within a step, which is finished first
            running = self.train_until(2, *self.SLOW)
            running.send_signal(number)
            time.sleep(0.05)
            running.send_signal(number)
            running.communicate(timeout=60)
            self.assertEqual(running.returncode, -number)
            self.forget()

    def wait_for_handlers(self, running):
        """Until the process catches SIGTERM."""
        for _ in range(60000):
            status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
            caught = int(status.split("SigCgt:")[1].split()[0], 16)
            if caught >> (signal.SIGTERM - 1) & 1:
                return
            time.sleep(0.001)
        self.fail("no signal is caught")

    def test_signals_that_are_ignored_stay_so(self):
        running = subprocess.Popen(
            ["sh", "-c", f"trap '' HUP; exec {RANKGRAD} train d.h5 -o n.h5 -q --epochs 100000000"],
            cwd=self.at, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for_handlers(running)
        for number in (signal.SIGHUP, signal.SIGHUP):
            running.send_signal(number)
            time.sleep(0.05)
        self.assertIsNone(running.poll())
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130)

    def test_a_killed_training(self):
        """Neither output is there; the lines of the history are, beside it."""
        (self.at / "h.tsv").write_text("")
        running = self.train_until(6, *self.ENDLESS)
        running.kill()
        running.communicate(timeout=60)
        self.assertFalse((self.at / "n.h5").exists())
        self.assertEqual((self.at / "h.tsv").read_text(), "")
        left = [p for p in self.at.iterdir() if p.name.startswith("h.tsv.tmp-")]
        self.assertEqual(len(left), 1)
        self.assertGreaterEqual(left[0].read_text().count("\n"), 6)

    def test_model_and_history_together(self):
        """One of them cannot be written: the other is not written either."""
        few = ("d.h5", "-q", "--epochs", "2")
        (self.at / "folder").mkdir()
        for output, history in (("/dev/full", "h.tsv"), ("n.h5", "/dev/full"), ("folder", "h.tsv"),
                                ("n.h5", "folder"), ("none/n.h5", "h.tsv"), ("n.h5", "none/h.tsv"),
                                ("d.h5", "h.tsv"), ("n.h5", "d.h5"), ("/proc/self/comm", "h.tsv")):
            before = sorted(p.name for p in self.at.iterdir())
            done = self.run_it("train", *few, "-o", output, "--history", history)
            self.assertIn(done.returncode, (2, 5), done.stderr)
            self.assertEqual(sorted(p.name for p in self.at.iterdir()), before, (output, history))
        self.run_well("train", *few, "-o", "n.h5", "--history", "h.tsv")
        self.assertTrue((self.at / "n.h5").exists() and (self.at / "h.tsv").exists())

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


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


class Destinations(Case):
    """Every kind of path, for a text (predict) and for HDF5 (train)."""

    def setUp(self):
        super().setUp()
        self.scores = self.run_well("predict", "m.h5", "d.h5").stdout.encode()
        self.text = ("predict", "m.h5", "d.h5", "-o")
        self.hdf5 = ("train", "d.h5", "-q", "--epochs", "2", "-o")

    def both(self):
        """(command, the bytes it writes, bytes that it may replace); a clean folder each time."""
        for command, whole, ours in ((self.text, self.scores, b""),
                                     (self.hdf5, self.model, self.model)):
            for path in self.at.iterdir():
                if path.name not in ("d.h5", "m.h5"):
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() \
                        else path.unlink()
            with self.subTest(command=command[0]):
                yield command, whole, ours

    def refused(self, status, words, *command):
        before = self.snapshot()
        done = self.run_it(*command)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.snapshot(), before)

    def snapshot(self):
        found = {}
        for path in sorted(self.at.rglob("*")):
            st = path.lstat()
            content = os.readlink(path) if path.is_symlink() else \
                path.read_bytes() if path.is_file() else None
            found[str(path)] = (st.st_mode, st.st_nlink, st.st_ino, st.st_uid, st.st_gid, content)
        return found

    def test_links_stay(self):
        for command, whole, ours in self.both():
            (self.at / "sub").mkdir()
            (self.at / "sub" / "old").write_bytes(ours)
            links = {"to-old": "sub/old", "to-new": "sub/new", "whole": f"{self.at}/sub/x",
                     "chain": "to-old", "sub/up": "../y", "dash": "-", "sub/here": "z"}
            for name, to in links.items():
                (self.at / name).symlink_to(to)
            for name, to in links.items():
                self.run_well(*command, name)
                self.assertEqual(os.readlink(self.at / name), to)
                self.assertEqual((self.at / name).read_bytes(), whole, name)
                (self.at / name).resolve().write_bytes(ours)
            self.no_temporary()
            (self.at / "loop").symlink_to("loop")
            self.refused(5, "Too many levels", *command, "loop")
            (self.at / "nowhere").symlink_to("none/x")
            self.refused(5, "No such file", *command, "nowhere")
            (self.at / "folder").symlink_to("sub")
            self.refused(5, "directory", *command, "folder")

    def test_hard_links(self):
        for command, whole, ours in self.both():
            (self.at / "one").write_bytes(ours)
            os.link(self.at / "one", self.at / "two")
            self.refused(2, "2 names (hard links)", *command, "one")
            self.run_well(*command, "one", "--force")
            self.assertEqual((self.at / "one").read_bytes(), whole)
            self.assertEqual((self.at / "two").read_bytes(), ours)

    def test_modes_stay(self):
        for command, whole, ours in self.both():
            for mode in (0o600, 0o640, 0o664, 0o666, 0o755, 0o4755, 0o2664, 0o200):
                (self.at / "old").write_bytes(ours)
                (self.at / "old").chmod(mode)
                self.run_well(*command, "old")
                self.assertEqual(oct(mode_of(self.at / "old")), oct(mode))
                (self.at / "old").unlink()
            for mode in (0o444, 0o400, 0o555, 0):
                (self.at / "old").write_bytes(ours)
                (self.at / "old").chmod(mode)
                self.refused(2, "is read-only", *command, "old")
                self.run_well(*command, "old", "--force")
                self.assertEqual(oct(mode_of(self.at / "old")), oct(mode))
                (self.at / "old").chmod(0o600)
                self.assertEqual((self.at / "old").read_bytes(), whole)
                (self.at / "old").unlink()
            before = os.umask(0o027)
            self.run_well(*command, "new")
            os.umask(before)
            self.assertEqual(oct(mode_of(self.at / "new")), oct(0o640))

    @unittest.skipUnless(os.getuid() == 0, "only root gives files away")
    def test_owners_stay(self):
        for command, _, ours in self.both():
            (self.at / "old").write_bytes(ours)
            os.chown(self.at / "old", 12345, 23456)
            self.run_well(*command, "old")
            st = os.stat(self.at / "old")
            self.assertEqual((st.st_uid, st.st_gid), (12345, 23456))
            (self.at / "shared").mkdir()
            os.chown(self.at / "shared", -1, 23456)
            (self.at / "shared").chmod(0o2775)
            self.run_well(*command, "shared/new")
            self.assertEqual(os.stat(self.at / "shared" / "new").st_gid, 23456)

    def test_attributes_stay(self):
        rule = struct.pack("<I" + "HHI" * 5, 2, 1, 6, 2**32 - 1, 2, 6, 777, 4, 0, 2**32 - 1,
                           16, 6, 2**32 - 1, 32, 0, 2**32 - 1)  # user 777 may read and write
        for command, _, ours in self.both():
            (self.at / "old").write_bytes(ours)
            try:
                os.setxattr(self.at / "old", "user.note", b"mine")
                os.setxattr(self.at / "old", "system.posix_acl_access", rule)
            except OSError as error:
                self.skipTest(f"the file system has no attributes: {error}")
            self.run_well(*command, "old")
            self.assertEqual(os.getxattr(self.at / "old", "user.note"), b"mine")
            self.assertEqual(os.getxattr(self.at / "old", "system.posix_acl_access"), rule)

    def test_places(self):
        for command, whole, _ in self.both():
            (self.at / "folder").mkdir()
            self.refused(5, "directory", *command, "folder")
            self.refused(5, "directory", *command, "folder/")
            self.refused(5, "directory", *command, ".")
            self.refused(5, "No such file", *command, "none/x")
            self.refused(5, "ot a directory", *command, "d.h5/x")
            self.refused(2, "empty", *command, "")
            self.refused(5, "cannot", *command, "/proc/self/comm")
            self.refused(5, "cannot", *command, "/proc/none")
            self.refused(5, "Bad file descriptor", *command, "/dev/fd/77")
            listening = socket.socket(socket.AF_UNIX)
            self.addCleanup(listening.close)
            listening.bind(str(self.at / "socket"))
            self.refused(2, "is a socket", *command, "socket")
            name = "n" * 255
            self.run_well(*command, name)
            self.assertEqual((self.at / name).read_bytes(), whole)

    def stream(self, shell, *command):
        line = " ".join([RANKGRAD, *command[:-1]])
        return subprocess.run(["bash", "-c", shell.replace("RUN", line)], cwd=self.at, timeout=120,
                              capture_output=True)

    def test_streams(self):
        """Written to, without --force, whatever is there; never renamed over."""
        for command, whole, _ in self.both():
            log = self.at / "log"
            for path in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "to-stdout"):
                if path == "to-stdout":
                    (self.at / path).symlink_to("/dev/stdout")
                log.write_bytes(b"kept\n")
                inode = log.stat().st_ino
                done = self.stream(f"RUN -o {path} >> log", *command)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(log.read_bytes(), b"kept\n" + whole, path)
                self.assertEqual(log.stat().st_ino, inode)
                done = self.stream(f"RUN -o {path} | cat", *command)
                self.assertEqual(done.stdout, whole, path)
            for shell, expected in (
                    ("exec 3>> log; RUN -o /dev/fd/3; echo more >&3", b"kept\n" + whole + b"more\n"),
                    ("(echo a; RUN -o -; echo b) > log", b"a\n" + whole + b"b\n"),
                    ("RUN -o >(cat > other); wait $!; cat other > log", whole),
                    ("mkfifo f; cat f > log & RUN -o f; wait; test -p f && rm f", whole),
                    ("mkfifo f; ln -s f g; cat f > log & RUN -o g; wait; test -p f && rm f", whole),
                    ("RUN -o /dev/null && test -c /dev/null", b"kept\n")):
                log.write_bytes(b"kept\n")
                done = self.stream(shell, *command)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(log.read_bytes(), expected, shell)
            done = self.stream("RUN -o /dev/stderr 2> log > /dev/null", *command)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(whole in log.read_bytes())
            for path in ("/dev/full", "- > /dev/full", "/dev/stdout > /dev/full", "- >&-"):
                done = self.stream(f"RUN -o {path}", *command)
                self.assertEqual(done.returncode, 5, path)
                self.assertIn(b"cannot write", done.stderr)
            self.no_temporary()

    def test_streams_are_no_inputs(self):
        text = "".join(f"{i % 2} qid:{i // 4} 1:{i} 4:1\n" for i in range(20))
        (self.at / "x.txt").write_text(text)
        for shell in ("{} predict m.h5 x.txt -o - >> x.txt",
                      "{} predict m.h5 x.txt >> x.txt",
                      "{} convert x.txt -o /dev/stdout >> x.txt",
                      "{} convert - -o x.txt --force < x.txt"):
            done = subprocess.run(["sh", "-c", shell.format(RANKGRAD)], cwd=self.at,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("also the input", done.stderr)
            self.assertEqual((self.at / "x.txt").read_text(), text)

    def test_reports_keep_out_of_the_stream(self):
        data = (self.at / "d.h5").read_bytes()
        for shell, expected in (("generate -o - --lists 40 --features 4", data),
                                ("convert d.h5 -o - | cat", None),
                                ("train d.h5 -o - -q --epochs 2 --metric ndcg@10,map", self.model)):
            done = subprocess.run(["sh", "-c", f"{RANKGRAD} {shell}"], cwd=self.at,
                                  capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(done.stdout.startswith(b"\x89HDF"))
            self.assertIn(expected or b"", done.stdout)
            self.assertEqual(len(done.stdout), len(expected or done.stdout))
            self.assertIn(b"lists", done.stderr)
        done = self.run_it("train", "d.h5", "-q", "-o", "-", "--history", "/dev/stdout")
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_only_the_same_kind_is_replaced(self):
        """What stands there, and which outputs replace it without --force."""
        self.run_well("train", "d.h5", "-o", "n.h5", "-q", "--epochs", "1", "--history", "h.tsv")
        history = (self.at / "h.tsv").read_bytes()
        data = (self.at / "d.h5").read_bytes()
        foreign = self.foreign_hdf5()
        kinds = [("model", self.model, {"model"}), ("data", data, {"data"}),
                 ("history", history, {"history"}),
                 ("empty", b"", {"model", "data", "history", "scores"}),
                 ("scores", self.scores, set()), ("text", b"1 qid:1 1:2\n", set()),
                 ("half a model", self.model[:len(self.model) // 2], set()),
                 ("damaged model", self.model[:9] + b"\xff" + self.model[10:], set()),
                 ("HDF5's first bytes", self.model[:8], set()), ("a byte", b"x", set()),
                 ("history's first word", b"epoch\t", set()),
                 ("a model renamed", self.model.replace(b"rankgrad-model", b"rankgrad-madel"),
                  set()), ("zeros", bytes(4096), set())]
        kinds += [("HDF5 of others", one, set()) for one in foreign]
        damaged = ("half a model", "damaged model", "HDF5's first bytes")
        outputs = [("model", ("train", "d.h5", "-q", "--epochs", "1", "-o", "x")),
                   ("data", ("generate", "--lists", "5", "--features", "3", "-o", "x")),
                   ("data", ("convert", "d.h5", "-o", "x")),
                   ("history", ("train", "d.h5", "-q", "--epochs", "1", "-o", "n.h5",
                                "--history", "x")),
                   ("scores", ("predict", "m.h5", "d.h5", "-o", "x"))]
        for name, content, replaced_by in kinds:
            for kind, command in outputs:
                with self.subTest(there=name, command=command):
                    (self.at / "x").write_bytes(content)
                    inode = (self.at / "x").stat().st_ino
                    if kind in replaced_by:
                        self.run_well(*command)
                    else:
                        unreadable = name in damaged and kind in ("model", "data")
                        self.refused(4 if unreadable else 2, "with --force", *command)
                        self.run_well(*command, "--force")
                    self.assertNotEqual((self.at / "x").stat().st_ino, inode)

    def foreign_hdf5(self):
        try:
            import h5py
        except ImportError:
            return []
        found = []
        for attributes in ({}, {"format": "else"}, {"format": "rankgrad-model-of-mine"}):
            with h5py.File(self.at / "f.h5", "w") as file:
                file["features"], file["labels"], file["qid"] = [[1.0]], [1.0], [1]
                file.attrs.update(attributes)
            found.append((self.at / "f.h5").read_bytes())
        return found


if __name__ == "__main__":
    unittest.main()
