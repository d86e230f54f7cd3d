"""Subtopics of a data set: reading and writing them, evaluate and train with alpha_ndcg and err_ia,
and what is said where they are missing or wrong."""
import json
import os
import random
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
except ImportError:
    print("skipped: h5py and NumPy are missing")
    sys.exit(77)

PROGRAM = os.environ["RANKGRAD"]
failed = []


def run(*arguments, text=None):
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)


def says(words, status, *arguments):
    done = run(*arguments)
    if words not in done.stdout + done.stderr or done.returncode != status:
        failed.append(f"{arguments}: expected {words!r}, status {status}, got {done.returncode}: "
                      f"{done.stdout}{done.stderr}")


def write(path, grades, rows=120, mask=None, qid=None):
    draw = random.Random(5)
    with h5py.File(path, "w") as file:
        file["features"] = np.array([[draw.random() for _ in range(3)] for _ in range(rows)], "f4")
        file["labels"] = np.array([draw.randrange(3) for _ in range(rows)])
        file["qid"] = np.arange(rows) // 6 if qid is None else qid
        if grades is not None:
            file["subtopics"] = grades
        if mask is not None:
            file["mask"] = mask


def main():
    draw = np.random.default_rng(3)
    grades = draw.integers(0, 2, (120, 4))
    with tempfile.TemporaryDirectory() as folder:
        def at(name):
            return os.path.join(folder, name)
        data, model = at("data.h5"), at("model.h5")
        write(data, grades.astype("u1"))
        says("wrote", 0, "train", data, "-o", model, "--quiet", "--epochs", "3", "--metric",
             "alpha_ndcg@5,ndcg@5", "--vali-fraction", "0.3")

        # evaluate equals metric with the scores of predict
        report = json.loads(run("evaluate", model, data, "--format", "json", "--metric",
                                "alpha_ndcg@5,err_ia").stdout)["metrics"]
        scores = [float(line) for line in run("predict", model, data).stdout.split()]
        line = {"metric": ["alpha_ndcg@5", "err_ia"], "scores": scores, "labels": [0] * 120,
                "subtopics": grades.tolist(), "offsets": list(range(0, 121, 6))}
        answer = json.loads(run("metric", text=json.dumps(line)).stdout)
        values = [one["value"] for one in answer["metrics"]]
        if [one["value"] for one in report.values()] != values or not 0.3 < min(values) < 1:
            failed.append(f"evaluate {report}, metric {answer}")

        # convert keeps them, whatever integers the file holds
        for number, kind in enumerate(("u1", "i1", "<i2", ">i4", "<i8", "u8", "bool", "u2")):
            write(at("in.h5"), grades.astype(kind))
            done = run("convert", at("in.h5"), "-o", at(f"out{number}.h5"))
            if done.returncode:
                failed.append(f"convert {kind}: {done.stderr}")
                continue
            with h5py.File(at(f"out{number}.h5")) as file:
                kept = file["subtopics"]
                if kept.dtype != np.uint8 or not np.array_equal(kept[()], grades):
                    failed.append(f"convert {kind}: {kept}")
        says("subtopics", 0, "inspect", data)

        # rows of lists that are scattered take their grades with them
        order = draw.permutation(120)
        write(at("scattered.h5"), grades[order].astype("u1"), qid=order // 6)
        says("comes back", 3, "convert", at("scattered.h5"), "-o", at("gathered.h5"))
        run("convert", at("scattered.h5"), "--regroup", "-o", at("gathered.h5"))
        with h5py.File(at("gathered.h5")) as file:
            lists = {str(q.decode() if isinstance(q, bytes) else q): file["subtopics"][a:b]
                     for q, a, b in zip(file["query_ids"][()], file["offsets"][()], file["offsets"][1:])}
        for q in range(20):
            if sorted(map(tuple, lists[str(q)])) != sorted(map(tuple, grades[6 * q:6 * q + 6])):
                failed.append(f"regroup: list {q} has {lists[str(q)]}")

        # what is missing or wrong
        write(at("none.h5"), None)
        for metric in ("alpha_ndcg@5", "err_ia"):
            says("needs subtopics, and there are none; expected `subtopics` (items, subtopics)", 3,
                 "evaluate", model, at("none.h5"), "--metric", metric)
        says("needs subtopics", 3, "train", at("none.h5"), "-o", at("m.h5"), "--quiet", "--metric",
             "err_ia@5")
        bad = grades.astype("i2")
        bad[7, 2] = 256
        for what, value in (("256", 256), ("-1", -1), ("32767", 32767), ("-32768", -32768)):
            bad[7, 2] = value
            write(at("bad.h5"), bad)
            says(f"the grade of row 8 for subtopic 3 (both from 1) is {what}; 0 to 255", 3, "evaluate",
                 model, at("bad.h5"), "--metric", "err_ia")
        write(at("masked.h5"), bad, mask=np.arange(120) != 7)
        says("alpha_ndcg", 0, "evaluate", model, at("masked.h5"), "--metric", "alpha_ndcg")
        write(at("short.h5"), grades[:100])
        says("subtopics has 100 rows, but", 3, "evaluate", model, at("short.h5"))
        write(at("flat.h5"), grades[:, 0])
        says("subtopics has the shape (120)", 3, "evaluate", model, at("flat.h5"))
        write(at("real.h5"), grades * 0.5)
        says("subtopics has elements of the wrong type", 3, "evaluate", model, at("real.h5"))
        write(at("wide.h5"), np.zeros((120, 1025), "u1"))
        says("1025 subtopics; expected 0 to 1024", 3, "evaluate", model, at("wide.h5"), "--metric",
             "err_ia")
        write(at("empty.h5"), np.zeros((120, 0), "u1"))
        says("needs subtopics", 3, "evaluate", model, at("empty.h5"), "--metric", "err_ia")
    print("\n".join(failed) or "subtopics are read, written and measured")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
