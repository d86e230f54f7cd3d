#!/usr/bin/env python3
"""Data sets written by h5py, read by Rankgrad, and the other way round.

Each case writes a file with h5py as somebody would, has `rankgrad convert` read it and write its
own, and compares what h5py finds there with the arrays that were meant.
"""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing} (apt-get install python3-h5py python3-numpy)")
    sys.exit(77)

RANKGRAD = os.environ.get("RANKGRAD")
N, F = 333, 7
RNG = np.random.default_rng(1)
X = RNG.normal(size=(N, F)).astype("f4")
LABELS = RNG.integers(0, 5, N)
QID = np.repeat(np.arange(111), 3)
OFFSETS = np.arange(0, N + 1, 3)


def sparse_x():
    x = np.where(RNG.random((N, F)) < 0.8, 0, X)
    row, column = np.nonzero(x)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=N))])
    return x, x[row, column], column, indptr


class H5py(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.source = os.path.join(self.folder.name, "source.h5")
        self.target = os.path.join(self.folder.name, "target.h5")

    def tearDown(self):
        self.folder.cleanup()

    def convert(self, *options, status=0):
        run = subprocess.run([RANKGRAD, "convert", self.source, "-o", self.target, "--force", *options],
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, status, run.stderr)
        if status == 0:
            self.assertEqual(run.stderr, "")
            return h5py.File(self.target, "r")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertIn(self.source, run.stderr)
        return run.stderr

    def check(self, out, features=X, labels=LABELS, offsets=OFFSETS):
        np.testing.assert_array_equal(out["features"][:], features)
        np.testing.assert_array_equal(out["labels"][:], labels)
        np.testing.assert_array_equal(out["offsets"][:], offsets)
        self.assertEqual(out.attrs["format"], "rankgrad-dataset")
        self.assertEqual(out.attrs["format_version"], "1.0")

    def test_three_lines(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = X, LABELS, QID
        with self.convert() as out:
            self.check(out)
            self.assertEqual(out["features"].dtype, "f4")
            self.assertIsNone(out["features"].chunks)
            self.assertEqual([s.decode() for s in out["query_ids"][:]], [str(q) for q in range(111)])

    def test_newest_format(self):
        with h5py.File(self.source, "w", libver="latest") as f:
            f["features"], f["labels"], f["qid"] = X, LABELS, QID
        with self.convert() as out:
            self.check(out)

    def test_odd_offset(self):
        """int8 labels leave the features at an odd offset: they cannot be mapped."""
        with h5py.File(self.source, "w") as f:
            f["labels"], f["features"], f["qid"] = LABELS.astype("i1"), X, QID
        with self.convert() as out:
            self.check(out)

    def test_gzip_and_fletcher32(self):
        with h5py.File(self.source, "w") as f:
            for name, value in (("features", X), ("labels", LABELS), ("qid", QID)):
                f.create_dataset(name, data=value, compression="gzip", shuffle=True, fletcher32=True)
        with self.convert("--compress") as out:
            self.check(out)

    def test_resizable(self):
        with h5py.File(self.source, "w") as f:
            f.create_dataset("features", data=X, maxshape=(None, F), chunks=(10, 3))
            f.create_dataset("doc_ids", data=[f"d{i}" for i in range(N)], dtype=h5py.string_dtype(),
                             maxshape=(None,), chunks=(50,), compression="gzip")
            f["labels"], f["qid"] = LABELS, QID
        with self.convert() as out:
            self.check(out)
            self.assertEqual(out["doc_ids"][332], b"d332")

    def test_chunks_of_every_shape(self):
        """Filters, chunk shapes and types as they come; chunks that are missing or unfiltered."""
        for chunks in ((1, F), (10, 3), (N, 1), (N, F), (64, F), (331, 6)):
            for dtype in ("f4", ">f4", "f2", "f8"):
                for filters in ({"compression": 9}, {"shuffle": True}, {"fletcher32": True},
                                {"compression": 1, "shuffle": True, "fletcher32": True}):
                    with h5py.File(self.source, "w") as f:
                        f["labels"], f["qid"] = LABELS, QID
                        x = f.create_dataset("features", (N, F), dtype, chunks=chunks, fillvalue=3, **filters)
                        x[:200] = X[:200]
                    with h5py.File(self.source, "r+") as f:
                        raw = np.full(chunks, 2, dtype).tobytes()
                        f["features"].id.write_direct_chunk((0, 0), raw, filter_mask=7)
                    with h5py.File(self.source) as f:
                        expected = f["features"][:]
                    with self.convert("--compress") as out:
                        self.check(out, features=expected)

    def test_lzf_is_refused(self):
        with h5py.File(self.source, "w") as f:
            f.create_dataset("features", data=X, compression="lzf")
            f["labels"], f["qid"] = LABELS, QID
        self.assertIn("lzf", self.convert(status=3))

    def test_damaged_chunk(self):
        with h5py.File(self.source, "w") as f:
            f.create_dataset("features", data=X, compression="gzip", fletcher32=True)
            f["labels"], f["qid"] = LABELS, QID
            offset = f["features"].id.get_chunk_info(0).byte_offset
        with open(self.source, "r+b") as f:
            f.seek(offset + 40)
            f.write(b"\0\0\0\0")
        self.assertIn("/features", self.convert(status=4))

    def test_string_qid(self):
        names = [f"frage-{q}ü" for q in QID]
        for dtype in (h5py.string_dtype(), "S12"):
            with h5py.File(self.source, "w") as f:
                f["features"], f["labels"] = X, LABELS
                values = names if dtype != "S12" else [n.encode() for n in names]
                f.create_dataset("qid", data=np.array(values, dtype=dtype if dtype == "S12" else object),
                                 dtype=dtype)
            with self.convert() as out:
                self.check(out)
                self.assertEqual(out["query_ids"][5].decode(), names[15])

    def test_float_qid(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = X, LABELS, QID.astype("f4")
        with self.convert() as out:
            self.check(out)

    def test_big_endian(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = X.astype(">f4"), LABELS.astype(">i2"), QID.astype(">i8")
        with self.convert() as out:
            self.check(out)

    def test_float16(self):
        for dtype in ("<f2", ">f2"):
            with h5py.File(self.source, "w") as f:
                f["features"], f["labels"], f["qid"] = X.astype(dtype), LABELS, QID
            with self.convert() as out:
                self.check(out, features=X.astype("f2"))
                self.assertEqual(out["features"].dtype, "f2")

    def test_integers(self):
        for dtype, kept in (("i1", "f4"), ("u2", "f4"), (">i4", "f8"), ("u8", "f8"), ("?", "f4")):
            x = (np.abs(X) * 40).astype(dtype)
            with h5py.File(self.source, "w") as f:
                f["features"], f["labels"], f["qid"] = x, LABELS.astype("f4"), QID
            with self.convert() as out:
                self.check(out, features=x)
                self.assertEqual(out["features"].dtype, kept)

    def test_bool_mask_and_labels(self):
        mask = np.arange(N) % 3 != 1
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"], f["mask"] = X, LABELS > 2, QID, mask
        with self.convert() as out:
            self.check(out, labels=LABELS > 2)
            self.assertEqual(out["mask"].dtype, bool)
            np.testing.assert_array_equal(out["mask"][:], mask)

    def test_fill_values(self):
        """A data set that was made and never written reads as its fill value."""
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = X, LABELS, QID
            f.create_dataset("weights", (N,), "f4", fillvalue=2)
            f.create_dataset("mask", (N,), "i1", fillvalue=1, chunks=(100,))
        with self.convert() as out:
            self.check(out)
            self.assertTrue((out["weights"][:] == 2).all() and out["mask"][:].all())

    def test_csr_as_anndata_writes_it(self):
        x, data, indices, indptr = sparse_x()
        for types in (("f4", "i4", "i4"), ("f8", "i8", "i8"), ("i2", "u4", ">i8")):
            with h5py.File(self.source, "w") as f:
                group = f.create_group("features")
                group.attrs["encoding-type"], group.attrs["encoding-version"] = "csr_matrix", "0.1.0"
                group.attrs["shape"] = (N, F)
                values = data if types[0][0] == "f" else np.arange(1, len(data) + 1)
                group["data"] = values.astype(types[0])
                group["indices"], group["indptr"] = indices.astype(types[1]), indptr.astype(types[2])
                f["labels"], f["qid"] = LABELS, QID
            with self.convert() as out:
                group = out["features"]
                self.assertEqual(group.attrs["encoding-type"], "csr_matrix")
                self.assertEqual(group.attrs["encoding-version"], "0.1.0")
                np.testing.assert_array_equal(group.attrs["shape"], (N, F))
                np.testing.assert_array_equal(group["data"][:], values)
                np.testing.assert_array_equal(group["indices"][:], indices)
                np.testing.assert_array_equal(group["indptr"][:], indptr)

    def test_sparse_from_dense(self):
        x, data, indices, indptr = sparse_x()
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = x, LABELS, QID
        with self.convert("--sparse") as out:
            np.testing.assert_array_equal(out["features/data"][:], data)
            np.testing.assert_array_equal(out["features/indices"][:], indices)
            np.testing.assert_array_equal(out["features/indptr"][:], indptr)

    def test_splits_and_everything(self):
        names = [f"feature {i}" for i in range(F)]
        with h5py.File(self.source, "w") as f:
            for split in ("train", "test"):
                g = f.create_group(split)
                g["features"], g["labels"], g["offsets"] = X, LABELS, OFFSETS.astype("u4")
                g["feature_names"], g["doc_ids"] = names, np.arange(N)
                g["weights"], g["list_weights"] = np.ones(N), np.arange(111)
                g["positions"] = np.tile([1, 2, 3], 111).astype("u1")
        with self.convert() as out:
            for split in ("train", "test"):
                g = out[split]
                np.testing.assert_array_equal(g["features"][:], X)
                self.assertEqual([s.decode() for s in g["feature_names"][:]], names)
                self.assertEqual(g["doc_ids"][17], b"17")
                np.testing.assert_array_equal(g["list_weights"][:], np.arange(111))
                np.testing.assert_array_equal(g["positions"][:3], [1, 2, 3])

    def test_same_bytes(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["labels"], f["qid"] = X, LABELS, QID
        for options in ((), ("--compress",), ("--sparse",)):
            self.convert(*options).close()
            first = Path(self.target).read_bytes()
            self.convert(*options).close()
            self.assertEqual(first, Path(self.target).read_bytes())

    def test_soft_link_inside(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["grades"], f["qid"] = X, LABELS, QID
            f["labels"] = h5py.SoftLink("/grades")
        with self.convert() as out:
            self.check(out)

    def test_virtual_and_external(self):
        with h5py.File(self.source, "w") as f:
            f["features"], f["qid"] = X, QID
            layout = h5py.VirtualLayout((N,), "f8")
            layout[:] = h5py.VirtualSource("other.h5", "labels", (N,))
            f.create_virtual_dataset("labels", layout)
        self.assertIn("virtual", self.convert(status=3))
        with h5py.File(self.source, "r+") as f:
            del f["labels"]
            f["labels"] = h5py.ExternalLink("other.h5", "/labels")
        self.assertIn("external link", self.convert(status=3))


if __name__ == "__main__":
    unittest.main()
