"""What the libraries export and import.

The shared library exports exactly the RG_API prototypes of include/. In the static library every
global symbol begins with rg_. Neither the library nor its objects call what a library must not:
printing, ending the process, changing its state, numbers that depend on the locale."""

import os
import pathlib
import re
import subprocess
import sys

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
BUILD = pathlib.Path(os.environ["RANKGRAD_BUILD"])

FORBIDDEN = set("""
    exit _exit _Exit quick_exit abort atexit raise kill
    stdout stderr printf vprintf fprintf vfprintf puts putchar fputs fputc putc perror psignal
    rand srand random srandom rand_r drand48
    setlocale uselocale atof strtod strtof strtold sscanf scanf
    signal sigaction putenv setenv unsetenv chdir umask fesetround fesetenv
    system popen fork
""".split())

# What a sanitizer or a coverage build adds of its own.
INSTRUMENTED = re.compile(r"_+(odr_)?(asan|ubsan|tsan|lsan|gcov|llvm)")


def declared(text):
    """The names of the RG_API prototypes in a header's text."""
    text = re.sub(r"/\*.*?\*/|^ *#.*?(?<!\\)$", "", text, flags=re.S | re.M)
    return set(re.findall(r"\bRG_API\b[^;{(]*?\b(\w+)\s*\(", text))


def forbidden(names):
    """Those that must not be called, under the names that _FORTIFY_SOURCE gives them too."""
    return sorted(name for name in names
                  if re.sub(r"^__(.*)_chk$", r"\1", name) in FORBIDDEN)


def nm(*arguments):
    """The names that nm prints, without versions and without what instruments the build."""
    lines = subprocess.run(["nm", "-P", *map(str, arguments)], text=True, check=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    names = {line.split()[0].split("@")[0] for line in lines if len(line.split()) > 1}
    return {name for name in names if not INSTRUMENTED.match(name)}


def self_test():
    header = """/* RG_API void rg_no(void); */
        #define RG_API __attribute__((x("y")))
        RG_API const char *const *rg_a(const rg_b *b);
        RG_API bool rg_c(int n, void (*f)(int)) __attribute__((format(printf, 2, 3)));
        static inline int rg_d(void) { return 0; }"""
    assert declared(header) == {"rg_a", "rg_c"}, declared(header)
    assert forbidden({"snprintf", "__printf_chk", "abort", "rg_exit"}) == ["__printf_chk", "abort"]


def main():
    self_test()
    findings = []
    headers = sorted((SOURCE / "include" / "rankgrad").glob("*.h"))
    promised = set().union(*(declared(header.read_text()) for header in headers))
    assert len(promised) > 50, f"only {len(promised)} prototypes were read in include/"

    shared, static = BUILD / "librankgrad.so", BUILD / "librankgrad.a"
    exported = nm("-D", "--defined-only", shared)
    findings += [f"{name}: declared in include/ but not exported"
                 for name in sorted(promised - exported)]
    findings += [f"{name}: exported but declared nowhere in include/"
                 for name in sorted(exported - promised)]
    findings += [f"{name}: a global symbol of librankgrad.a without rg_"
                 for name in sorted(nm("-g", "--defined-only", static))
                 if not name.startswith("rg_")]

    imported = nm("-D", "--undefined-only", shared)
    findings += [f"{name}: called by the library" for name in forbidden(imported)]
    findings += [f"{name}: called by the library, defined nowhere"
                 for name in sorted(imported) if name.startswith("rg_")]
    if "CMAKE_BUILD_TYPE:STRING=Release" in (BUILD / "CMakeCache.txt").read_text():
        findings += [f"{name}: an assertion in a release build"
                     for name in imported if name == "__assert_fail"]

    print("\n".join(findings) or f"{len(promised)} functions are declared, and just they exported")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
